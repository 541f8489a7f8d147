Case 2: without a majority nothing commits; the client is told neither success nor failure, and the entry commits when one is back.

Both followers crash. The leader takes the next command into its log and can only wait: a command that is in a log must not be called
failed. The client gives up with an unknown outcome. When one follower is back the leader, which still leads its term, sends it what it
lacks, and the command takes effect after all, as the last read shows.
-- case.toml --
[cluster]
forward = false
[workload]
attempt_timeout = "300ms"
operation_timeout = "300ms"
[run]
window = "3s"
-- overrides --
op c1 t0 = put k0 after 300ms
crash-at n2 #0 = at 700ms for 700ms
crash-at n3 #0 = at 700ms for 1.2s
op c1 t1 = put k0 after 500ms
op c1 t2 = get k0 after 1s
-- situations --
write-without-majority
outcome-unknown
committed-after-majority-returns

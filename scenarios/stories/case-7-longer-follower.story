Case 7: followers whose logs are longer than the new leader's lose the surplus.

n1 and n2 are cut off from the other three. n1, which does not know yet, takes three writes of c1 and gets no further than n2; the client
may have three under way at a time. The other three elect n3, which commits less than n1 and n2 hold. When the links heal the
consistency check of the appends finds the last entry that the logs share, and everything behind it is replaced.
-- case.toml --
[cluster]
nodes = 5
forward = false
[workload]
window = 3
attempt_timeout = "400ms"
operation_timeout = "400ms"
[run]
window = "5s"
-- overrides --
op c1 t0 = put k0 after 300ms
split #0 = at 500ms for 2.5s side n1,n2,c1
op c1 t1 = put k0 after 300ms
op c1 t2 = put k0 after 20ms
op c1 t3 = put k0 after 20ms
op c1 t4 = get k0 after 3s
-- situations --
write-without-majority
leader-gave-up
surplus-overwritten
uncommitted-lost

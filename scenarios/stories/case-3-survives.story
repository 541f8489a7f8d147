Case 3, second ending: the leader dies before a majority has its entry, the one server that has it wins, and the entry survives.

The same as case-3-lost up to the crash. This time n2 stands first. Its log is newer than all others', so all vote for it, and what the
dead leader could not finish is finished by the next, as part of its own log: only together with an entry of its own term is the old
one committed. The client has given up by then, and its write took effect all the same: unknown means either.

-- case.toml --
[cluster]
nodes = 5
forward = false
[workload]
attempt_timeout = "300ms"
operation_timeout = "300ms"
[run]
window = "5s"
-- overrides --
op c1 t0 = put k0 after 300ms
op c1 t1 = put k0 after 500ms
op c1 t2 = get k0 after 2.5s
split #0 = at 815ms for 30ms side n1,n2,c1
crash-at n1 #0 = at 830ms for 3s
election n2 t1 #0 = 10ms
-- situations --
leader-lost-before-majority
uncommitted-survives
old-term-committed-with-own
outcome-unknown

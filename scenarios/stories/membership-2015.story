The error in single-server membership changes that was found in 2015, stopped by the rule that a leader first commits an entry of its own term.

n1 leads term 1 of four servers and appends the addition of n5, which reaches n5 only: n1 and n5 are cut off. n2 is elected by n3 and n4,
which know nothing of n5, and is asked to remove n1. Were it to append that change at once, n2 and n3 could commit it as two of three,
and n1, n4 and n5 could commit the addition as three of five: two majorities that share nobody. n2's first entry is late to arrive
here, and until a majority of the four has it n2 refuses. Then n3 and n4 have an entry of term 2, and the danger is over: when n2 crashes
and n1 asks for votes with the old change in its log, both refuse, since that log is older.
-- case.toml --
[cluster]
nodes = 4
spares = 1
forward = false
[workload]
operation_timeout = "2s"
[run]
window = "6s"
liveness_timeouts = 8
-- overrides --
op c1 t0 = put k0 after 300ms
members #0 = at 600ms to n1,n2,n3,n4,n5
split #0 = at 599ms for 1.7s side n1,n5
election n2 t1 #0 = 10ms
members #1 = at 1.5s to n2,n3,n4
late n2>n3 app t2 #0 = 250ms
late n2>n4 app t2 #0 = 250ms
crash-at n2 #0 = at 2.4s for 2s
election n1 t1 #0 = 930ms
election n3 t2 #0 = 200ms
op c1 t1 = get k0 after 5.3s
-- situations --
change-before-own-commit-refused
two-leaders-at-once
older-log-refused
removed-server-stands

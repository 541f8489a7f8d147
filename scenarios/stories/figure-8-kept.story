Figure 8 of the paper, ending (e): once an entry of the leader's own term stands behind the old one on a majority, both are committed for good.

The same as figure-8-lost up to (c): n1, leading term 3, knows its entry of term 1 to be on three of five and does not commit it. But here
its own entry 5 gets to n2 and n3 as well. That one is of its term and is counted, and what is before it is committed with it. (e) n1
crashes, and n5 tries as before: n2 and n3 refuse, since their logs end in term 3 now, and it cannot win.
-- case.toml --
[cluster]
nodes = 5
forward = false
max_entries_per_message = 1
pipeline = false
[workload]
attempt_timeout = "300ms"
operation_timeout = "300ms"
[run]
window = "8s"
-- overrides --
op c1 t0 = put k0 after 300ms
// (a)
split #0 = at 815ms for 30ms side n1,n2,c1
op c1 t1 = put k0 after 500ms
crash-at n1 #0 = at 830ms for 670ms
// (b)
election n5 t1 #0 = 1ms
election n2 t1 #0 = 990ms
crash n5 submitted t2 #1 = for 880ms
// (c)
lost n1>n4 app t3 #0 = yes
lost n1>n5 app t3 #0 = yes
// (e)
crash-at n1 #1 = at 2.775s for 4s
election n5 t2 #1 = 100ms
op c1 t2 = get k0 after 5s
-- situations --
old-term-not-counted
old-term-committed-with-own
uncommitted-survives
older-log-refused
terms-skipped

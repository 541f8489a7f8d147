Figure 8 of the paper, ending (d): an entry that is on a majority, but not of its leader's term, is overwritten; so it must not be counted.

The figure's terms 2, 3 and 4 are 1, 2 and 3 here. (a) n1 leads term 1; its entry 4 reaches n2 only. (b) n1 crashes; when it is back, n5
wins term 2 with the votes of n3 and n4, and has an entry 4 of its own when it crashes. (c) n1 wins term 3 and sends its old entry to
n3: it is on three of five. n1 knows, and does not commit it; its own entry 5 reaches n2 only. (d) n1 crashes, and n5 wins term 4: its log
ends in term 2, the logs of n2 and n3 in term 1. It overwrites the entry that was on a majority. Had it been committed by counting, and
its client been answered, a promise would be broken now. Figure-8-kept is the same up to (c).
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
isolate n1 #0 = at 2.767s for 20ms outbound
// (d)
crash-at n1 #1 = at 2.775s for 4s
election n5 t2 #1 = 100ms
op c1 t2 = get k0 after 5s
-- situations --
old-term-not-counted
leader-lost-before-majority
surplus-overwritten
uncommitted-lost
terms-skipped

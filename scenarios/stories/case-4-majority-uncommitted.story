Case 4: the leader dies after a majority has its entry and before it has committed it; the next leader commits it only with an entry of its own.

n1 crashes while the acknowledgements are on their way: n1, n2 and n3 of five have the entry, and nobody knows. n2 leads term 2 and
finds that n2, n3 and n4 have the entry of term 1. It does not commit it by counting, for Figure 8 of the paper shows how it could
still be lost. Only when its own entry, which stands behind, is on a majority are both committed.
-- case.toml --
[cluster]
nodes = 5
forward = false
max_entries_per_message = 1
pipeline = false
[workload]
operation_timeout = "4s"
attempt_timeout = "500ms"
[run]
window = "4s"
-- overrides --
op c1 t0 = put k0 after 300ms
op c1 t1 = put k0 after 500ms
split #0 = at 815ms for 30ms side n1,n2,n3,c1
crash-at n1 #0 = at 827ms for 2.5s
election n2 t1 #0 = 10ms
-- situations --
leader-lost-before-commit
old-term-not-counted
old-term-committed-with-own
uncommitted-survives

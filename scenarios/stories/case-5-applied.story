Case 5: the leader dies after it has committed and applied an entry, before anybody else knows; nothing is lost.

Nobody but n1 knew that the entry was committed, and the client had no answer yet. But a majority has the entry, so whoever is elected
has it, and commits it again with an entry of its own. The client asks once more, under the same number, and gets the answer of the
one execution.
-- case.toml --
[cluster]
forward = false
[workload]
attempt_timeout = "500ms"
[run]
window = "4s"
-- overrides --
op c1 t0 = put k0 after 300ms
op c1 t1 = put k0 after 500ms
isolate n1 #0 = at 824ms for 100ms outbound
crash n1 applied t1 #3 = for 2s
-- situations --
leader-lost-before-telling

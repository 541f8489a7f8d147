Case 3, first ending: the leader dies before a majority has its entry, one that lacks it wins, and the entry is gone.

Of five servers only n2 gets the entry before n1 crashes. n3, which lacks it, stands first. n2 refuses, since its own log is newer, but
n4 and n5 do not, and three of five are a majority. The new leader's log is the law: n2, and n1 when it is back, lose the entry. The
client never had an answer. Case-3-survives differs in one line: who stands first.
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
election n3 t1 #0 = 10ms
-- situations --
leader-lost-before-majority
older-log-refused
uncommitted-lost
outcome-unknown

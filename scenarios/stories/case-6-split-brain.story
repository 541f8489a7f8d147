Case 6: an old leader is cut off while clients still reach it; it takes writes and can never acknowledge them.

n1 is cut off from the other servers, and not from the clients. Without check-quorum, which is switched off here to show it, n1 goes on
leading term 1 while n2 leads term 2: two leaders at once. c1 still asks n1: its write enters a log and gets no further. c2 writes through
n2, which has a majority. When the links heal n1 hears of term 2, and its entry is overwritten.
-- case.toml --
[cluster]
forward = false
check_quorum = false
[workload]
clients = 2
attempt_timeout = "400ms"
operation_timeout = "400ms"
[run]
window = "5s"
-- overrides --
op c1 t0 = put k0 after 300ms
isolate n1 #0 = at 700ms for 3s both
op c1 t1 = put k0 after 2s
op c2 t0 = put k0 after 2.5s
op c1 t2 = get k0 after 1.5s
-- situations --
two-leaders-at-once
write-without-majority
write-to-cut-off-leader
old-leader-deposed
uncommitted-lost
outcome-unknown

Head-of-line blocking: an operation that cannot reach a majority holds up a later one, of another client and on another key.

The leader takes c1's write of k1 while it is cut off. The links are open again when c2 writes k0, and its entry goes out at once, but
there is one log: the followers refuse what does not follow on theirs. c2 waits for c1's entry to be sent again.
-- case.toml --
[cluster]
forward = false
[workload]
clients = 2
keys = 2
[run]
window = "3s"
-- overrides --
op c1 t0 = put k1 after 300ms
op c2 t0 = put k0 after 300ms
isolate n1 #0 = at 700ms for 160ms both
op c1 t1 = put k1 after 400ms
op c2 t1 = put k0 after 545ms
-- situations --
write-without-majority
head-of-line-blocked
committed-after-majority-returns

Case 1: a command reaches a majority, is committed, and the others learn so with the next append.

The client asks n2, which does not lead and forwards. The leader appends, sends to both in parallel and commits with the first
acknowledgement, since two of three are a majority. n2 answers the client itself, when its own log shows the command committed.
-- case.toml --
[run]
window = "1s"
-- overrides --
op c1 t0 = put k0 after 300ms
op c1 t1 = put k0 after 100ms
-- situations --
committed
commit-learnt
forwarded
own-log-answer

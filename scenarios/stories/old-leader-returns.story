An old leader returns: it slept through an election, wakes up believing that it leads, and gives up before it does any harm.

n1 stands still for two seconds (a pause of the machine, a collector). n2 is elected and commits a write. What reached n1 meanwhile is
handled when it wakes: c2's read, which it may answer only if it still leads. No majority has answered it for an election timeout, so
it gives up by itself, even before it hears of term 2; its old state is shown to nobody.
-- case.toml --
[cluster]
forward = false
[workload]
clients = 2
attempt_timeout = "1500ms"
[run]
window = "5s"
-- overrides --
op c1 t0 = put k0 after 300ms
op c2 t0 = get-leader k0 after 350ms
pause n1 #0 = at 600ms for 2s
op c2 t1 = get-leader k0 after 800ms
election n2 t1 #0 = 10ms
op c1 t1 = put k0 after 1.8s
-- situations --
leader-gave-up
two-leaders-at-once

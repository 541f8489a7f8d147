A server that was removed and never heard of it asks for votes, and disturbs nobody.

n4 is cut off while an operator has it removed. The entry that removes it never reaches it, so it goes on believing that it is a
member, hears no leader, and asks for votes. The others heard their leader lately and do not even answer (thesis 4.2.3); since it asks
whether it could win before it begins a term, its terms do not grow either. Writes go on throughout.
-- case.toml --
[cluster]
nodes = 4
forward = false
[run]
window = "4s"
-- overrides --
op c1 t0 = put k0 after 300ms
isolate n4 #0 = at 500ms for 1.5s both
members #0 = at 700ms to n1,n2,n3
election n4 t1 #0 = 10ms
election n4 t1 #1 = 10ms
op c1 t1 = put k0 after 2.2s
-- situations --
removed-server-stands

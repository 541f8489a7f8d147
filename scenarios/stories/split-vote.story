Two servers stand in the same term and share the votes: nobody wins, and the next round decides.

The leader of five crashes. The timeouts of n2 and n3 end at about the same time; both find that they could win and stand in term 2.
n4 gives its vote to n2 and n5 to n3, and three votes are needed. Their next timeouts are different: the first to stand again wins
term 3. Term 2 never had a leader.
-- case.toml --
[cluster]
nodes = 5
forward = false
[run]
window = "5s"
-- overrides --
op c1 t0 = put k0 after 300ms
crash-at n1 #0 = at 550ms for 3.8s
election n2 t1 #0 = 100ms
election n3 t1 #0 = 100ms
late n2>n5 vote t2 #0 = 8ms
late n3>n4 vote t2 #0 = 8ms
op c1 t1 = put k0 after 3.2s
-- situations --
split-vote
vote-taken

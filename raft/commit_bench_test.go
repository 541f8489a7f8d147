package raft

import "testing"

// proposeToCommit brings one proposal of 16 bytes from Propose to Committed at a leader of three: both followers get the
// append, the leader's own write is done, the first follower's answer commits, and the news of it goes out with the next
// Ready. now is the time of all of it.
type proposeToCommit struct {
	r     *Raft
	reply Message
	data  [16]byte
	now   int64
}

func (b *proposeToCommit) step() {
	r := b.r
	index, term, err := r.Propose(b.now, b.data[:])
	if err != nil {
		panic(err)
	}
	rd := r.Ready()
	round := rd.Messages[0].Round
	r.Advance(b.now, rd.Ticket)
	for id := uint64(2); id <= 3; id++ {
		b.reply = Message{Type: MsgAppResp, From: id, To: 1, Term: term, Index: index, Round: round}
		if err := r.Step(b.now, &b.reply); err != nil {
			panic(err)
		}
		if !r.HasReady() {
			continue
		}
		if rd := r.Ready(); len(rd.Committed) > 0 {
			r.Applied(b.now, rd.Committed[len(rd.Committed)-1].Index)
		}
	}
}

// BenchmarkProposeToCommit3Leader is the leader's share of a commit among three.
func BenchmarkProposeToCommit3Leader(b *testing.B) {
	p := proposeToCommit{r: leaderBench()}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i&(1<<16-1) == 1<<16-1 { // a log that grows for ever would measure the memory
			p.r = leaderBench()
		}
		p.step()
	}
}

// BenchmarkProposeToCommit3 is the whole: three cores, every message handed over without a codec, all writes done at once.
func BenchmarkProposeToCommit3(b *testing.B) {
	nodes := trio(b)
	data := make([]byte, 16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i&(1<<16-1) == 1<<16-1 {
			nodes = trio(b)
		}
		if _, _, err := nodes[0].Propose(0, data); err != nil {
			b.Fatal(err)
		}
		exchange(nodes)
	}
}

// trio makes three servers of which the first leads.
func trio(b *testing.B) []*Raft {
	nodes := make([]*Raft, 3)
	for i := range nodes {
		cfg := testConfig()
		cfg.ID = uint64(i) + 1
		r, err := New(cfg, 0, InitialState{ConfState: ConfState{Voters: []uint64{1, 2, 3}}})
		if err != nil {
			b.Fatal(err)
		}
		nodes[i] = r
	}
	nodes[0].Campaign(0)
	exchange(nodes)
	if nodes[0].Status().Role != StateLeader {
		b.Fatal("no leader")
	}
	return nodes
}

// exchange hands messages on until there are none. A Ready's messages stay valid until its server's next one.
func exchange(nodes []*Raft) {
	for busy := true; busy; {
		busy = false
		for _, r := range nodes {
			if !r.HasReady() {
				continue
			}
			busy = true
			rd := r.Ready()
			r.Advance(0, rd.Ticket)
			if n := len(rd.Committed); n > 0 {
				r.Applied(0, rd.Committed[n-1].Index)
			}
			for _, list := range [...][]Message{rd.Messages, rd.Dependent} {
				for i := range list {
					if err := nodes[list[i].To-1].Step(0, &list[i]); err != nil {
						panic(err)
					}
				}
			}
		}
	}
}

// TestCommitAllocations: a commit costs its share of the log's memory, also when the front is cut off now and then.
func TestCommitAllocations(t *testing.T) {
	p := proposeToCommit{r: leaderBench()}
	conf := ConfState{Voters: []uint64{1, 2, 3}}
	if n := testing.AllocsPerRun(300, func() {
		for range 100 {
			p.step()
		}
		s := p.r.Status()
		p.r.Snapshotted(p.now, SnapshotMeta{Index: s.Applied, Term: s.Term, ConfState: conf})
	}); n > 12 {
		t.Errorf("100 commits and a snapshot cost %v allocations", n)
	}
	if s := p.r.Status(); s.FirstIndex != s.LastIndex+1 || s.LastIndex < 1000 {
		t.Errorf("%s", DescribeStatus(nil, s))
	}
}

package raft

import "testing"

// followerBench is a follower that has just accepted a leader.
func followerBench(b testing.TB) *Raft {
	cfg := testConfig()
	cfg.ID = 2
	r, err := New(cfg, 0, InitialState{ConfState: ConfState{Voters: []uint64{1, 2, 3}}})
	if err != nil {
		b.Fatal(err)
	}
	return r
}

// drain does what a host would, with a disk that is done at once.
func drain(r *Raft) int {
	n := 0
	for r.HasReady() {
		rd := r.Ready()
		n += len(rd.Messages) + len(rd.Dependent)
		committed := len(rd.Committed)
		last := uint64(0)
		if committed > 0 {
			last = rd.Committed[committed-1].Index
		}
		r.Advance(0, rd.Ticket)
		if committed > 0 {
			r.Applied(0, last)
		}
	}
	return n
}

// appendStep steps the append of one 16-byte entry that also commits the one before, and takes what comes of it.
func appendStep(r *Raft, m *Message, index uint64, data []byte) {
	m.Index, m.Commit = index-1, index-1
	m.LogTerm = min(1, index-1)
	m.Entries[0] = Entry{Term: 1, Index: index, Data: data}
	if err := r.Step(0, m); err != nil {
		panic(err)
	}
	drain(r)
}

func BenchmarkStepAppend(b *testing.B) {
	data := make([]byte, 16)
	m := Message{Type: MsgApp, From: 1, To: 2, Term: 1, Entries: make([]Entry, 1)}
	r := followerBench(b)
	index := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		if index == 1<<16 { // a log that grows for ever would measure the memory
			r, index = followerBench(b), 0
		}
		index++
		appendStep(r, &m, index, data)
	}
}

// heartbeatRound lets a leader of three send its heartbeats and hear both answers.
func heartbeatRound(r *Raft, reply *Message, now int64) {
	r.Tick(now)
	rd := r.Ready()
	round := rd.Messages[0].Round
	for id := uint64(2); id <= 3; id++ {
		*reply = Message{Type: MsgHeartbeatResp, From: id, To: 1, Term: r.term, Round: round}
		if err := r.Step(now, reply); err != nil {
			panic(err)
		}
	}
	_ = r.Deadline()
}

func leaderBench() *Raft {
	c := newCluster(3, testConfig())
	c.elect(1)
	return c.node(1).r
}

func BenchmarkHeartbeatRound(b *testing.B) {
	r := leaderBench()
	var reply Message
	now := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		now += int64(testConfig().HeartbeatInterval)
		heartbeatRound(r, &reply, now)
	}
}

func BenchmarkCodecAppend(b *testing.B) {
	m := Message{Type: MsgApp, From: 1, To: 2, Term: 300, LogTerm: 300, Index: 70000, Commit: 69990, Round: 400,
		Entries: []Entry{{Term: 300, Index: 70001, Data: make([]byte, 16)}}}
	var got Message
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		buffer = AppendMessage(buffer[:0], &m)
		if err := DecodeMessage(buffer, &got); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buffer)))
}

// readRound lets a leader of three answer four reads of its own and one of a follower.
func readRound(r *Raft, m *Message) {
	for i := range uint64(4) {
		if err := r.ReadIndex(0, i, false); err != nil {
			panic(err)
		}
	}
	*m = Message{Type: MsgReadIndex, From: 3, To: 1, Term: r.term, Context: 7}
	if err := r.Step(0, m); err != nil {
		panic(err)
	}
	round := r.Ready().Messages[0].Round
	*m = Message{Type: MsgHeartbeatResp, From: 2, To: 1, Term: r.term, Round: round}
	if err := r.Step(0, m); err != nil {
		panic(err)
	}
	if rd := r.Ready(); len(rd.Reads) != 4 || len(rd.Messages) != 1 {
		panic("reads are missing")
	}
}

// BenchmarkReadRound is five reads that share a round.
func BenchmarkReadRound(b *testing.B) {
	r := leaderBench()
	var m Message
	b.ReportAllocs()
	for b.Loop() {
		readRound(r, &m)
	}
}

// TestSteadyStateAllocations: an append costs its share of the slab and the log's growth, a heartbeat round or a read nothing.
func TestSteadyStateAllocations(t *testing.T) {
	data := make([]byte, 16)
	m := Message{Type: MsgApp, From: 1, To: 2, Term: 1, Entries: make([]Entry, 1)}
	r := followerBench(t)
	index := uint64(0)
	if n := testing.AllocsPerRun(1000, func() {
		for range 100 {
			index++
			appendStep(r, &m, index, data)
		}
	}); n > 2 {
		t.Errorf("100 appends cost %v allocations", n)
	}
	leader := leaderBench()
	var reply Message
	now := int64(0)
	if n := testing.AllocsPerRun(1000, func() {
		now += int64(testConfig().HeartbeatInterval)
		heartbeatRound(leader, &reply, now)
	}); n != 0 {
		t.Errorf("a heartbeat round costs %v allocations", n)
	}
	if n := testing.AllocsPerRun(1000, func() { readRound(leader, &reply) }); n != 0 {
		t.Errorf("reads cost %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for range 100 {
			commitStep(leader, data, &reply)
		}
	}); n > 2 {
		t.Errorf("100 proposals cost %v allocations", n)
	}
}

// commitStep proposes one 16-byte entry at a leader of three, whose disk is done at once, and hears one follower's answer.
func commitStep(r *Raft, data []byte, reply *Message) {
	index, term, err := r.Propose(0, data)
	if err != nil {
		panic(err)
	}
	drain(r)
	for id := uint64(2); id <= 3; id++ {
		*reply = Message{Type: MsgAppResp, From: id, To: 1, Term: term, Index: index, Round: r.rounds.newest}
		if err := r.Step(0, reply); err != nil {
			panic(err)
		}
	}
	drain(r)
	if r.log.commit != index {
		panic("not committed")
	}
}

// BenchmarkProposeCommit is all a leader of three does for one entry: proposal, appends, both answers, commit, apply.
func BenchmarkProposeCommit(b *testing.B) {
	data := make([]byte, 16)
	var reply Message
	r := leaderBench()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n++; n == 1<<16 {
			r, n = leaderBench(), 0
		}
		commitStep(r, data, &reply)
	}
}

package etcdraft

import (
	"runtime"
	"testing"
	"time"

	etcd "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"

	"raftsim/raft"
)

// committer is the core of a leader of three alone: no simulation, no codec, no disk. Its host does what the core's documentation
// asks for, and nothing else.
type committer interface {
	// commit proposes proposalSize bytes and brings them from the proposal to the state machine: appends for both followers, the leader's
	// own write, which is done at once, both followers' answers, of which the first commits, and the news of that. It returns how many
	// entries came out to be applied.
	commit() int
}

// ourLeader is this project's core.
type ourLeader struct {
	raft  *raft.Raft
	reply raft.Message
	data  [proposalSize]byte // the core copies it
}

func newOurLeader() committer {
	r, err := raft.New(raft.Config{
		ID: 1, ElectionTimeout: electionTimeout, HeartbeatInterval: heartbeatInterval, DisablePreVote: true,
	}, 0, raft.InitialState{ConfState: raft.ConfState{Voters: []uint64{1, 2, 3}}})
	must(err)
	l := &ourLeader{raft: r}
	r.Campaign(0)
	l.handOut()
	must(r.Step(0, &raft.Message{Type: raft.MsgVoteResp, From: 2, To: 1, Term: r.Status().Term}))
	l.replicate()
	return l
}

func (l *ourLeader) commit() int {
	_, _, err := l.raft.Propose(0, l.data[:])
	must(err)
	return l.replicate()
}

func (l *ourLeader) replicate() (applied int) {
	index, round := l.handOut()
	for id := uint64(2); id <= 3; id++ {
		l.reply = raft.Message{Type: raft.MsgAppResp, From: id, To: 1, Term: 1, Index: index, Round: round}
		must(l.raft.Step(0, &l.reply))
		for l.raft.HasReady() {
			rd := l.raft.Ready()
			if n := len(rd.Committed); n > 0 {
				l.raft.Applied(0, rd.Committed[n-1].Index)
				applied += n
			}
		}
	}
	return applied
}

// handOut does what a Ready with something to write asks for. It returns the last entry in it, and the round of its messages.
func (l *ourLeader) handOut() (index, round uint64) {
	rd := l.raft.Ready()
	if n := len(rd.Entries); n > 0 {
		index = rd.Entries[n-1].Index
	}
	if len(rd.Messages) > 0 {
		round = rd.Messages[0].Round
	}
	l.raft.Advance(0, rd.Ticket)
	return index, round
}

// etcdLeader is etcd's, in its synchronous mode and with its own storage in memory, which it reads its log from.
type etcdLeader struct {
	raw   *etcd.RawNode
	store *etcd.MemoryStorage
	reply [2]*raftpb.Message // used again and again: nothing keeps them
}

func newEtcdLeader() committer {
	l := &etcdLeader{store: bootstrap([]uint64{1, 2, 3})}
	raw, err := etcd.NewRawNode(&etcd.Config{
		ID: 1, ElectionTick: int(electionTimeout / heartbeatInterval), HeartbeatTick: 1, Storage: l.store,
		MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, CheckQuorum: true, Logger: silent{},
	})
	must(err)
	l.raw = raw
	must(raw.Campaign())
	l.handOut()
	term := raw.BasicStatus().GetTerm()
	must(raw.Step(&raftpb.Message{Type: raftpb.MsgVoteResp.Enum(), From: new(uint64(2)), To: new(uint64(1)), Term: new(term)}))
	for i := range l.reply {
		l.reply[i] = &raftpb.Message{
			Type: raftpb.MsgAppResp.Enum(), From: new(uint64(i + 2)), To: new(uint64(1)), Term: new(term), Index: new(uint64(0)),
		}
	}
	l.replicate()
	return l
}

func (l *etcdLeader) commit() int {
	must(l.raw.Propose(make([]byte, proposalSize))) // the core keeps it
	return l.replicate()
}

func (l *etcdLeader) replicate() (applied int) {
	index, _ := l.handOut()
	for _, m := range l.reply {
		*m.Index = index
		must(l.raw.Step(m))
		for l.raw.HasReady() {
			_, n := l.handOut()
			applied += n
		}
	}
	return applied
}

// handOut does what a Ready asks for. It returns the last entry to be written, and how many are to be applied.
func (l *etcdLeader) handOut() (index uint64, applied int) {
	rd := l.raw.Ready()
	must(l.store.Append(rd.Entries))
	if !etcd.IsEmptyHardState(rd.HardState) {
		must(l.store.SetHardState(rd.HardState))
	}
	if n := len(rd.Entries); n > 0 {
		index = rd.Entries[n-1].GetIndex()
	}
	l.raw.Advance(rd)
	return index, len(rd.CommittedEntries)
}

var committers = []struct {
	name string
	make func() committer
}{{"ours", newOurLeader}, {"etcd", newEtcdLeader}}

// Both leaders commit what they are given, one entry at a time: they do the same work.
func TestCommittersCommit(t *testing.T) {
	for _, c := range committers {
		l := c.make()
		for i := range 300 {
			if n := l.commit(); n != 1 {
				t.Fatalf("%s: proposal %d brings %d entries to be applied, want 1", c.name, i, n)
			}
		}
	}
}

// renewal is after how many commits a leader is replaced by a new one: a log that grows for ever would measure the memory.
const renewal = 1 << 14

// BenchmarkCommit measures what a commit costs the core of a leader of three, processor time of the garbage collector included.
func BenchmarkCommit(b *testing.B) {
	for _, c := range committers {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			runtime.GC() // earlier garbage is not this run's to collect
			before, hasCPU := cpuTime()
			l, applied := c.make(), 0
			for i := 0; b.Loop(); i++ {
				if i%renewal == renewal-1 {
					l = c.make()
				}
				applied += l.commit()
			}
			after, _ := cpuTime()
			if applied != b.N {
				b.Fatalf("%d proposals brought %d entries to be applied", b.N, applied)
			}
			if hasCPU {
				b.ReportMetric(float64((after-before)/time.Nanosecond)/float64(b.N), "cpu-ns/commit")
			}
		})
	}
}

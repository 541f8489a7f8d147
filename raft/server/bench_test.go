package server

import (
	"testing"

	"raftsim/raft"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
)

// quiet is a host that counts.
type quiet struct{ replies, later int }

func (*quiet) Moment(Moment, uint64) bool          { return true }
func (*quiet) SendMessage(*raft.Message)           {}
func (*quiet) SendForward(uint64, *client.Request) {}
func (*quiet) SendBeacon(uint64, *client.Beacon)   {}
func (h *quiet) SendReply(*client.Reply)           { h.replies++ }
func (h *quiet) ApplyLater()                       { h.later++ }
func (*quiet) Halt(err error)                      { panic(err) }

// single is a cluster of one whose disk is memory, with a leader and the session of client 5.
type single struct {
	*quiet
	server  *Server
	fsys    *vfs.Mem
	request client.Request
}

func newSingle(t testing.TB, cfg Config) *single {
	t.Helper()
	s := &single{quiet: new(quiet), fsys: new(vfs.Mem)}
	if err := Bootstrap(s.fsys, 1, raft.ConfState{Voters: []uint64{1}}); err != nil {
		t.Fatal(err)
	}
	s.fsys.Completions()
	cfg.Raft.ID, cfg.Raft.ElectionTimeout, cfg.Raft.HeartbeatInterval = 1, electionTimeout, heartbeat
	var err error
	if s.server, err = Restart(cfg, s.fsys, s.quiet, nil, statemachine.NewKV()); err != nil {
		t.Fatal(err)
	}
	s.rest()
	s.server.Campaign(0)
	s.rest()
	open := opening(5, 1, 1)
	s.server.HandleRequest(0, &open)
	s.rest()
	s.request = ask(5, 1, 1)
	s.request.Session, s.request.Command = s.server.applied.Index, put(1, "0123456789abcdef")
	s.replies = 0
	return s
}

// rest completes syncs and applies what waits until nothing does.
func (s *single) rest() {
	for {
		done := s.fsys.Completions()
		for _, c := range done {
			s.server.HandleSync(0, c.Ticket, c.Err)
		}
		if s.later > 0 {
			s.later = 0
			s.server.HandleApply(0, 0)
		} else if len(done) == 0 {
			return
		}
	}
}

// write takes the next command through the server.
func (s *single) write() {
	s.request.Seq++
	s.request.Prev, s.request.Ack = s.request.Seq-1, s.request.Seq
	s.server.HandleRequest(0, &s.request)
	s.rest()
}

// read takes a read of a key through the server.
func (s *single) read(kind client.ReadKind, command []byte) {
	s.request.Seq++
	r := client.Request{Kind: client.KindRead, Read: kind, Client: 5, Seq: s.request.Seq, Attempt: 1, Command: command}
	s.server.HandleRequest(0, &r)
}

func BenchmarkRequest(b *testing.B) {
	for _, async := range []bool{false, true} {
		b.Run(map[bool]string{false: "sync", true: "async"}[async], func(b *testing.B) {
			s := newSingle(b, Config{AsyncApply: async})
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				s.write()
				n++
			}
			if s.replies != n {
				b.Fatalf("%d replies to %d requests", s.replies, n)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, kind := range []client.ReadKind{client.ReadStale, client.ReadLeader} {
		b.Run(kind.String(), func(b *testing.B) {
			s := newSingle(b, Config{})
			s.write()
			command := statemachine.AppendGet(nil, 1)
			s.replies = 0
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				s.read(kind, command)
				n++
			}
			if s.replies != n {
				b.Fatalf("%d replies to %d reads", s.replies, n)
			}
		})
	}
}

// appending is how many allocations the log makes for one entry.
func appending(t *testing.T) float64 {
	t.Helper()
	fsys := new(vfs.Mem)
	if err := storage.Bootstrap(fsys, 1, raft.ConfState{Voters: []uint64{1}}, 0, 1); err != nil {
		t.Fatal(err)
	}
	fsys.Completions()
	log, _, err := storage.Open(fsys, 1, storage.Options{}, recoveryTicket)
	if err != nil {
		t.Fatal(err)
	}
	rest := func() {
		for done := fsys.Completions(); len(done) > 0; done = fsys.Completions() {
			for _, c := range done {
				log.Completed(c.Ticket, c.Err)
			}
		}
	}
	rest()
	hs, entries := raft.HardState{Term: 1}, []raft.Entry{{Term: 1, Data: make([]byte, 50)}}
	ticket := vfs.Ticket(1)
	write := func() {
		entries[0].Index++
		ticket++
		if err := log.Append(&hs, entries); err != nil {
			t.Fatal(err)
		}
		log.Sync(ticket)
		rest()
	}
	for range 2000 {
		write()
	}
	return testing.AllocsPerRun(8, write)
}

// In steady state the server takes no memory for a request but what the log on disk takes, nor for a read.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	storing := appending(t)
	for _, async := range []bool{false, true} {
		s := newSingle(t, Config{AsyncApply: async})
		for range 2000 {
			s.write()
		}
		// The log and the disk of memory grow now and then: less than one allocation in eight requests.
		if got := testing.AllocsPerRun(8, func() { s.write() }); got > storing {
			t.Errorf("async %v: %v allocations per request, %v of them for the log", async, got, storing)
		}
		command := statemachine.AppendGet(nil, 1)
		for _, kind := range []client.ReadKind{client.ReadStale, client.ReadLeader, client.ReadLease} {
			read := func() { s.read(kind, command) }
			read()
			if got := testing.AllocsPerRun(100, read); got > 0 {
				t.Errorf("%v: %v allocations per read", kind, got)
			}
		}
	}
}

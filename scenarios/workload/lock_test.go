package workload

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/checker"
	"raftsim/internal/fixed"
	"raftsim/raft/client"
	"raftsim/raft/statemachine/lock"
	"raftsim/sim"
)

// What a session draws prints, parses back and is allowed; a seed file can say no less.
func TestLockChoices(t *testing.T) {
	plan := Plan{Clients: 2, Keys: 3, LockTTL: time.Second, Reads: Reads{Log: 1, Leader: 1, Lease: 1, Follower: 1, Stale: 1}}
	s := Lock{}.NewSession()
	if err := s.Reset(plan); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for seed := range uint64(3000) {
		w := sim.KnobWords(seed, "choice")
		choice := s.Draw(&w)
		text := string(Lock{}.AppendChoice(nil, choice))
		back, err := Lock{}.ParseChoice(text)
		if err != nil || back != choice || (Lock{}).CheckChoice(plan, choice) != nil {
			t.Fatalf("%d prints as %q, which parses as %d, %v", choice, text, back, err)
		}
		seen[text] = true
	}
	for _, text := range []string{"step k0", "release k1", "stall k2", "die k0", "look k1", "look-follower k2", "read k0", "read-lease k1", "look-leader k0"} {
		if !seen[text] {
			t.Errorf("%q is never drawn", text)
		}
	}
	if len(seen) != 3*(6+2*3) {
		t.Errorf("%d different choices", len(seen))
	}
	for _, text := range []string{"", "step", "jump k0", "none k0", "step-leader k0", "look-stale k0", "look-log k0", "step kx", "step k-1"} {
		if _, err := (Lock{}).ParseChoice(text); err == nil {
			t.Errorf("%q parses", text)
		}
	}
	for _, choice := range []int64{0, -1, chooseLock(0, client.ReadLog, 0), chooseLock(7, client.ReadLog, 0), chooseLock(intentStep, client.ReadLog, 3),
		chooseLock(intentStep, client.ReadLeader, 0), chooseLock(intentLook, client.ReadStale, 0)} {
		if (Lock{}).CheckChoice(plan, choice) == nil {
			t.Errorf("choice %d is allowed", choice)
		}
	}
}

// lockPlay is one machine, used by the clients of a session one command at a time, and out of step as far as answers are concerned.
type lockPlay struct {
	session *lockSession
	machine *lock.Machine
	now     int64
	seq     uint64
	order   []checker.Execution
	// tamper may change an answer; it reports whether it did.
	tamper   func(c *lock.Command, r *lock.Result) bool
	tampered bool
	late     func() // completes an operation of lateID's that has taken effect
	lateID   uint64
}

const (
	playTTL     = 100
	playClients = 4
)

func newLockPlay(t *rapid.T) *lockPlay {
	p := &lockPlay{session: new(lockSession), machine: lock.New()}
	if err := p.session.Reset(Plan{Clients: playClients, Keys: 2, LockTTL: playTTL}); err != nil {
		t.Fatal(err)
	}
	return p
}

// step lets somebody do something. Most operations are answered at once; of some the answer comes after the next one, or never.
func (p *lockPlay) step(t *rapid.T) {
	id := rapid.Uint64Range(1, playClients).Draw(t, "client")
	// Nobody begins anything while an operation of its own is under way.
	if p.late != nil && p.lateID == id {
		p.settle()
	}
	intents := []intent{intentStep, intentStep, intentStep, intentStep, intentRelease, intentStall, intentDie, intentLook, intentRead}
	choice := chooseLock(rapid.SampledFrom(intents).Draw(t, "intent"), client.ReadLog, rapid.IntRange(0, 1).Draw(t, "lock"))
	if rapid.IntRange(0, 9).Draw(t, "outside") == 9 {
		choice = chooseLock(rapid.SampledFrom(intents[7:]).Draw(t, "look"), client.ReadLeader, 0)
	}
	p.session.Chosen(id, choice)
	p.seq++
	seq := p.seq
	b, err := p.session.Invoke(id, seq, choice, seq, nil)
	if err != nil {
		t.Fatal(err)
	}
	fate := rapid.IntRange(0, 19).Draw(t, "fate")
	if fate == 19 {
		p.session.Abandon(id, seq, seq) // without effect
		return
	}
	p.now += rapid.SampledFrom([]int64{0, 1, 5, 20, 60}).Draw(t, "passes")
	p.machine.Advance(p.now)
	var answer []byte
	outside := p.session.Read(choice) != client.ReadLog
	if outside {
		answer = p.machine.Query(b, nil)
	} else {
		answer = p.machine.Apply(seq, b, nil)
		p.order = append(p.order, checker.Execution{Client: id, Seq: seq, Index: seq, Time: p.now})
	}
	if p.tamper != nil && !p.tampered {
		var r lock.Result
		if err := lock.DecodeResult(answer, &r); err != nil {
			t.Fatal(err)
		}
		if p.tamper(&p.session.asked[p.session.last[id]].command, &r) {
			p.tampered, answer = true, appendResult(&r)
		}
	}
	complete := func() {
		if err := p.session.Complete(id, seq, seq, seq, answer); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case fate == 18:
		p.session.Abandon(id, seq, seq)
	case fate >= 15 && p.late == nil:
		p.late, p.lateID = complete, id
		return
	default:
		complete()
	}
	p.settle()
}

func (p *lockPlay) settle() {
	if f := p.late; f != nil {
		p.late = nil
		f()
	}
}

func appendResult(r *lock.Result) []byte {
	word := binary.LittleEndian.AppendUint64
	b := word([]byte{byte(r.Status)}, uint64(r.Now))
	switch r.Status {
	case lock.StatusListed:
		b = binary.LittleEndian.AppendUint32(word(b, r.Own), uint32(len(r.Children)))
		for _, c := range r.Children {
			b = word(word(b, c.Number), c.Owner)
		}
	case lock.StatusAlive:
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Fired)))
		for _, v := range r.Fired {
			b = word(b, v)
		}
	case lock.StatusRefused:
		b = word(b, r.Token)
	case lock.StatusResource:
		b = word(word(b, r.Token), r.Value)
	}
	return b
}

// The machine, the model and the promises agree on whatever clients do, and everything that can happen to locks does. (The
// model is the machine's obviously correct slow twin.)
func TestLockMachineAgainstModel(t *testing.T) {
	var all LockCounts
	fixed.Check(t, 100, func(t *rapid.T) {
		p := newLockPlay(t)
		for range 150 {
			p.step(t)
		}
		p.settle()
		j := p.session.Judge(p.order, math.MaxUint64)
		if len(j.Violations) > 0 || j.Contradiction != "" || j.Stages.WitnessYes != 1 || j.Stages.PorcupineYes != 1 {
			t.Fatalf("%+v", j)
		}
		all.Acquisitions += j.Locks.Acquisitions
		all.ReleaseHandOver += j.Locks.ReleaseHandOver
		all.ExpiryHandOver += j.Locks.ExpiryHandOver
		all.TokensRefused += j.Locks.TokensRefused
		all.WatchesFired += j.Locks.WatchesFired
		all.Overlaps += j.Locks.Overlaps
	})
	if all.Acquisitions == 0 || all.ReleaseHandOver == 0 || all.ExpiryHandOver == 0 || all.TokensRefused == 0 || all.WatchesFired == 0 || all.Overlaps == 0 {
		t.Errorf("something never happened: %+v", all)
	}
}

// Each promise, broken in one answer, is found to be, by the judge it belongs to; and by the model whatever it is.
func TestLockJudgesBite(t *testing.T) {
	var ghosts []lock.Child
	for _, tc := range []struct {
		signature string
		tamper    func(c *lock.Command, r *lock.Result) bool
	}{
		{"LOCK/old-token-honoured", func(c *lock.Command, r *lock.Result) bool {
			if r.Status != lock.StatusRefused || c.Token == 0 || c.Token >= r.Token {
				return false
			}
			*r = lock.Result{Status: lock.StatusWritten, Now: r.Now}
			return true
		}},
		{"LOCK/resource-went-back", func(_ *lock.Command, r *lock.Result) bool {
			if r.Status != lock.StatusResource || r.Token == 0 {
				return false
			}
			r.Token--
			return true
		}},
		{"LOCK/two-owners", func(_ *lock.Command, r *lock.Result) bool { // who waits is shown as the first
			at := slices.IndexFunc(r.Children, func(c lock.Child) bool { return c.Number == r.Own })
			if at < 1 {
				return false
			}
			r.Children = r.Children[at:]
			return true
		}},
		{"LOCK/child-outlives-owner", func(c *lock.Command, r *lock.Result) bool {
			if r.Status != lock.StatusListed || c.Lock != 0 {
				return false
			}
			for _, g := range ghosts { // somebody who was there and is not: released, or expired
				if len(r.Children) > 0 && g.Number < r.Children[0].Number {
					r.Children = append([]lock.Child{g}, r.Children...)
					return true
				}
			}
			ghosts = append(ghosts[:0], r.Children...)
			return false
		}},
		{"LOCK/lease-cut-short", func(_ *lock.Command, r *lock.Result) bool {
			if r.Status != lock.StatusAlive {
				return false
			}
			*r = lock.Result{Status: lock.StatusGone, Now: r.Now}
			return true
		}},
		{"LOCK/number-given-twice", func(_ *lock.Command, r *lock.Result) bool {
			if len(r.Children) < 2 || r.Own != r.Children[1].Number {
				return false
			}
			r.Own = r.Children[0].Number
			return true
		}},
		{"LIN/not-linearizable", func(_ *lock.Command, r *lock.Result) bool { // the news of a watch is lost
			if r.Status != lock.StatusAlive || len(r.Fired) == 0 {
				return false
			}
			r.Fired = nil
			return true
		}},
	} {
		tampered, caught := 0, 0
		fixed.Check(t, 60, func(t *rapid.T) {
			p := newLockPlay(t)
			p.tamper, ghosts = tc.tamper, ghosts[:0]
			for n := 0; n < 150 && !p.tampered; n++ {
				p.step(t)
			}
			p.settle()
			if !p.tampered || p.session.history[len(p.session.history)-1].Return == checker.NoReturn {
				return
			}
			tampered++
			j := p.session.Judge(p.order, math.MaxUint64)
			seen := map[string]bool{}
			for _, v := range j.Violations {
				seen[v.Signature()] = true
			}
			if !seen["LIN/not-linearizable"] || j.Contradiction != "" {
				t.Fatalf("%s: the model has no objection: %+v", tc.signature, j)
			}
			if seen[tc.signature] {
				caught++
			}
		})
		if caught == 0 {
			t.Errorf("%s: 0 of %d", tc.signature, tampered)
		}
		t.Logf("%s: %d of %d", tc.signature, caught, tampered)
	}
}

// Two that believe at once are no violation as long as the service keeps its promises.
func TestBeliefOverlaps(t *testing.T) {
	p := &lockPlay{session: new(lockSession), machine: lock.New()}
	if err := p.session.Reset(Plan{Clients: 2, Keys: 1, LockTTL: playTTL}); err != nil {
		t.Fatal(err)
	}
	do := func(id uint64, i intent, passes int64) string {
		p.seq++
		p.now += passes
		b, err := p.session.Invoke(id, p.seq, chooseLock(i, client.ReadLog, 0), p.seq, nil)
		if err != nil {
			t.Fatal(err)
		}
		p.machine.Advance(p.now)
		if err := p.session.Complete(id, p.seq, p.seq, p.seq, p.machine.Apply(p.seq, b, nil)); err != nil {
			t.Fatal(err)
		}
		p.order = append(p.order, checker.Execution{Client: id, Seq: p.seq, Index: p.seq, Time: p.now})
		return string(p.session.Describe(nil, id, p.seq))
	}
	for _, tc := range []struct {
		id     uint64
		intent intent
		passes int64
		want   string
	}{
		{1, intentStep, 1, "c1#1 acquire k0 as c1.1 -> 1:c1.1 (log time 1ns)"},
		{1, intentStep, 1, "c1#2 write k0 with token 1 -> written (log time 2ns)"},
		{2, intentStep, 98, "c2#3 acquire k0 as c2.1 -> 1:c1.1 2:c2.1 (log time 100ns)"},
		{2, intentStep, 1, "c2#4 renew as c2.1 -> alive (log time 101ns)"},
		{2, intentStep, 1, "c2#5 renew as c2.1 -> alive, k0 changed (log time 102ns)"},
		{2, intentStep, 0, "c2#6 watch k0 as c2.1 -> 2:c2.1 (log time 102ns)"},
		{1, intentStall, 1, "c1#7 write k0 with token 1 -> written (log time 103ns)"}, // nobody newer has written
		{2, intentStep, 1, "c2#8 write k0 with token 2 -> written (log time 104ns)"},
		{1, intentStall, 1, "c1#9 write k0 with token 1 -> refused, token 2 was here (log time 105ns)"},
		{1, intentStep, 1, "c1#10 watch k0 as c1.1 -> expired (log time 106ns)"},
		{1, intentStep, 1, "c1#11 acquire k0 as c1.2 -> 2:c2.1 3:c1.2 (log time 107ns)"},
		{1, intentRead, 1, "c1#12 read k0 -> c2#8 with token 2 (log time 108ns)"},
		{2, intentRelease, 1, "c2#13 release k0 2 as c2.1 -> released (log time 109ns)"},
		{2, intentLook, 1, "c2#14 look k0 -> 3:c1.2 (log time 110ns)"},
	} {
		if got := do(tc.id, tc.intent, tc.passes); got != tc.want {
			t.Errorf("%s, want %s", got, tc.want)
		}
	}
	j := p.session.Judge(p.order, 1000)
	want := LockCounts{LockTally: checker.LockTally{
		Acquisitions: 3, ReleaseHandOver: 1, ExpiryHandOver: 1, Expirations: 1, WatchesFired: 4, TokensRefused: 1,
	}, Overlaps: 1}
	if len(j.Violations) != 0 || j.Locks != want {
		t.Errorf("%+v, want %+v and no violation", j, want)
	}
}

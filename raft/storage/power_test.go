package storage_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// machine is one member's storage on a simulated disk, and the list of batches that it should remember.
type machine struct {
	kernel sim.Kernel
	fates  sim.Fates
	disk   *disk.Disk
	log    *storage.Log // nil between the end of one process and the completed recovery of the next

	opened   *storage.Log
	batches  []batch // appended, in order
	syncs    []int   // by ticket: how many batches it covers
	safe     int     // so many batches were reported durable
	tailsCut int
}

type batch struct {
	hs      raft.HardState
	entries []raft.Entry
}

const recovery vfs.Ticket = 1 << 32

func newMachine(lying bool, seed uint64) (*machine, error) {
	v, err := sim.NewVocabulary(nil, disk.Specs()...)
	if err != nil {
		return nil, err
	}
	m := &machine{}
	err = m.fates.Reset(sim.FatesConfig{
		Vocabulary: v, Noisy: seed != 0, Seed: seed, CheckOnce: true,
		Noise: func(p sim.Purpose) sim.Noise {
			if p == disk.Torn {
				return sim.Noise{Chance: sim.Ratio{Num: 4, Den: 5}, Draw: disk.DrawTorn}
			}
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 4}, Draw: disk.DrawSlowSync(1, 100)}
		},
	})
	if err != nil {
		return nil, err
	}
	m.kernel.Reset(&m.fates, nil, sim.Bounds{}, nil)
	m.kernel.Host(1, m)
	m.disk = disk.New(&m.kernel, 1, disk.Options{SyncLatency: 20, LyingSync: lying})
	err = m.disk.Setup(func(fsys vfs.FS) error {
		return storage.Bootstrap(fsys, 1, raft.ConfState{Voters: []uint64{1, 2, 3}}, 1, 2)
	})
	if err == nil {
		err = m.restart(0)
	}
	return m, err
}

func (m *machine) Deliver(ev sim.Event) {
	c, ok := m.disk.Complete(ev.Payload)
	if !ok || c.Incarnation != m.disk.Incarnation() {
		return
	}
	if c.Ticket == recovery {
		m.log, m.opened = m.opened, nil
		m.safe = len(m.batches)
		return
	}
	m.safe = max(m.safe, m.syncs[c.Ticket])
}

func (m *machine) Fold(sim.Event, *sim.Digest)             {}
func (m *machine) Describe(_ sim.Event, dst []byte) []byte { return dst }
func (m *machine) run(d time.Duration) error               { return m.kernel.Run(m.kernel.Now().Add(d)) }
func (m *machine) crash() error                            { m.disk.Crash(); return m.restart(len(m.batches)) }
func (m *machine) powerLoss() error                        { m.disk.PowerLoss(); return m.restart(m.safe) }
func (m *machine) last() uint64                            { return uint64(len(remember(m.batches).Entries)) }
func (m *machine) append(b batch) error {
	m.batches = append(m.batches, b)
	return m.log.Append(&b.hs, b.entries)
}

func (m *machine) sync() {
	m.log.Sync(vfs.Ticket(len(m.syncs)))
	m.syncs = append(m.syncs, len(m.batches))
}

// restart opens the log and checks what it remembers: the first n batches exactly, for an n of at least least. Those are
// the history from then on.
func (m *machine) restart(least int) error {
	m.log = nil
	l, st, err := storage.Open(m.disk.FS(), 1, recovery)
	if err != nil {
		return err
	}
	if st.Cut > 0 {
		m.tailsCut++
	}
	m.opened = l
	for n := len(m.batches); n >= 0; n-- {
		if sameState(remember(m.batches[:n]), st) {
			if n < least {
				return fmt.Errorf("the disk remembers %d batches, but %d were promised", n, least)
			}
			m.batches = m.batches[:n]
			m.safe = min(m.safe, n)
			return nil
		}
	}
	return fmt.Errorf("the disk remembers %+v, which is no prefix of what was written", st)
}

func sameState(a, b storage.State) bool {
	return a.ID == b.ID && slices.Equal(a.ConfState.Voters, b.ConfState.Voters) && a.HardState == b.HardState &&
		slices.EqualFunc(a.Entries, b.Entries, func(e, f raft.Entry) bool {
			return e.Term == f.Term && e.Index == f.Index && e.Type == f.Type && bytes.Equal(e.Data, f.Data)
		})
}

func remember(batches []batch) storage.State {
	st := storage.State{ID: 1, ConfState: raft.ConfState{Voters: []uint64{1, 2, 3}}}
	for _, b := range batches {
		st.HardState = b.hs
		for _, e := range b.entries {
			st.Entries = append(st.Entries[:e.Index-1:e.Index-1], e)
		}
	}
	return st
}

func (m *machine) drawBatch(t *rapid.T) (b batch) {
	b.hs.Term = uint64(len(m.batches)) + 1 // tells the batches apart
	first := m.last() + 1
	if rapid.IntRange(0, 4).Draw(t, "replace") == 0 {
		first = rapid.Uint64Range(1, first).Draw(t, "first")
	}
	for i := range rapid.Uint64Range(0, 3).Draw(t, "entries") {
		size := rapid.SampledFrom([]int{0, 1, 30, 600}).Draw(t, "size")
		b.entries = append(b.entries, raft.Entry{Term: b.hs.Term, Index: first + i, Data: []byte(strings.Repeat("d", size))})
	}
	return b
}

// However often the process dies and the power fails, also during recovery, the log remembers a prefix of the batches: after a
// crash all of them, after a power loss at least those whose sync had completed.
func TestPowerLossKeepsWhatWasPromised(t *testing.T) {
	cut, kept := 0, uint64(0)
	rapid.Check(t, func(t *rapid.T) {
		m, err := newMachine(false, rapid.Uint64().Draw(t, "seed"))
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(err)
		actions := map[string]func(*rapid.T){
			"recover, append, maybe sync": func(t *rapid.T) {
				must(m.run(time.Second))
				for range rapid.IntRange(1, 3).Draw(t, "batches") {
					must(m.append(m.drawBatch(t)))
				}
				if rapid.Bool().Draw(t, "sync") {
					m.sync()
				}
			},
			"append": func(t *rapid.T) {
				if m.log == nil {
					t.Skip("recovering")
				}
				must(m.append(m.drawBatch(t)))
			},
			"sync": func(t *rapid.T) {
				if m.log == nil {
					t.Skip("recovering")
				}
				m.sync()
			},
			"wait":       func(t *rapid.T) { must(m.run(time.Duration(rapid.IntRange(1, 60).Draw(t, "for")))) },
			"wait long":  func(*rapid.T) { must(m.run(time.Second)) },
			"crash":      func(*rapid.T) { must(m.crash()) },
			"power loss": func(*rapid.T) { must(m.powerLoss()) },
		}
		for range 4 { // longer histories than one repetition makes
			t.Repeat(actions)
		}
		must(m.powerLoss())
		cut += m.tailsCut
		kept += m.disk.Stats().BytesKept
	})
	if cut == 0 || kept == 0 {
		t.Errorf("%d tails cut off, %d unsynced bytes kept: the power losses were too kind to show anything", cut, kept)
	}
}

// loseAfterSync is the shortest story of a broken promise.
func loseAfterSync(lying bool) error {
	m, err := newMachine(lying, 0)
	if err != nil {
		return err
	}
	if err := m.run(time.Second); err != nil {
		return err
	}
	if err := m.append(batch{hs: raft.HardState{Term: 1}, entries: []raft.Entry{{Term: 1, Index: 1}}}); err != nil {
		return err
	}
	m.sync()
	if err := m.run(time.Second); err != nil {
		return err
	}
	if m.safe != 1 {
		return fmt.Errorf("%d batches are promised, want 1", m.safe)
	}
	return m.powerLoss()
}

// The check above bites: on a disk whose syncs lie it finds the loss.
func TestLyingSyncIsFound(t *testing.T) {
	if err := loseAfterSync(false); err != nil {
		t.Errorf("honest disk: %v", err)
	}
	want := "the disk remembers 0 batches, but 1 were promised"
	if err := loseAfterSync(true); err == nil || err.Error() != want {
		t.Errorf("lying disk: %v, want: %s", err, want)
	}
}

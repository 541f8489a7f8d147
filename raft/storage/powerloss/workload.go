package powerloss

import (
	"errors"
	"fmt"

	"raftsim/raft"
	"raftsim/raft/storage"
)

// workload draws operations for a member.
type workload struct {
	*member
	r     random
	count int        // operations so far
	kinds [opEnd]int // how many of each
}

// Run does the operations of a workload on a machine whose power does not fail, and checks at every restart, and at the end, what is
// remembered. Of the options those about power losses mean nothing.
func Run(machine Machine, o Options) (Report, error) {
	o = o.withDefaults()
	w := newWorkload(machine, o)
	if err := w.found(); err != nil {
		return Report{}, err
	}
	err := w.run(o.Operations, func(int) error { return nil })
	if err == nil {
		err = w.goOn()
	}
	return Report{Operations: w.count, Kinds: w.kinds}, err
}

func newWorkload(machine Machine, o Options) *workload {
	m := &member{machine: machine, segment: o.SegmentBytes, model: &model{versions: make([]version, 1)}}
	return &workload{r: random(o.Seed), member: m}
}

// run does operations. next is told the number of each before it begins, and may end the run.
func (w *workload) run(operations int, next func(int) error) error {
	if err := next(0); err != nil {
		return err
	}
	if _, err := w.open(); err != nil {
		return fmt.Errorf("powerloss: first start: %w", err)
	}
	for w.count < operations {
		w.count++
		if err := next(w.count); err != nil {
			return err
		}
		if err := w.step(); err != nil {
			return fmt.Errorf("powerloss: operation %d: %w", w.count, err)
		}
	}
	return nil
}

type op uint8

const (
	opAppend op = iota
	opHardState
	opReplace
	opSync
	opSettle
	opSnapshot
	opInstall
	opRestart
	opEnd
)

// OpNames returns the names of the operations of a workload, in the order of Report.Kinds.
func OpNames() []string {
	return []string{"append", "hard state", "replace", "sync", "settle", "snapshot and compact", "install", "restart"}
}

// ErrNotFounded is returned by Run if a sync of the bootstrap fails: such a member does not exist, and there is nothing to check.
var ErrNotFounded = errors.New("powerloss: the bootstrap failed")

// found bootstraps the member.
func (w *workload) found() error {
	fsys, err := w.machine.Start()
	if err != nil {
		return err
	}
	if err := storage.Bootstrap(fsys, id, voters(), 1, 2); err != nil {
		return err
	}
	for range 2 {
		if c, _, ok := w.machine.Complete(); !ok || c.Err != nil {
			return fmt.Errorf("%w: completion %+v", ErrNotFounded, c)
		}
	}
	return nil
}

// step does one operation. What cannot be done at the moment becomes a sync.
func (w *workload) step() error {
	if w.halted {
		return w.do(opRestart)
	}
	if w.install != 0 || w.opening != 0 && w.model.lives < w.life { // nothing may be appended yet
		switch w.r.below(8) {
		case 0:
			return w.do(opRestart)
		case 1, 2, 3:
			_, err := w.completeOne()
			return err
		}
		w.kinds[opSettle]++
		return w.settle()
	}
	o := op(0)
	switch n := w.r.below(100); {
	case n < 34:
		o = opAppend
	case n < 40:
		o = opHardState
	case n < 50:
		o = opReplace
	case n < 70:
		o = opSync
	case n < 84:
		o = opSettle
	case n < 92:
		o = opSnapshot
	case n < 96:
		o = opInstall
	default:
		o = opRestart
	}
	return w.do(o)
}

func (w *workload) do(o op) error {
	v := w.model.latest()
	hs, last := v.hs, v.last()
	hs.Commit = max(hs.Commit, w.committable())
	switch o {
	case opAppend:
		if w.r.oneIn(4) || hs.Term == 0 {
			hs.Term++
			hs.Vote = w.r.below(4)
		}
		w.kinds[opAppend]++
		return w.append(hs, w.entries(hs.Term, last.Index+1))
	case opHardState:
		if w.r.oneIn(2) {
			hs.Term++
		}
		hs.Vote = 1 + w.r.below(3)
		w.kinds[opHardState]++
		return w.append(hs, nil)
	case opReplace:
		if last.Index <= hs.Commit {
			return w.do(opSync)
		}
		hs.Term++
		hs.Vote = 0
		first := hs.Commit + 1 + w.r.below(last.Index-hs.Commit)
		w.kinds[opReplace]++
		return w.append(hs, w.entries(hs.Term, first))
	case opSync:
		w.kinds[opSync]++
		w.sync()
	case opSettle:
		w.kinds[opSettle]++
		if w.r.oneIn(2) {
			return w.settle()
		}
		_, err := w.completeOne()
		return err
	case opSnapshot:
		return w.snapshot()
	case opInstall:
		return w.receive()
	case opRestart:
		w.kinds[opRestart]++
		if _, err := w.open(); err != nil {
			return fmt.Errorf("restart: %w", err)
		}
	}
	return nil
}

// entries draws a batch.
func (w *workload) entries(term, first uint64) []raft.Entry {
	batch := make([]raft.Entry, 1+w.r.below(3))
	for i := range batch {
		var data []byte
		if n := w.r.below(5); n > 0 {
			data = make([]byte, w.r.below(n*n*6))
			for j := range data {
				data[j] = byte(w.r.next())
			}
		}
		batch[i] = raft.Entry{Term: term, Index: first + uint64(i), Type: raft.EntryType(w.r.below(2)), Data: data}
	}
	return batch
}

// committable is an index up to which entries are durable, and so may be committed.
func (w *workload) committable() uint64 {
	acked, latest := &w.model.versions[w.model.acked], w.model.latest()
	common := min(acked.last().Index, latest.last().Index)
	for common > latest.base.Index && (common < acked.base.Index || acked.id(common) != latest.id(common)) {
		common--
	}
	return common
}

// snapshot saves one, or compacts to one that was saved.
func (w *workload) snapshot() error {
	v := w.model.latest()
	if len(w.loose) > 0 {
		index := w.loose[0]
		w.loose = w.loose[1:]
		index -= min(w.r.below(4), index-min(index, v.base.Index))
		w.kinds[opSnapshot]++
		if err := w.log.Compact(index, v.id(index).Term); err != nil {
			return err
		}
		return w.log.RemoveSnapshotsBefore(index, func(uint64) bool { return w.r.oneIn(4) })
	}
	newest := w.newestSnapshot()
	commit := min(w.committable(), v.hs.Commit)
	if w.saving != 0 || commit <= newest {
		return w.do(opSync)
	}
	s := w.draw(v.id(newest + 1 + w.r.below(commit-newest)))
	w.saving = s.meta.Index
	w.kinds[opSnapshot]++
	return w.log.SaveSnapshot(s.meta, s.data)
}

func (w *workload) newestSnapshot() (newest uint64) {
	for i := range w.model.snaps {
		newest = max(newest, w.model.snaps[i].meta.Index)
	}
	return newest
}

// draw makes a snapshot of an entry and enters it in the model.
func (w *workload) draw(of raft.EntryID) *snapshot {
	data := make([]byte, w.r.below(200))
	for i := range data {
		data[i] = byte(w.r.next())
	}
	conf := voters()
	conf.Learners = []uint64{3 + of.Index}
	w.model.snaps = append(w.model.snaps, snapshot{
		meta: raft.SnapshotMeta{Index: of.Index, Term: of.Term, Size: uint64(len(data)), ConfState: conf},
		data: data,
	})
	return &w.model.snaps[len(w.model.snaps)-1]
}

// receive takes in a snapshot in pieces and installs it in the place of the log.
func (w *workload) receive() error {
	v := w.model.latest()
	last := v.last()
	of := raft.EntryID{Index: last.Index + 1 + w.r.below(5), Term: v.hs.Term}
	if of.Term == 0 || of.Index <= w.newestSnapshot() || w.saving != 0 {
		return w.do(opSync)
	}
	if v.hs.Commit < last.Index && w.r.oneIn(2) {
		of = w.overtaking(of)
	}
	s := w.draw(of)
	for at, n := 0, 0; at == 0 || at < len(s.data); at += n {
		n = min(1+int(w.r.below(100)), len(s.data)-at)
		c := raft.Chunk{Index: of.Index, Term: of.Term, Offset: uint64(at), Data: s.data[at : at+n]}
		if err := w.log.ReceiveChunk(c); err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	w.kinds[opInstall]++
	w.loose = nil
	w.install = w.take(w.model.replace(s.meta))
	return w.log.InstallSnapshot(s.meta, w.install)
}

// overtaking draws the entry of a snapshot by which another leader overtakes this log, which ends with entries that are not committed:
// of an older term perhaps than those, and perhaps at the place of one of them.
func (w *workload) overtaking(of raft.EntryID) raft.EntryID {
	v := w.model.latest()
	commit, last := v.hs.Commit, v.last().Index
	if low := max(v.id(max(commit, v.base.Index)).Term, 1); low < of.Term {
		of.Term = low + w.r.below(of.Term-low)
	}
	at := max(commit, w.newestSnapshot()) + 1
	if at > last {
		return of
	}
	if at += w.r.below(last + 1 - at); v.id(at).Term != of.Term {
		of.Index = at
	}
	return of
}

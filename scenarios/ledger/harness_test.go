package ledger

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
	"raftsim/sim"
	"raftsim/sim/disk"
)

const member = 3

// twin is a Judge that follows a disk in the most obvious way, and keeps the calls of the last look.
type twin struct {
	image     checker.DiskImage
	recovered *checker.DiskImage
	calls     []string
	damaged   int
}

func (j *twin) say(format string, args ...any) {
	j.calls = append(j.calls, fmt.Sprintf(format, args...))
}

func (j *twin) last() uint64 { return j.image.Offset + uint64(len(j.image.Entries)) }

func (j *twin) DiskEntry(_, index, term, hash uint64) {
	j.say("entry %d.%d", index, term)
	j.image.Entries = append(j.image.Entries[:index-1-j.image.Offset], checker.ImageEntry{Term: term, Hash: hash})
}

func (j *twin) DiskTruncated(_, last uint64) {
	j.say("truncated %d", last)
	j.image.Entries = j.image.Entries[:last-j.image.Offset]
}

func (j *twin) DiskSnapshot(_, index, term uint64) {
	j.say("snapshot %d.%d", index, term)
	j.image.SnapshotIndex, j.image.SnapshotTerm = index, term
	j.image.Commit = max(j.image.Commit, index)
	if !holds(&j.image, identity{index, term}) {
		j.image.Offset, j.image.OffsetTerm, j.image.Entries = index, term, nil
	}
}

func (j *twin) DiskCompacted(_, index uint64) {
	j.say("compacted %d", index)
	if index > j.last() {
		return
	}
	j.image.OffsetTerm = j.image.Entries[index-j.image.Offset-1].Term
	j.image.Entries = slices.Clone(j.image.Entries[index-j.image.Offset:])
	j.image.Offset = index
}

func (j *twin) DiskHardState(_, term, vote, commit uint64) {
	j.say("hard state %d %d %d", term, vote, commit)
	j.image.Term, j.image.Vote, j.image.Commit = term, vote, commit
}

func (j *twin) ObserveDisk(_ uint64, img *checker.DiskImage) {
	j.say("whole %d..%d snapshot %d hard state %d %d %d", img.Offset, img.Offset+uint64(len(img.Entries)), img.SnapshotIndex, img.Term, img.Vote, img.Commit)
	j.image = *img
	j.image.Entries = slices.Clone(img.Entries)
}

func (j *twin) RecoveredImage(_ uint64, img *checker.DiskImage) {
	c := *img
	c.Entries = slices.Clone(img.Entries)
	j.recovered = &c
}

func (j *twin) Damaged(uint64) { j.damaged++ }

// tee tells two judges.
type tee struct{ a, b Judge }

func (j tee) DiskEntry(n, i, t, h uint64) { j.a.DiskEntry(n, i, t, h); j.b.DiskEntry(n, i, t, h) }
func (j tee) DiskTruncated(n, l uint64)   { j.a.DiskTruncated(n, l); j.b.DiskTruncated(n, l) }
func (j tee) DiskSnapshot(n, i, t uint64) { j.a.DiskSnapshot(n, i, t); j.b.DiskSnapshot(n, i, t) }
func (j tee) DiskCompacted(n, i uint64)   { j.a.DiskCompacted(n, i); j.b.DiskCompacted(n, i) }
func (j tee) DiskHardState(n, t, v, c uint64) {
	j.a.DiskHardState(n, t, v, c)
	j.b.DiskHardState(n, t, v, c)
}
func (j tee) Damaged(n uint64) { j.a.Damaged(n); j.b.Damaged(n) }
func (j tee) ObserveDisk(n uint64, img *checker.DiskImage) {
	j.a.ObserveDisk(n, img)
	j.b.ObserveDisk(n, img)
}
func (j tee) RecoveredImage(n uint64, img *checker.DiskImage) {
	j.a.RecoveredImage(n, img)
	j.b.RecoveredImage(n, img)
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// host is a simulated disk with a member's log on it, and the ledger that looks on.
type host struct {
	t       fataler
	kernel  sim.Kernel
	fates   sim.Fates
	disk    *disk.Disk
	twin    twin
	cluster checker.Cluster
	ledger  Ledger
	options storage.Options
	trust   bool // every sync that completed is a promise kept: compare with storage at every completion

	log         *storage.Log
	opened      storage.State
	ticket      vfs.Ticket
	busy        vfs.Ticket // nothing may be appended before it
	dead        bool
	base        raft.EntryID
	entries     []raft.Entry // after base, of the live process
	hard        raft.HardState
	promises    []promise
	durable     uint64
	floor       uint64              // committed, in any life
	snapshots   []raft.SnapshotMeta // durable ones
	installing  *raft.SnapshotMeta
	looks       int
	recoveries  int
	untold      bool // damage took what nothing tells of
	unannounced bool // the ledger is not told when a process begins
	deaf        bool // it does not hear that a sync has failed
	installs    int
}

type promise struct {
	ticket vfs.Ticket
	last   uint64
}

type settings struct {
	disk    disk.Options
	segment int64
	noise   func(sim.Purpose) sim.Noise
	seed    uint64
	joins   bool
	trust   bool
}

func newHost(t fataler, s settings) *host {
	t.Helper()
	v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "n", First: 1, Last: 63}}, disk.Specs()...)
	if err != nil {
		t.Fatalf("%v", err)
	}
	h := &host{t: t, options: storage.Options{SegmentBytes: s.segment}, trust: s.trust}
	if err := h.fates.Reset(sim.FatesConfig{Vocabulary: v, Noisy: s.noise != nil, Seed: s.seed, Noise: s.noise}); err != nil {
		t.Fatalf("%v", err)
	}
	h.kernel.Reset(&h.fates, nil, sim.Bounds{}, nil)
	h.kernel.Host(member, h)
	s.disk.SyncLatency = 10
	h.disk = disk.New(&h.kernel, member, s.disk)
	h.cluster.DecodedDisks, h.cluster.WatchDisks = true, true
	h.cluster.Reset(member)
	h.cluster.Configured(member, 0, checker.Configuration{Voters: []uint64{member}})
	h.ledger.Judge = tee{&h.twin, &h.cluster}
	err = h.disk.Setup(func(f vfs.FS) error {
		if s.joins {
			return join(f)
		}
		return storage.Bootstrap(f, member, raft.ConfState{Voters: []uint64{member, 9}}, 1, 2)
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	h.open()
	return h
}

func join(f vfs.FS) error { return storage.Join(f, member, 0, 1, 2) }

func (h *host) Deliver(ev sim.Event) {
	c, ok := h.disk.Complete(ev.Payload)
	if !ok {
		return
	}
	h.twin.calls = h.twin.calls[:0]
	h.ledger.Synced(member, h.disk)
	h.compare()
	if h.deaf {
		c.Err = nil
	}
	if h.dead || c.Incarnation != h.disk.Incarnation() {
		return
	}
	event := h.log.Completed(c.Ticket, c.Err)
	switch event.Kind {
	case storage.EventSnapshotSaved:
		h.snapshots = append(h.snapshots, event.Meta)
	case storage.EventInstalled:
		h.snapshots = append(h.snapshots, event.Meta)
		h.durable = max(h.durable, event.Meta.Index)
		h.hard = h.log.HardState()
		h.floor = max(h.floor, h.hard.Commit)
	case storage.EventFailed:
		h.dead = true
		return
	}
	if c.Err != nil {
		h.dead = true
		return
	}
	if c.Ticket == h.busy {
		h.busy = 0
		if h.installing == nil {
			h.durable = h.last()
			h.recover()
		}
		h.installing = nil
	}
	for len(h.promises) > 0 && h.promises[0].ticket <= c.Ticket && c.Ticket < storage.InternalTickets {
		h.durable = h.promises[0].last
		h.cluster.Acked(member, h.durable)
		h.promises = h.promises[1:]
	}
}

func (h *host) Fold(sim.Event, *sim.Digest) {}

func (h *host) Describe(_ sim.Event, dst []byte) []byte { return dst }

func (h *host) run(d time.Duration) {
	h.t.Helper()
	if err := h.kernel.Run(h.kernel.Now().Add(d)); err != nil {
		h.t.Fatalf("%v", err)
	}
}

func (h *host) last() uint64 { return h.base.Index + uint64(len(h.entries)) }

func (h *host) term(index uint64) uint64 {
	if index == h.base.Index {
		return h.base.Term
	}
	return h.entries[index-h.base.Index-1].Term
}

func (h *host) next() vfs.Ticket { h.ticket++; return h.ticket }

// open starts a process. False: the disk is refused.
func (h *host) open() bool {
	h.t.Helper()
	h.busy, h.promises, h.installing = h.next(), nil, nil
	var err error
	var told Reading
	if h.untold = h.untold || h.unannounced || h.ledger.Untold(member, h.disk); !h.unannounced {
		told = h.ledger.Opening(member, h.disk)
	}
	h.twin.recovered = nil
	h.log, h.opened, err = storage.Open(h.disk.FS(), member, h.options, h.busy)
	h.dead = err != nil
	switch {
	case h.untold:
	case (err != nil) != (told.Refusal != ""):
		h.t.Fatalf("the disk is opened with %v; the format says %q", err, told.Refusal)
	case err == nil && h.opened.Lost != told.Lost || told.Forgotten != raft.EntryID{}:
		h.t.Fatalf("lost are entries up to %v; the format says %v, and forgotten is %v", h.opened.Lost, told.Lost, told.Forgotten)
	}
	if err != nil {
		if h.trust {
			h.t.Fatalf("the disk is refused: %v", err)
		}
		return false
	}
	s := &h.opened
	h.base, h.entries, h.hard = raft.EntryID{Index: s.Offset, Term: s.OffsetTerm}, slices.Clone(s.Entries), s.HardState
	h.snapshots = h.snapshots[:0]
	if s.Snapshot.Index > 0 {
		h.snapshots = append(h.snapshots, s.Snapshot)
	}
	h.durable, h.floor = 0, max(h.floor, s.HardState.Commit)
	return true
}

// recover tells the judges what a process has recovered.
func (h *host) recover() {
	s := &h.opened
	c := &h.cluster
	c.RestartedAfter(member, s.Offset, s.OffsetTerm)
	for i := range s.Entries {
		h.tell(&s.Entries[i])
	}
	if s.Snapshot.Index > 0 {
		c.Restored(member, s.Snapshot.Index, s.Snapshot.Term, 0)
	}
	c.HardState(member, s.HardState.Term, s.HardState.Vote)
	c.Committed(member, s.HardState.Commit)
	h.ledger.Recovered(member, h.disk)
	if h.twin.recovered == nil {
		c.Recovered(member)
		return
	}
	h.recoveries++
	if want := imageOf(s); !sameImage(want, h.twin.recovered) {
		diff := cmp.Diff(want, h.twin.recovered)
		h.t.Fatalf("a server has recovered (-) other than what the view says (+):\n%s", diff)
	}
	c.Recovered(member)
}

func (h *host) tell(e *raft.Entry) {
	if e.Type == raft.EntryConfChange {
		h.cluster.AppendedConfiguration(member, e.Index, e.Term, e.Data)
	} else {
		h.cluster.Appended(member, e.Index, e.Term, e.Data)
	}
}

func imageOf(s *storage.State) *checker.DiskImage {
	img := &checker.DiskImage{Term: s.HardState.Term, Vote: s.HardState.Vote, Commit: s.HardState.Commit,
		SnapshotIndex: s.Snapshot.Index, SnapshotTerm: s.Snapshot.Term, Offset: s.Offset, OffsetTerm: s.OffsetTerm}
	for _, e := range s.Entries {
		img.Entries = append(img.Entries, checker.ImageEntry{Term: e.Term, Hash: checker.EntryHash(e.Data, e.Type == raft.EntryConfChange)})
	}
	return img
}

func (h *host) durableFiles() (files []file) {
	for i := range h.disk.DurableFiles() {
		name, bytes := h.disk.DurableFile(i)
		files = append(files, file{name: name, bytes: slices.Clone(bytes)})
	}
	return files
}

// compare holds what was told against a whole decoding by another decoder, and that against what storage recovers from nothing but the
// guaranteed bytes.
func (h *host) compare() {
	h.t.Helper()
	h.looks++
	img := *h.ledger.Image(member)
	if !sameImage(&h.twin.image, &img) {
		h.t.Fatalf("the judge was told other (-) than the ledger's picture (+), by %q:\n%s", h.twin.calls, cmp.Diff(h.twin.image, img))
	}
	if h.ledger.picture(member).scarred {
		return // what was written since means something only together with the damage
	}
	var r reader
	var o outcome
	files := h.durableFiles()
	r.decode(member, files, &o)
	if !sameImage(&img, &o.disk) {
		h.t.Fatalf("following (-) and decoding as a whole (+) differ after %q:\n%s", h.twin.calls, cmp.Diff(img, o.disk)+describe(files))
	}
	if diff := recoverFrom(h.t, files, &o); diff != "" {
		h.t.Fatalf("after %q: %s\n%s", h.twin.calls, diff, describe(files))
	}
}

// recoverFrom opens a disk that holds these files, and compares.
func recoverFrom(t fataler, files []file, o *outcome) string {
	t.Helper()
	mem := &vfs.Mem{}
	for _, f := range files {
		x, err := mem.Create(f.name)
		if err == nil {
			_, err = x.WriteAt(f.bytes, 0)
		}
		if err != nil {
			t.Fatalf("%v", err)
		}
	}
	_, state, err := storage.Open(mem, member, storage.Options{}, 1)
	switch {
	case err != nil && o.refusal == "":
		return fmt.Sprintf("storage refuses (%v) what decodes to\n%+v", err, o.disk)
	case err == nil && o.refusal != "":
		return fmt.Sprintf("storage recovers %+v; refused because %s", imageOf(&state), o.refusal)
	case err != nil:
		return ""
	}
	want := imageOf(&state)
	if !sameImage(want, &o.disk) {
		return "storage recovers (-) other than the documented format says (+):\n" + cmp.Diff(*want, o.disk)
	}
	if lost := (identity{state.Lost.Index, state.Lost.Term}); lost != o.lost {
		return fmt.Sprintf("storage has lost %v, the documented format says %v", lost, o.lost)
	}
	return ""
}

// The operations of a process.

func (h *host) free() bool { return !h.dead && h.busy == 0 }

func (h *host) append(t *rapid.T) {
	hs := h.hard
	first := h.last() + 1
	if h.floor < h.last() && rapid.IntRange(0, 5).Draw(t, "truncates") == 0 {
		first = rapid.Uint64Range(h.floor+1, h.last()).Draw(t, "first")
	}
	if rapid.Bool().Draw(t, "new term") || first <= h.last() {
		hs.Term++
		hs.Vote = rapid.Uint64Range(0, 3).Draw(t, "vote")
	}
	count := rapid.IntRange(0, 3).Draw(t, "count")
	kept := h.entries[:first-1-h.base.Index]
	if count == 0 {
		kept = h.entries
	}
	var batch []raft.Entry
	for i := range count {
		e := raft.Entry{Term: max(hs.Term, 1), Index: first + uint64(i), Data: rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "data")}
		if rapid.IntRange(0, 9).Draw(t, "type") == 0 {
			e.Type = raft.EntryConfChange
		}
		batch = append(batch, e)
	}
	hs.Term = max(hs.Term, 1)
	top := min(h.durable, first-1)
	if top > hs.Commit {
		hs.Commit = rapid.Uint64Range(hs.Commit, top).Draw(t, "commit")
	}
	h.floor = max(h.floor, hs.Commit)
	for i := range batch {
		h.tell(&batch[i])
	}
	h.cluster.Committed(member, hs.Commit)
	var told *raft.HardState
	if hs != h.hard || count == 0 {
		told = &hs
	}
	if err := h.log.Append(told, batch); err != nil {
		h.t.Fatalf("append: %v", err)
	}
	h.entries, h.hard = append(slices.Clip(kept), batch...), hs
	if count > 0 {
		h.durable = min(h.durable, first-1)
		for i := range h.promises {
			h.promises[i].last = min(h.promises[i].last, first-1)
		}
	}
}

// write appends an entry, and commits what is durable.
func (h *host) write(size int) {
	h.hard.Term, h.hard.Commit = max(h.hard.Term, 1), max(h.hard.Commit, h.durable)
	e := raft.Entry{Term: h.hard.Term, Index: h.last() + 1, Data: make([]byte, size)}
	h.tell(&e)
	h.cluster.Committed(member, h.hard.Commit)
	if err := h.log.Append(&h.hard, []raft.Entry{e}); err != nil {
		h.t.Fatalf("append: %v", err)
	}
	h.entries = append(h.entries, e)
}

func (h *host) save(at uint64) {
	meta := raft.SnapshotMeta{Index: at, Term: h.term(at), ConfState: raft.ConfState{Voters: []uint64{member}}}
	if err := h.log.SaveSnapshot(meta, make([]byte, 100)); err != nil {
		h.t.Fatalf("snapshot: %v", err)
	}
}

// drop compacts the log up to an index, and removes what snapshots it needs no more.
func (h *host) drop(at uint64) {
	term := h.term(at)
	if err := h.log.Compact(at, term); err != nil {
		h.t.Fatalf("compact: %v", err)
	}
	h.entries = slices.Clone(h.entries[at-h.base.Index:])
	h.base = raft.EntryID{Index: at, Term: term}
	if err := h.log.RemoveSnapshotsBefore(h.newest(), nil); err != nil {
		h.t.Fatalf("old snapshots: %v", err)
	}
}

func (h *host) sync() {
	t := h.next()
	h.log.Sync(t)
	h.promises = append(h.promises, promise{t, h.last()})
}

func (h *host) newest() (index uint64) {
	for _, s := range h.snapshots {
		index = max(index, s.Index)
	}
	return index
}

func (h *host) snapshot(t *rapid.T) {
	low, high := max(h.newest(), h.base.Index)+1, h.hard.Commit
	if low > high {
		return
	}
	at := rapid.Uint64Range(low, high).Draw(t, "snapshot")
	meta := raft.SnapshotMeta{Index: at, Term: h.term(at), ConfState: raft.ConfState{Voters: []uint64{member, 300}}}
	size := rapid.SampledFrom([]int{0, 1, 50, 65536, 65537}).Draw(t, "size")
	if err := h.log.SaveSnapshot(meta, make([]byte, size)); err != nil && !errors.Is(err, storage.ErrBusy) {
		h.t.Fatalf("snapshot: %v", err)
	}
}

func (h *host) compact(t *rapid.T) {
	high := h.newest()
	if high <= h.base.Index {
		return
	}
	at := rapid.Uint64Range(h.base.Index+1, high).Draw(t, "compact")
	term := h.term(at)
	if err := h.log.Compact(at, term); err != nil {
		h.t.Fatalf("compact: %v", err)
	}
	h.entries = slices.Clone(h.entries[at-h.base.Index:])
	h.base = raft.EntryID{Index: at, Term: term}
	if rapid.Bool().Draw(t, "old snapshots") {
		if err := h.log.RemoveSnapshotsBefore(high, nil); err != nil {
			h.t.Fatalf("old snapshots: %v", err)
		}
	}
}

func (h *host) install(t *rapid.T) {
	low := max(h.hard.Commit, h.newest()) + 1
	at := low + rapid.Uint64Range(0, 5).Draw(t, "beyond")
	meta := raft.SnapshotMeta{Index: at, Term: max(h.hard.Term, 1), ConfState: raft.ConfState{Voters: []uint64{7}}, Size: 10}
	// Of an entry that is not in the log, and committed: of a new term, which the member knows by now, or of one as old as what is
	// committed here, at least.
	h.hard.Term++
	meta.Term = h.hard.Term
	if oldest := max(h.term(max(h.hard.Commit, h.base.Index)), 1); rapid.Bool().Draw(t, "older") {
		if term := rapid.Uint64Range(oldest, meta.Term).Draw(t, "term"); at > h.last() || h.term(at) != term {
			meta.Term = term
		}
	}
	if err := h.log.Append(&h.hard, nil); err != nil {
		h.t.Fatalf("append: %v", err)
	}
	if err := h.log.ReceiveChunk(raft.Chunk{Index: at, Term: meta.Term, Data: make([]byte, 10)}); err != nil {
		h.t.Fatalf("chunk: %v", err)
	}
	h.busy, h.installing = h.next(), &meta
	h.installs++
	if err := h.log.InstallSnapshot(meta, h.busy); err != nil {
		h.t.Fatalf("install: %v", err)
	}
	h.base, h.entries = raft.EntryID{Index: at, Term: meta.Term}, nil
	for i := range h.promises {
		h.promises[i].last = 0
	}
	h.durable = 0
}

func (h *host) crash() {
	h.disk.Crash()
	h.ledger.Died(member, h.disk)
	h.cluster.Crashed(member)
}

func (h *host) lose() {
	h.disk.PowerLoss()
	h.twin.calls = h.twin.calls[:0]
	h.ledger.PowerLost(member, h.disk)
	h.cluster.Crashed(member)
	h.compare()
}

var _ Disk = (*disk.Disk)(nil)

var _ Judge = (*checker.Cluster)(nil)

var _ fataler = (*testing.T)(nil)

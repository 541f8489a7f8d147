package ledger

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"raftsim/checker"
	"raftsim/internal/fixed"
	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// started makes a host that has written ten entries, all durable.
func started(t *testing.T, s settings) *host {
	t.Helper()
	h := newHost(t, s)
	h.run(1000)
	for range 10 {
		h.write(20)
		h.sync()
		h.run(1000)
	}
	h.cluster.Findings.Reset() // nobody was elected here
	return h
}

func (h *host) found() (signatures []string) {
	for _, v := range h.cluster.Findings.All() {
		if v.Property == checker.LogMatching {
			continue // nobody is seen to be elected
		}
		signatures = append(signatures, v.Signature())
	}
	return signatures
}

func (h *host) want(t *testing.T, signature string) {
	t.Helper()
	if !slices.Contains(h.found(), signature) {
		t.Errorf("found %v, want %s", h.found(), signature)
	}
}

func (h *host) wantNothing(t *testing.T) {
	t.Helper()
	if got := h.found(); len(got) > 0 {
		t.Fatalf("found %v: %v", got, h.cluster.Findings.All())
	}
}

// A server that acknowledges what it has written, and not yet synced, is found then, without any crash.
func TestBiteAcknowledgedBeforeSync(t *testing.T) {
	h := started(t, settings{trust: true})
	h.write(20)
	h.cluster.Acked(member, h.last()-1)
	h.wantNothing(t)
	h.cluster.Acked(member, h.last())
	h.want(t, "DUR/acknowledged-before-durable")

	h = started(t, settings{trust: true})
	h.write(20)
	h.sync()
	h.cluster.Acked(member, h.last())
	h.want(t, "DUR/acknowledged-before-durable")
}

// So is a vote, and a commitment.
func TestBiteVoteAndCommitmentBeforeSync(t *testing.T) {
	h := started(t, settings{trust: true})
	h.hard.Term, h.hard.Vote = 7, 9
	h.cluster.HardState(member, 7, 9)
	h.write(20)
	h.sync()
	h.cluster.Promised(member, 7, 9)
	h.want(t, "DUR/vote-not-on-disk")
	h.cluster.Committed(member, h.last())
	h.want(t, "LC/commit-without-quorum")

	h = started(t, settings{trust: true})
	h.hard.Term, h.hard.Vote = 7, 9
	h.cluster.HardState(member, 7, 9)
	h.write(20)
	h.sync()
	h.run(1000)
	h.cluster.Promised(member, 7, 9)
	h.cluster.Committed(member, h.last())
	h.wantNothing(t)
}

// On a disk that lies, nothing is ever told.
func TestLyingDisk(t *testing.T) {
	h := newHost(t, settings{disk: disk.Options{LyingSync: true}})
	h.run(1000)
	h.cluster.Findings.Reset()
	before := *h.ledger.Image(member)
	h.write(20)
	h.sync()
	h.run(1000)
	if img := h.ledger.Image(member); !sameImage(img, &before) {
		t.Errorf("%+v", img)
	}
	h.want(t, "DUR/acknowledged-before-durable")
}

// failing lets syncs fail now and then.
func failing(chance uint32) func(sim.Purpose) sim.Noise {
	return func(p sim.Purpose) sim.Noise {
		if p == disk.SyncFails {
			return sim.Noise{Chance: sim.Ratio{Num: uint64(chance), Den: 100}, Draw: disk.DrawSyncFails}
		}
		return lossy(p)
	}
}

// A sync that failed takes what it covered along, and the syncs after it do not bring it back. A server that goes on as if it had not
// failed is found at its next acknowledgement.
func TestBiteIgnoredSyncFailure(t *testing.T) {
	bitten := 0
	for seed := range uint64(40) {
		h := newHost(t, settings{noise: failing(20), seed: seed})
		h.run(1000)
		if !h.free() {
			continue
		}
		h.cluster.Findings.Reset()
		h.deaf = true
		for range 10 {
			h.write(20)
			h.sync()
			h.run(1000)
		}
		failed := h.disk.Stats().SyncsFailed > 0
		if found := slices.Contains(h.found(), "DUR/acknowledged-before-durable"); found != failed {
			t.Errorf("seed %d: failed syncs %v, found %v", seed, h.disk.Stats().SyncsFailed, h.found())
		}
		if failed {
			bitten++
		}
	}
	if bitten < 5 {
		t.Errorf("in %d runs a sync failed", bitten)
	}
}

// Servers that stop and recover when a sync fails lose nothing they acknowledged.
func TestFailedSyncs(t *testing.T) {
	failures := uint64(0)
	property := func(t *rapid.T) {
		h := newHost(t, settings{
			disk: disk.Options{SectorSize: 64}, segment: rapid.SampledFrom([]int64{1, 400, 1 << 20}).Draw(t, "segment"),
			noise: failing(10), seed: rapid.Uint64().Draw(t, "seed"), trust: true,
		})
		drive(t, h)
		for _, v := range h.cluster.Findings.All() {
			if v.Property == checker.Durability && h.installs == 0 {
				t.Errorf("%v", v)
			}
		}
		failures += h.disk.Stats().SyncsFailed
	}
	fixed.Check(t, 50, property)
	if failures < 20 {
		t.Fatalf("%d syncs failed", failures)
	}
	rapid.Check(t, property)
}

// Damage takes nothing back of what is guaranteed. The judge is told of it before the next process, and that recovers what this decoder
// reads.
func TestDamageIsTold(t *testing.T) {
	h := started(t, settings{})
	before := *h.ledger.Image(member)
	before.Entries = slices.Clone(before.Entries)
	if !h.disk.Rot(1, 500, 0xff) {
		t.Fatal("nothing to rot")
	}
	h.crash()
	if h.twin.damaged != 1 || !sameImage(&before, h.ledger.Image(member)) {
		t.Errorf("told of damage %d times; image %+v, before %+v", h.twin.damaged, h.ledger.Image(member), before)
	}
	if h.open() {
		h.run(1000) // recovers and compares
		if h.twin.recovered == nil || len(h.twin.recovered.Entries) >= len(before.Entries) {
			t.Errorf("recovered %+v", h.twin.recovered)
		}
		for range 10 {
			h.write(20)
			h.sync()
			h.run(1000)
		}
		if h.durable != h.last() {
			t.Errorf("durable up to %d of %d", h.durable, h.last())
		}
	} else {
		t.Error("the disk is refused")
	}
	for _, signature := range h.found() {
		if signature == "DUR/acknowledged-before-durable" || signature == "DUR/gap-on-disk" || signature == "DUR/recovered-differs" {
			t.Errorf("found %s", signature)
		}
	}
}

// Whatever the damage, the server recovers what this decoder reads in the same bytes, or does not recover.
func TestDamagedRecoveries(t *testing.T) {
	recoveries, damaged := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		harmful := func(p sim.Purpose) sim.Noise {
			often, seldom := sim.Ratio{Num: 1, Den: 3}, sim.Ratio{Num: 1, Den: 20}
			switch p {
			case disk.Rot:
				return sim.Noise{Chance: often, Draw: disk.DrawRot}
			case disk.Unreadable:
				return sim.Noise{Chance: seldom, Draw: disk.DrawUnreadable}
			case disk.LostWrite:
				return sim.Noise{Chance: seldom, Draw: disk.DrawLostWrite}
			case disk.Misdirected:
				return sim.Noise{Chance: seldom, Draw: disk.DrawMisdirected}
			}
			return lossy(p)
		}
		h := newHost(t, settings{
			disk: disk.Options{SectorSize: 64}, segment: rapid.SampledFrom([]int64{1, 400, 1 << 20}).Draw(t, "segment"),
			noise: harmful, seed: rapid.Uint64().Draw(t, "seed"),
		})
		drive(t, h)
		recoveries += h.recoveries
		damaged += h.twin.damaged
	})
	t.Logf("%d recoveries compared, %d processes to find damage", recoveries, damaged)
}

// A segment that goes before the snapshot that replaces it is durable is found when its removal is.
func TestBiteCompactedBeforeSnapshot(t *testing.T) {
	h := started(t, settings{segment: 1, trust: false})
	name := h.durableFiles()[0].name
	if err := h.disk.FS().Remove(name); err != nil {
		t.Fatal(err)
	}
	h.run(1000)
	h.wantNothing(t)
	for range 4 {
		if err := h.disk.FS().Remove(h.view()[0]); err != nil {
			t.Fatal(err)
		}
	}
	h.disk.FS().SyncDir(storage.InternalTickets - 1)
	h.run(1000)
	h.want(t, "DUR/compacted-before-snapshot")
}

func (h *host) view() (names []string) {
	for i := range h.disk.ViewFiles() {
		name, _, _ := h.disk.ViewFile(i)
		names = append(names, name)
	}
	return names
}

// An entry that is stored otherwise than the log has it is found when it is durable.
func TestBiteStoredDiffers(t *testing.T) {
	h := started(t, settings{trust: true})
	e := raft.Entry{Term: 1, Index: h.last() + 1, Data: []byte("told")}
	h.tell(&e)
	e.Data = []byte("kept")
	if err := h.log.Append(nil, []raft.Entry{e}); err != nil {
		t.Fatal(err)
	}
	h.wantNothing(t)
	h.entries = append(h.entries, e)
	h.sync()
	h.run(1000)
	h.want(t, "DUR/stored-differs")
}

// A server that recovers less, or something else, than what is on its disk is found.
func TestBiteRecoveredDiffers(t *testing.T) {
	for _, what := range []string{"", "vote", "entry"} {
		h := started(t, settings{trust: true})
		c := &h.cluster
		s := h.opened
		h.crash()
		h.open()
		s = h.opened
		switch what {
		case "vote":
			s.HardState.Vote++
		case "entry":
			s.Entries = s.Entries[:len(s.Entries)-1]
		}
		c.RestartedAfter(member, s.Offset, s.OffsetTerm)
		for i := range s.Entries {
			h.tell(&s.Entries[i])
		}
		c.HardState(member, s.HardState.Term, s.HardState.Vote)
		h.ledger.Recovered(member, h.disk)
		if what == "" {
			h.wantNothing(t)
		} else {
			h.want(t, "DUR/recovered-differs")
		}
	}
}

// A wiped disk is forgotten, and what is on it next is told as a whole.
func TestWiped(t *testing.T) {
	h := started(t, settings{trust: true})
	h.disk.Wipe()
	h.ledger.Wiped(member)
	h.cluster.Wiped(member)
	if img := h.ledger.Image(member); !sameImage(img, &checker.DiskImage{}) {
		t.Errorf("%+v", img)
	}
	if err := h.disk.Setup(join); err != nil {
		t.Fatal(err)
	}
	h.open()
	h.run(1000) // the first look tells all of it: compared with the twin, which still had the old disk
	if img := h.twin.image; img.Term != 0 || len(img.Entries) > 0 {
		t.Errorf("%+v", img)
	}
	h.wantNothing(t)
	h.compare()
}

package ledger

import (
	"testing"

	"pgregory.net/rapid"

	"raftsim/checker"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// lossy keeps any part of what was not synced.
func lossy(p sim.Purpose) sim.Noise {
	all := sim.Ratio{Num: 9, Den: 10}
	switch p {
	case disk.Torn:
		return sim.Noise{Chance: all, Draw: disk.DrawTorn}
	case disk.Names:
		return sim.Noise{Chance: all, Draw: disk.DrawNames}
	case disk.Landed:
		return sim.Noise{Chance: all, Draw: disk.DrawLanded}
	}
	return sim.Noise{}
}

// Whatever a log does, and however often it loses power: after every completion of a sync what the judge was told piece by piece is what
// a whole decoding says, and that is what the storage code recovers if the power fails then and there.
func TestFollowsTheLog(t *testing.T) {
	var total Stats
	looks := 0
	rapid.Check(t, func(t *rapid.T) {
		s := settings{
			disk:    disk.Options{SectorSize: rapid.SampledFrom([]int{16, 128, 512}).Draw(t, "sector")},
			segment: rapid.SampledFrom([]int64{1, 400, 2000, 1 << 20}).Draw(t, "segment"),
			seed:    rapid.Uint64().Draw(t, "seed"), joins: rapid.Bool().Draw(t, "joins"), trust: true,
		}
		if rapid.Bool().Draw(t, "lossy") {
			s.noise = lossy
		}
		h := newHost(t, s)
		h.unannounced = rapid.Bool().Draw(t, "unannounced")
		drive(t, h)
		for _, v := range h.cluster.Findings.All() {
			// Of the log that an installed snapshot stands for the cluster has seen nothing.
			if v.Property == checker.Durability && h.installs == 0 {
				t.Errorf("%v", v)
			}
		}
		st := h.ledger.Stats()
		total.Records, total.Entries, total.Snapshots = total.Records+st.Records, total.Entries+st.Entries, total.Snapshots+st.Snapshots
		total.Wholes, total.Syncs = total.Wholes+st.Wholes, total.Syncs+st.Syncs
		looks += h.looks
	})
	t.Logf("%d disks compared; %+v", looks, total)
}

func drive(t *rapid.T, h *host) {
	for range rapid.IntRange(1, 80).Draw(t, "operations") {
		switch op := rapid.IntRange(0, 19).Draw(t, "operation"); {
		case op < 6 && h.free():
			h.append(t)
		case op < 9 && h.free():
			h.append(t)
			h.sync()
		case op < 10 && h.free():
			h.snapshot(t)
		case op < 11 && h.free():
			h.compact(t)
		case op < 12 && h.free() && rapid.IntRange(0, 3).Draw(t, "installs") == 0:
			h.install(t)
		case op < 14:
			h.run(1000)
		case op < 17:
			h.run(10)
		case op < 18:
			h.run(1)
		case op == 18:
			h.crash()
			h.open()
		case op == 19:
			h.lose()
			h.open()
		}
	}
	h.run(1000)
}

// A log that is only written to, with full segments, snapshots and compaction, is followed piece by piece: the whole disk is decoded at
// the first look, and when the server has recovered.
func TestSteadyStateIsFollowed(t *testing.T) {
	for _, segment := range []int64{1, 700, 5000} {
		h := newHost(t, settings{segment: segment, trust: true})
		h.run(1000)
		before := h.ledger.Stats()
		for i := range 300 {
			h.write(40)
			if i%3 == 0 {
				h.write(0)
			}
			h.sync()
			h.run(1000)
			if i%20 == 19 {
				h.save(h.hard.Commit)
				h.run(1000)
				h.drop(h.hard.Commit - 5)
				h.run(1000)
			}
		}
		after := h.ledger.Stats()
		if after.Wholes != before.Wholes || after.Records-before.Records != 400 || after.Entries-before.Entries != 400 || after.Snapshots-before.Snapshots != 15 {
			t.Errorf("segments of %d bytes: %+v after %+v", segment, after, before)
		}
		if img := h.ledger.Image(member); img.Offset == 0 || img.SnapshotIndex == 0 {
			t.Errorf("segments of %d bytes: nothing was compacted: offset %d", segment, img.Offset)
		}
	}
}

func TestFollowingAllocatesNothing(t *testing.T) {
	g := records(t, 300, 40)
	l := &Ledger{Judge: deaf{}}
	l.Synced(member, g)
	for g.at < 150 {
		g.at++
		l.Synced(member, g)
	}
	l.picture(member).disk.Entries = append(make([]checker.ImageEntry, 0, 1000), l.picture(member).disk.Entries...)
	if n := testing.AllocsPerRun(100, func() { g.at++; l.Synced(member, g) }); n != 0 {
		t.Errorf("%v allocations for a sync", n)
	}
	if s := l.Stats(); s.Records != uint64(g.at) || s.Entries != uint64(g.at) || s.Wholes != 1 {
		t.Errorf("%d records written, %+v", g.at, s)
	}
}

package checker

import (
	"strings"
	"testing"
)

// n1 is elected by n2 in term 1 and writes an entry to its disk.
const diskLeader = "n1 disk-hard 1 1; n1 promise 1 1; n2 disk-hard 1 1; n2 promise 1 1; n1 elect 1; n1 append 1 1 x; n1 disk-entry 1 1 x; "

func TestDecodedDiskRules(t *testing.T) {
	const both = diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n1 commit 1; n1 apply 1 7; "
	checkRules(t, &Cluster{WatchDisks: true, DecodedDisks: true}, []ruleCase{
		{"DUR/vote-not-on-disk", // a grant
			"n2 promise 1 1",
			"n2 disk-hard 1 1; n2 promise 1 1"},
		{"DUR/vote-not-on-disk", // S02: the term is, the vote is not
			"n2 disk-hard 1 0; n2 promise 1 1",
			"n2 disk-hard 1 1; n2 promise 1 1; n2 promise 1 1"},
		{"DUR/vote-not-on-disk", // another one
			"n2 disk-hard 1 3; n2 promise 1 1",
			"n2 disk-hard 1 1; n2 promise 1 1"},
		{"DUR/vote-not-on-disk", // a later term guards the earlier ones
			"n2 disk-hard 1 0; n2 promise 2 1",
			"n2 disk-hard 3 0; n2 promise 2 1"},
		{"DUR/vote-not-on-disk", // a single server's vote for itself leaves it nowhere
			"n1 conf 0 {1}; n1 elect 1",
			"n1 conf 0 {1}; n1 disk-hard 1 1; n1 elect 1"},
		{"DUR/vote-not-on-disk", // a wiped disk has none
			"n1 disk-hard 1 3; n1 wipe; n1 promise 1 3",
			"n1 wipe; n1 disk-hard 1 3; n1 promise 1 3"},
		{"DUR/term-not-on-disk",
			"n2 disk-hard 1 1; n2 promise 2 0",
			"n2 disk-hard 2 0; n2 promise 2 0"},
		{"DUR/acknowledged-before-durable", // S01
			diskLeader + "n2 append 1 1 x; n2 acked 1",
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n2 acked 1"},
		{"DUR/acknowledged-before-durable", // the storage says so, the disk does not
			diskLeader + "n2 append 1 1 x; n2 durable 1; n2 acked 1",
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n2 acked 1"},
		{"DUR/acknowledged-before-durable", // S03: another entry of that index is on disk
			diskLeader + "n2 append 1 0 y; n2 disk-entry 1 0 y; n2 append 1 1 x; n2 acked 1",
			diskLeader + "n2 append 1 0 y; n2 disk-entry 1 0 y; n2 append 1 1 x; n2 disk-entry 1 1 x; n2 acked 1"},
		{"DUR/acknowledged-before-durable", // a snapshot stands for its entries once it has its name
			both + "n3 install 1 1; n3 acked 1",
			both + "n3 install 1 1; n3 disk-snap 1 1; n3 acked 1"},
		{"LC/commit-without-quorum",
			diskLeader + "n2 append 1 1 x; n1 commit 1",
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n1 commit 1"},
		{"LC/commit-without-quorum", // C11: a leader's own is on no disk yet
			"n1 conf 0 {1}; n1 disk-hard 1 1; n1 elect 1; n1 append 1 1 x; n1 commit 1",
			"n1 conf 0 {1}; n1 disk-hard 1 1; n1 elect 1; n1 append 1 1 x; n1 disk-entry 1 1 x; n1 commit 1"},
		{"LC/commit-without-quorum", // cut off again
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n2 disk-cut 0; n1 commit 1",
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n2 disk-cut 1; n1 commit 1"},
		{"LC/commit-without-quorum", // a disk keeps what it has across restarts
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n2 wipe; n1 commit 1",
			diskLeader + "n2 append 1 1 x; n2 disk-entry 1 1 x; n2 crash; n2 restart; n1 commit 1"},
		{"DUR/gap-on-disk",
			both + "n1 append 2 1 y; n1 append 3 1 z; n1 disk-entry 3 1 z; n1 disk-entry 4 1 z",
			both + "n1 append 2 1 y; n1 append 3 1 z; n1 disk-entry 2 1 y; n1 disk-entry 3 1 z"},
		{"DUR/stored-differs", // other bytes than those of the entry
			both + "n1 append 2 1 y; n1 disk-entry 2 1 w; n1 disk-entry 2 1 w",
			both + "n1 append 2 1 y; n1 disk-entry 2 1 y"},
		{"DUR/stored-differs", // another kind of entry
			both + "n1 append 2 1 y; n1 disk-change 2 1 y",
			both + "n1 change 2 1 y; n1 disk-change 2 1 y"},
		{"DUR/stored-differs", // a snapshot of something not committed
			both + "n1 append 2 1 y; n1 disk-snap 2 1; n1 disk-snap 2 1",
			both + "n1 append 2 1 y; n1 disk-snap 1 1"},
		{"DUR/compacted-before-snapshot",
			both + "n1 disk-compact 1",
			both + "n1 disk-snap 1 1; n1 disk-compact 1; n1 append 2 1 y; n1 disk-entry 2 1 y"},
		{"DUR/commit-not-on-disk", // S15, S20
			both + "n1 disk-hard 1 1 2",
			both + "n1 disk-hard 1 1 1"},
	})
}

// Nothing is said of disks, votes and acknowledgements that nobody promised to tell of.
func TestDisksAreWatchedWhenAsked(t *testing.T) {
	c := Cluster{DecodedDisks: true}
	c.Reset(3)
	observe(t, &c, "n1 promise 1 1; n1 elect 1; n1 append 1 1 x; n1 acked 1; n1 commit 1; n2 promise 1 0")
	if c.Findings.Total() != 0 {
		t.Error(c.Findings.All())
	}
}

func image(term, vote uint64, entries ...string) *DiskImage {
	img := &DiskImage{Term: term, Vote: vote}
	for _, e := range entries {
		img.Entries = append(img.Entries, ImageEntry{Term: 1, Hash: EntryHash([]byte(e), false)})
	}
	return img
}

// What a restart recovers is held against a decoding by someone else.
func TestRecoveredImage(t *testing.T) {
	const before = "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 append 2 1 y; n1 append 3 1 z; n1 commit 2; n1 apply 1 7; n1 apply 2 8; n1 crash; "
	const log = "n1 restart; n1 append 1 1 x; n1 append 2 1 y; n1 append 3 1 z; "
	snapshot := func(index uint64, img *DiskImage) *DiskImage {
		img.SnapshotIndex, img.SnapshotTerm = index, 1
		return img
	}
	offset := func(index uint64, img *DiskImage) *DiskImage {
		img.Offset, img.OffsetTerm = index, 1
		return img
	}
	for _, tc := range []struct {
		name, recovered string
		img             *DiskImage
		want            string // part of the detail
	}{
		{"all of it", log + "n1 hard 1 1", image(1, 1, "x", "y", "z"), ""},
		{"another vote", log + "n1 hard 1 1", image(1, 2, "x", "y", "z"), "a vote for n2"},
		{"no vote", log + "n1 hard 1 0", image(1, 1, "x", "y", "z"), "a vote for nobody; the disk"},
		{"another term", log + "n1 hard 1 0", image(2, 0, "x", "y", "z"), "the disk has term 2"},
		{"the last entry is not read", "n1 restart; n1 append 1 1 x; n1 append 2 1 y; n1 hard 1 1", image(1, 1, "x", "y", "z"), "ends at 2; the disk has one that ends at 3, the same up to 2"},
		{"more is read than is there", log + "n1 hard 1 1", image(1, 1, "x", "y"), "ends at 3; the disk has one that ends at 2"},
		{"an entry no log held", log + "n1 hard 1 1", image(1, 1, "x", "w", "z"), "entry 2 of term 1 on disk is in no log"},
		{"with a snapshot", log + "n1 restored 2 1 8; n1 hard 1 1", snapshot(2, image(1, 1, "x", "y", "z")), ""},
		{"the snapshot is not read", log + "n1 hard 1 1", snapshot(2, image(1, 1, "x", "y", "z")), "recovered a snapshot up to 0; the disk has one up to 2"},
		{"a log that begins later", "n1 restart 1 1; n1 append 2 1 y; n1 append 3 1 z; n1 restored 2 1 8; n1 hard 1 1", snapshot(2, offset(1, image(1, 1, "y", "z"))), ""},
		{"a log behind its snapshot", "n1 restart 2 1; n1 restored 2 1 8; n1 hard 1 1", snapshot(2, image(1, 1, "x")), ""},
		{"a log before its snapshot is forgotten", "n1 restart 2 1; n1 restored 2 1 8; n1 hard 1 1", snapshot(2, image(1, 1, "x", "y", "z")), "ends at 2; the disk has one that ends at 3"},
	} {
		var c Cluster
		c.Reset(3)
		observe(t, &c, before+tc.recovered)
		c.RecoveredImage(1, tc.img)
		found := c.Findings.All()
		if tc.want == "" {
			if len(found) != 0 {
				t.Errorf("%s: %v", tc.name, found)
			}
			continue
		}
		if last := len(found) - 1; last < 0 || found[last].Signature() != "DUR/recovered-differs" || !strings.Contains(found[last].Detail, tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, found, tc.want)
		}
	}
}

// A disk told at once is the disk told bit by bit.
func TestObserveDiskEqualsSteps(t *testing.T) {
	const log = "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 append 2 1 y; n1 append 3 1 z; n1 commit 2; "
	for _, tc := range []struct {
		name, steps string
		img         *DiskImage
	}{
		{"entries", "n1 disk-entry 1 1 x; n1 disk-entry 2 1 y; n1 disk-hard 1 1 1", &DiskImage{Term: 1, Vote: 1, Commit: 1, Entries: image(0, 0, "x", "y").Entries}},
		{"a snapshot among them", "n1 disk-entry 1 1 x; n1 disk-entry 2 1 y; n1 disk-entry 3 1 z; n1 disk-snap 2 1; n1 disk-hard 1 0",
			&DiskImage{Term: 1, SnapshotIndex: 2, SnapshotTerm: 1, Entries: image(0, 0, "x", "y", "z").Entries}},
		{"a snapshot and what follows", "n1 disk-snap 2 1; n1 disk-entry 3 1 z; n1 disk-hard 1 0",
			&DiskImage{Term: 1, SnapshotIndex: 2, SnapshotTerm: 1, Offset: 2, OffsetTerm: 1, Entries: image(0, 0, "z").Entries}},
		{"a snapshot beyond the log", "n1 disk-entry 1 1 x; n1 disk-snap 2 1; n1 disk-hard 1 0",
			&DiskImage{Term: 1, SnapshotIndex: 2, SnapshotTerm: 1, Entries: image(0, 0, "x").Entries}},
		{"nothing", "n1 disk-hard 0 0", &DiskImage{}},
	} {
		var a, b Cluster
		a.Reset(3)
		b.Reset(3)
		observe(t, &a, log+tc.steps)
		observe(t, &b, log+"n1 disk-entry 1 1 x; n1 disk-hard 9 9 1")
		b.ObserveDisk(1, tc.img)
		x, y := &a.node(1).disk, &b.node(1).disk
		if a.Findings.Total()+b.Findings.Total() != 0 || x.term != y.term || x.vote != y.vote || x.snapshot != y.snapshot ||
			x.log.last() != y.log.last() || x.log.tip() != y.log.tip() {
			t.Errorf("%s: %+v by steps, %+v at once; %v %v", tc.name, x, y, a.Findings.All(), b.Findings.All())
		}
	}
}

package checker

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Term 1 of n1: three entries committed, applied, with states 5, 6 and 7 after them; one more that is not committed.
const threeApplied = "n1 hard 1 1; n1 elect 1; n1 append 1 1 x; n1 append 2 1 y; n1 append 3 1 z; n1 commit 3; n1 apply 1 5; n1 apply 2 6; n1 apply 3 7; n1 append 4 1 w; "

func TestSnapshotRules(t *testing.T) {
	checkRules(t, &Cluster{}, []ruleCase{
		{"LM/snapshot-of-no-entry",
			threeApplied + "n2 install 3 2",
			threeApplied + "n2 install 3 1"},
		{"LM/snapshot-of-no-entry", // told once, and it is a node of its own from there on
			threeApplied + "n2 install 9 2; n2 restored 9 2 7; n2 append 10 2 v; n2 commit 10; n2 apply 10 8; n2 exec 10 5 1; n1 exec 3 5 1; n1 commit 4",
			threeApplied + "n2 install 3 1; n2 restored 3 1 7; n2 append 4 1 w; n2 commit 4; n2 apply 4 8; n1 commit 4"},
		{"LM/snapshot-of-no-entry", // beyond any index a run may have
			threeApplied + "n2 install 18446744073709551615 1; n2 restored 18446744073709551615 1 7",
			threeApplied + "n2 install 3 1; n2 restored 3 1 7"},
		{"SMS/snapshot-uncommitted",
			threeApplied + "n2 install 4 1",
			threeApplied + "n1 commit 4; n2 install 4 1"},
		{"SMS/snapshot-differs", // it stands for another entry than the one committed
			threeApplied + "n3 append 1 2 v; n2 install 1 2",
			threeApplied + "n2 install 1 1"},
		{"SMS/snapshot-differs", // its state is not that of the index
			threeApplied + "n2 restored 3 1 8",
			threeApplied + "n2 restored 3 1 7"},
		{"SMS/snapshot-differs", // N12: a snapshot that leaves something out, told once
			threeApplied + "n2 restored 2 1 9; n2 append 3 1 z; n2 commit 3; n2 apply 3 9",
			threeApplied + "n2 restored 2 1 6; n2 append 3 1 z; n2 commit 3; n2 apply 3 7"},
		{"SMS/snapshot-differs", // a node's own, after a restart
			threeApplied + "n1 compact 2; n1 crash; n1 restart 2 1; n1 append 3 1 z; n1 restored 3 1 6",
			threeApplied + "n1 compact 2; n1 crash; n1 restart 2 1; n1 append 3 1 z; n1 restored 3 1 7"},
		{"SMS/applied-went-back", // N13
			threeApplied + "n1 restored 2 1 6",
			threeApplied + "n1 crash; n1 restart; n1 append 1 1 x; n1 append 2 1 y; n1 append 3 1 z; n1 restored 2 1 6; n1 commit 3; n1 apply 3 7"},
		{"SMS/applied-went-back", // and the picture follows
			threeApplied + "n1 restored 2 1 6; n1 apply 3 7",
			threeApplied + "n1 restored 3 1 7"},
		{"SMS/committed-truncated", // a log that has more is replaced
			threeApplied + "n2 append 1 1 x; n2 append 2 1 y; n2 append 3 1 z; n2 commit 3; n2 install 2 1; n2 truncate 2",
			threeApplied + "n2 append 1 1 x; n2 append 2 1 y; n2 append 3 1 z; n2 commit 3; n2 install 2 1; n2 truncate 3"},
		{"LAO/leader-overwrites",
			"n2 elect 1; n2 append 1 1 x; n3 append 1 1 x; n3 elect 2; n3 append 2 2 y; n3 commit 2; n2 install 2 2",
			"n2 elect 1; n2 append 1 1 x; n3 append 1 1 x; n3 elect 2; n3 append 2 2 y; n3 commit 2; n2 down 1; n2 install 2 2"},
		{"SMS/apply-gap", // the state machine must follow the log
			threeApplied + "n2 install 3 1; n2 append 4 1 w; n1 commit 4; n2 commit 4; n2 apply 4 8",
			threeApplied + "n2 install 3 1; n2 restored 3 1 7; n2 append 4 1 w; n1 commit 4; n2 commit 4; n2 apply 4 8"},
		{"SMS/apply-repeat",
			threeApplied + "n2 restored 3 1 7; n2 apply 3 7",
			threeApplied + "n2 restored 3 1 7; n2 append 4 1 w; n1 commit 4; n2 commit 4; n2 apply 4 8"},
		{"LM/log-gap", // after a snapshot the log goes on right behind it
			threeApplied + "n2 install 3 1; n2 append 5 1 w",
			threeApplied + "n2 install 3 1; n2 append 4 1 w"},
		{"LM/entry-differs", // on top of a snapshot as anywhere
			threeApplied + "n2 install 3 1; n2 append 4 1 v",
			threeApplied + "n2 install 3 1; n2 append 4 1 w"},
		{"LM/entry-not-of-leader",
			threeApplied + "n2 hard 1 1; n2 install 3 1; n2 append 4 1 w; n2 append 5 1 w",
			threeApplied + "n2 hard 1 1; n2 install 3 1; n2 append 4 1 w; n1 append 5 1 w; n2 append 5 1 w"},
		{"LC/missing-commitment", // what a snapshot stands for is in the log
			threeApplied + "n2 install 2 1; n2 elect 2",
			threeApplied + "n2 install 3 1; n2 elect 2"},
		{"SMS/committed-truncated", // below a snapshot
			threeApplied + "n1 compact 3; n1 down 1; n1 append 2 1 y",
			threeApplied + "n1 compact 3; n1 down 1; n1 append 4 1 w"},
		{"SMS/compacted-uncommitted",
			threeApplied + "n1 compact 4",
			threeApplied + "n1 compact 3; n1 compact 2"},
		{"SMS/compacted-unapplied",
			threeApplied + "n1 commit 4; n1 compact 4",
			threeApplied + "n1 commit 4; n1 apply 4 8; n1 compact 4"},
		{"SMS/compacted-unapplied", // except what a received snapshot stands for
			threeApplied + "n2 append 1 1 x; n2 append 2 1 y; n2 append 3 1 z; n2 commit 3; n2 compact 2",
			threeApplied + "n2 append 1 1 x; n2 append 2 1 y; n2 append 3 1 z; n2 install 2 1; n2 compact 2; n2 restored 2 1 6; n2 commit 3; n2 apply 3 7"},
		{"SMS/snapshot-uncommitted", // a log cannot begin after what nobody committed
			threeApplied + "n1 crash; n1 restart 4 1",
			threeApplied + "n1 crash; n1 restart 3 1; n1 append 4 1 w"},
		{"SMS/commit-beyond-log", // the log of a restart begins at its offset
			threeApplied + "n1 crash; n1 restart 3 1; n1 commit 4",
			threeApplied + "n1 crash; n1 restart 3 1; n1 append 4 1 w; n1 commit 3; n1 commit 4"},
	})
}

// twoOnBoth: n1 and n2 have the second entry of n1's term on disk.
const twoOnBoth = leaderOf3voted + "n1 append 2 1 y; n1 durable 2; n2 append 2 1 y; n2 durable 2;"

// Restarts, wipes and damage: what must be remembered, and what must not.
func TestMembershipOfDisks(t *testing.T) {
	checkRules(t, &Cluster{WatchDisks: true}, []ruleCase{
		{"ES/two-votes-in-term", // a wiped disk is another member's, a damaged one is not
			"n2 promise 1 1; n2 damage; n2 crash; n2 restart; n2 hard 0 0; n2 promise 1 3",
			"n2 promise 1 1; n2 crash; n2 wipe; n2 hard 1 0; n2 promise 1 3"},
		{"ES/vote-forgotten", // unless its disk was damaged
			"n2 promise 1 1; n2 crash; n2 restart; n2 hard 1 0",
			"n2 promise 1 1; n2 damage; n2 crash; n2 restart; n2 hard 1 0"},
		{"ES/elected-without-quorum", // the former member's vote was a vote
			"n1 promise 1 1; n2 wipe; n1 elect 1",
			"n1 promise 1 1; n2 promise 1 1; n2 wipe; n1 elect 1"},
		{"LC/commit-without-quorum", // but its copies are gone
			leaderOf3voted + "n1 append 2 1 y; n1 durable 2; n2 append 2 1 y; n2 durable 2; n2 acked 2; n2 wipe; n1 commit 2",
			leaderOf3voted + "n1 append 2 1 y; n1 durable 2; n2 append 2 1 y; n2 durable 2; n2 acked 2; n1 commit 2"},
		{"DUR/acknowledged-entry-lost",
			leaderOf3voted + "n2 acked 1; n2 crash; n2 restart; n2 recovered",
			leaderOf3voted + "n2 acked 1; n2 wipe; n2 restart; n2 recovered"},
		{"DUR/acknowledged-entry-lost", // damage excuses
			leaderOf3voted + "n2 acked 1; n2 crash; n2 restart; n2 recovered",
			leaderOf3voted + "n2 acked 1; n2 crash; n2 damage; n2 restart; n2 recovered"},
		{"DUR/acknowledged-entry-lost", // a snapshot in place of the entries does too
			leaderOf3voted + "n2 acked 1; n2 crash; n2 restart; n2 recovered",
			leaderOf3voted + "n2 acked 1; n1 apply 1 5; n2 crash; n2 restart 1 1; n2 restored 1 1 5; n2 recovered"},
		{"LC/commit-without-quorum", // nor did who never said that it had a copy help anybody to one
			twoOnBoth + "n2 damage; n2 crash; n2 restart; n2 append 1 1 x; n2 recovered; n1 commit 2",
			twoOnBoth + "n2 acked 2; n2 damage; n2 crash; n2 restart; n2 append 1 1 x; n2 recovered; n1 commit 2"},
		{"LC/commit-without-quorum", // what was said once counts through more damage, and for what is below
			twoOnBoth + "n2 acked 2; n2 damage; n2 crash; n2 restart; n2 append 1 1 x; n2 recovered; n2 acked 1; n2 damage; n1 append 3 1 z; n1 durable 3; n1 commit 3",
			twoOnBoth + "n2 acked 2; n2 damage; n2 crash; n2 restart; n2 append 1 1 x; n2 recovered; n2 acked 1; n2 damage; n1 append 3 1 z; n1 durable 3; n1 commit 2"},
		{"LC/commit-without-quorum", // until the log is as new again
			twoOnBoth + "n2 acked 2; n2 damage; n2 crash; n2 restart; n2 append 1 1 x; n3 append 1 1 x; n3 append 2 2 z; n2 append 2 2 z; n2 durable 2; n1 commit 2",
			twoOnBoth + "n2 acked 2; n2 damage; n2 crash; n2 restart; n2 append 1 1 x; n3 append 1 1 x; n3 append 2 2 z; n2 append 2 2 z; n2 durable 1; n1 commit 2"},
		{"DUR/acknowledged-before-durable", // a snapshot is acknowledged once it is on disk
			leaderOf3voted + "n1 apply 1 5; n3 install 1 1; n3 acked 1",
			leaderOf3voted + "n1 apply 1 5; n3 install 1 1; n3 durable 1; n3 acked 1"},
		{"DUR/acknowledged-before-durable", // what was on disk before a snapshot arrived may still be acknowledged
			leaderOf3voted + "n1 append 2 1 y; n1 durable 2; n3 append 1 1 x; n3 durable 1; n2 append 2 1 y; n2 durable 2; n1 commit 2; n3 install 2 1; n3 acked 2",
			leaderOf3voted + "n1 append 2 1 y; n1 durable 2; n3 append 1 1 x; n3 durable 1; n2 append 2 1 y; n2 durable 2; n1 commit 2; n3 install 2 1; n3 acked 1"},
	})
}

// An acknowledgement is of the log of the leader it is for, and that leader may be history when it leaves.
func TestLateAcknowledgements(t *testing.T) {
	const voted = "n1 promise 1 1; n2 promise 1 1; n1 elect 1; n1 append 1 1 x; "
	const replaced = voted + "n3 hard 1 0; n3 append 1 1 x; n2 promise 2 2; n3 promise 2 2; n2 elect 2; n2 append 1 2 y; n3 hard 2 2; n3 append 1 2 y; "
	checkRules(t, &Cluster{WatchDisks: true}, []ruleCase{
		{"DUR/acknowledged-before-durable", voted + "n3 append 1 1 x; n3 acked-in 1 1", voted + "n3 append 1 1 x; n3 durable 1; n3 acked-in 1 1"},
		{"DUR/acknowledged-before-durable", replaced + "n3 acked-in 2 1", replaced + "n3 acked-in 1 1"},
		{"DUR/acknowledged-before-durable", // beyond the end of the log
			voted + "n3 hard 1 0; n3 acked-in 1 1",
			voted + "n3 hard 1 0; n3 append 1 1 x; n3 hard 2 0; n3 truncate 0; n3 acked-in 1 1"},
		{"DUR/acknowledged-before-durable", // for nobody
			voted + "n3 append 1 1 x; n3 acked-in 7 1",
			voted + "n3 append 1 1 x; n3 durable 1; n3 acked-in 7 1"},
		{"DUR/acknowledged-entry-lost", // one that was late binds nobody
			replaced + "n3 durable 1; n3 acked-in 2 1; n3 crash; n3 restart; n3 recovered",
			replaced + "n3 durable 1; n3 acked-in 1 1; n3 crash; n3 restart; n3 recovered"},
	})
}

// What a node acknowledged is forgotten when a snapshot replaces it by other entries, and only then.
func TestAcknowledgedAndReplaced(t *testing.T) {
	// n3 has acknowledged x and old; x and new are committed in term 2 and in a snapshot.
	const start = leaderOf3voted + "n3 append 1 1 x; n3 append 2 1 old; n3 durable 2; n3 acked 2; n1 down 1; n1 promise 2 1; n2 promise 2 1; n1 elect 2;" +
		"n1 append 2 2 new; n1 durable 2; n2 append 2 2 new; n2 durable 2; n1 commit 2; n1 apply 1 7; n1 apply 2 8; "
	const old, lost = "n3 crash; n3 restart; n3 append 1 1 x; n3 append 2 1 old; n3 recovered", "n3 crash; n3 restart; n3 recovered"
	const fresh = "n3 crash; n3 restart 2 2; n3 restored 2 2 8; n3 recovered"
	checkRules(t, &Cluster{WatchDisks: true}, []ruleCase{
		{"DUR/acknowledged-before-durable", start + "n3 install 2 2; n3 acked 2", start + "n3 install 2 2; n3 acked 1"},
		{"DUR/acknowledged-entry-lost", start + lost, start + old},
		{"DUR/acknowledged-entry-lost", start + "n3 install 2 2; " + lost, start + "n3 install 2 2; " + old},
		{"DUR/acknowledged-entry-lost", start + fresh + "; " + lost, start + "n3 install 2 2; " + fresh},
	})
}

// A log view with everything that may happen to it, against one that forgets nothing.
func TestLogViewEqualsSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree entryTree
		tree.reset()
		var v logView
		v.restart(0, 0)
		whole := []uint32{0} // every entry below the end, compacted or not
		offset := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			last := len(whole) - 1
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				if to := rapid.IntRange(offset, last).Draw(t, "compact"); to > offset {
					v.compact(uint64(to))
					offset = to
				}
			case 1:
				to := rapid.IntRange(0, last).Draw(t, "cut")
				tree.cutTo(&v, uint64(to))
				whole, offset = whole[:to+1], min(offset, to)
			case 2:
				to := rapid.IntRange(0, last).Draw(t, "restart")
				v.restart(uint64(to), whole[to])
				whole, offset = whole[:to+1], to
			default:
				id, _ := tree.add(v.tip(), 1, rapid.Uint64Range(0, 2).Draw(t, "content"), false)
				v.ids = append(v.ids, id)
				whole = append(whole, id)
			}
			if v.last() != uint64(len(whole)-1) || v.offset != uint64(offset) || v.base > v.offset {
				t.Fatalf("ends at %d with offset %d, base %d; want %d and %d", v.last(), v.offset, v.base, len(whole)-1, offset)
			}
			for index, want := range whole {
				if got := tree.entryAt(&v, uint64(index)); got != want || !tree.holds(&v, uint64(index), want) {
					t.Fatalf("entry %d is %d, want %d", index, got, want)
				}
			}
		}
	})
}

// The newest entry on two paths, against a walk down both.
func TestCommonEqualsWalk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree entryTree
		tree.reset()
		ids := []uint32{0, tree.orphan(4, 9), tree.orphan(1, 9)}
		for range rapid.IntRange(1, 60).Draw(t, "entries") {
			parent := ids[max(0, len(ids)-1-rapid.IntRange(0, 6).Draw(t, "back"))]
			id, _ := tree.add(parent, 1, rapid.Uint64Range(0, 3).Draw(t, "content"), false)
			ids = append(ids, id)
		}
		path := func(id uint32) map[uint32]bool {
			all := map[uint32]bool{0: true}
			for ; id != 0; id = tree.nodes[id].parent {
				all[id] = true
			}
			return all
		}
		a, b := rapid.SampledFrom(ids).Draw(t, "a"), rapid.SampledFrom(ids).Draw(t, "b")
		want, on := b, path(a)
		for !on[want] {
			want = tree.nodes[want].parent
		}
		if got := tree.common(a, b); got != want {
			t.Fatalf("common of %d and %d is %d, want %d", a, b, got, want)
		}
	})
}

// A long run with snapshots keeps no more of a node's log than twice what the node has.
func TestCompactionBoundsMemory(t *testing.T) {
	var c Cluster
	c.Reset(1)
	c.Elected(1, 1)
	for index := uint64(1); index <= 10_000; index++ {
		c.Appended(1, index, 1, nil)
		c.Committed(1, index)
		c.Applied(1, index, index)
		if index%10 == 0 {
			c.Compacted(1, index-5)
		}
	}
	if n := c.node(1); len(n.log.ids) > 40 || c.Findings.Total() != 0 {
		t.Error(fmt.Sprint(len(n.log.ids), " identities kept; "), c.Findings.All())
	}
}

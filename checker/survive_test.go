package checker

import (
	"testing"

	"pgregory.net/rapid"
)

// Whatever a broken system is seen to do, in whatever order, is judged and not choked on.
func TestJudgesSurviveAnything(t *testing.T) {
	var c Cluster
	rapid.Check(t, func(t *rapid.T) {
		draw := chance{next: func() uint64 { return rapid.Uint64().Draw(t, "choice") }}
		small := func() uint64 {
			if draw.n(40) == 0 {
				return ^uint64(0) - uint64(draw.n(3))
			}
			return uint64(draw.n(7))
		}
		set := func() (ids []uint64) {
			for range draw.n(4) {
				ids = append(ids, small())
			}
			return ids
		}
		c.DecodedDisks, c.WatchDisks = draw.n(2) == 0, draw.n(4) > 0
		c.Reset(3)
		for step := range uint64(draw.n(300)) {
			node := uint64(1 + draw.n(4))
			if draw.n(2) == 0 {
				c.Now(step, int64(step))
			}
			switch draw.n(30) {
			case 0:
				c.Restarted(node)
			case 1:
				c.RestartedAfter(node, small(), small())
			case 2:
				c.Crashed(node)
			case 3:
				c.Wiped(node)
			case 4:
				c.Joined(node)
			case 5:
				c.Damaged(node)
			case 6:
				c.Truncated(node, small())
			case 7:
				c.Compacted(node, small())
			case 8:
				c.Installed(node, small(), small())
			case 9:
				c.Restored(node, small(), small(), small())
			case 10:
				c.Configured(node, small(), Configuration{Voters: set(), Outgoing: set(), Learners: set()})
			case 11:
				c.HardState(node, small(), small())
			case 12:
				c.Promised(node, small(), small())
			case 13:
				c.Elected(node, small())
			case 14:
				c.SteppedDown(node, small())
			case 15, 16:
				c.Committed(node, small())
			case 17, 18:
				c.Applied(node, small(), small())
			case 19:
				c.Executed(node, small(), small(), small())
			case 20:
				c.Acked(node, small())
			case 21:
				c.Durable(node, small())
			case 22:
				c.Recovered(node)
			case 23:
				c.DiskEntry(node, small(), small(), EntryHash(nil, draw.n(2) == 0))
			case 24:
				c.DiskSnapshot(node, small(), small())
				c.DiskCompacted(node, small())
			case 25:
				c.DiskTruncated(node, small())
				c.DiskHardState(node, small(), small(), small())
			case 26:
				img := &DiskImage{Term: small(), Vote: small(), Commit: small(), SnapshotIndex: small(), SnapshotTerm: small(),
					Offset: small(), OffsetTerm: small(), Entries: []ImageEntry{{Term: small()}, {Term: small()}}}
				c.ObserveDisk(node, img)
				c.RecoveredImage(node, img)
			case 27:
				c.ReadAnswered(node, small(), small())
				c.Acknowledged(node, small())
				c.AcknowledgedOperation(node, small(), small())
			case 28:
				c.AppendedConfiguration(node, c.LastIndex(node)+1, small(), nil)
			default:
				c.Appended(node, c.LastIndex(node)+1-uint64(draw.n(3)), small(), []byte{byte(draw.n(2))})
			}
			if n := c.node(node); n.log.base > n.log.offset || n.log.offset > n.log.last() || len(n.log.ids) == 0 {
				t.Fatalf("log of n%d: base %d, offset %d, last %d", node, n.log.base, n.log.offset, n.log.last())
			}
		}
	})
}

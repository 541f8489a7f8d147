package server

import (
	"fmt"
	"math"
	"time"

	"raftsim/raft"
)

// Config is what a server is told once. Besides Raft the zero value is the default named at the field, or the feature switched
// off.
type Config struct {
	Raft    raft.Config
	NewCore NewCore // nil: NewRaft
	Forward bool    // a follower forwards requests to the leader it believes in; else it redirects the client

	// Reforward is how many requests of clients a follower keeps until they are done, to forward them when it learns of a leader or of a
	// later leadership, and may so take while it knows of none; 0: none, at most 1<<24. Only with Forward.
	Reforward int
	// Announce are the ids of those in front of the cluster that a leader tells that it leads (Host.SendBeacon), when it is elected and
	// with every heartbeat interval.
	Announce []uint64

	MaxWaiting int // operations whose answer is pending at this server; beyond it they are refused; 0: 1024
	MaxReads   int // reads that wait at this server for a read index or for the state machine; 0: 1024, at most 65536
	// MaxCommand is how many bytes a command or query may have; 0: 1 MiB, at most 32 MiB. A larger one is refused for good
	// (client.ReplyTooLarge) before it is in any log. All servers of a cluster should agree on it: where they do not, a client cannot
	// always tell whether a command that one server refuses was taken by another.
	MaxCommand int

	SegmentBytes int64 // size of the log's files; 0: the default of storage
	// SnapshotEntries and SnapshotBytes say when a snapshot of the state machine is taken: as soon as so many entries, or so many
	// bytes of entries, were applied since the last one; 0: not for that reason. A machine that is no
	// statemachine.Snapshotter is never asked for one.
	SnapshotEntries uint64
	SnapshotBytes   uint64

	// MaxSnapshotBytes bounds the snapshots that this server takes: one that nobody can restore must not take the place of the log. A
	// larger state gets none, the log is kept, and Counters.SnapshotsRefused tells; 0: 2 GiB - 1, which is the most.
	MaxSnapshotBytes int

	// SessionTTL is how much log time a client may stay silent before its session ends; 0: sessions never end. All
	// servers of a cluster must agree on it.
	SessionTTL time.Duration

	// AsyncApply leaves it to the host when committed entries are applied (Host.ApplyLater, HandleApply); else they are applied in
	// the turn that hands them out.
	AsyncApply bool
	ApplyBatch int // entries one HandleApply applies when its caller sets no bound; 0: 64
}

const (
	defaultMaxWaiting = 1024
	defaultMaxReads   = 1024
	largestMaxReads   = 1 << readRowBits
	defaultMaxCommand = 1 << 20
	// largestCommand leaves room for the envelope and the entry's head in a record of the log, which the log bounds by
	// 64 MiB: a leader halts when it cannot write its own log, and a client must not be able to bring that about.
	largestCommand    = 32 << 20
	defaultApplyBatch = 64
)

// checked returns c with its defaults filled in, or says what is wrong with it.
func (c Config) checked() (Config, error) {
	if err := c.Raft.Validate(); err != nil {
		return c, err
	}
	for _, limit := range []struct {
		name          string
		value         *int
		zero, largest int
	}{
		{"MaxWaiting", &c.MaxWaiting, defaultMaxWaiting, 1 << 24},
		{"MaxReads", &c.MaxReads, defaultMaxReads, largestMaxReads},
		{"MaxCommand", &c.MaxCommand, defaultMaxCommand, largestCommand},
		{"MaxSnapshotBytes", &c.MaxSnapshotBytes, math.MaxInt32, math.MaxInt32},
		{"ApplyBatch", &c.ApplyBatch, defaultApplyBatch, 1 << 24},
	} {
		if *limit.value < 0 || *limit.value > limit.largest {
			return c, fmt.Errorf("server: %s is %d, want 0 to %d", limit.name, *limit.value, limit.largest)
		}
		if *limit.value == 0 {
			*limit.value = limit.zero
		}
	}
	if c.Reforward < 0 || c.Reforward > 1<<24 {
		return c, fmt.Errorf("server: Reforward is %d, want 0 to %d", c.Reforward, 1<<24)
	}
	if c.SegmentBytes < 0 || c.SessionTTL < 0 {
		return c, fmt.Errorf("server: SegmentBytes (%d) and SessionTTL (%v) must not be negative", c.SegmentBytes, c.SessionTTL)
	}
	if c.NewCore == nil {
		c.NewCore = NewRaft
	}
	return c, nil
}

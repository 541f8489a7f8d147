package storage_test

import (
	"errors"
	"testing"

	"raftsim/raft/storage/powerloss"
	"raftsim/raft/vfs"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// computer is a simulated disk as a powerloss.Machine. Half of its processes end in a crash, half in a power loss.
type computer struct {
	kernel sim.Kernel
	fates  sim.Fates
	disk   *disk.Disk
	done   []disk.Completion
	starts uint64
}

func newComputer(seed uint64, lying bool, noise func(sim.Purpose) sim.Noise) (*computer, error) {
	v, err := sim.NewVocabulary(nil, disk.Specs()...)
	if err != nil {
		return nil, err
	}
	c := &computer{}
	if err := c.fates.Reset(sim.FatesConfig{Vocabulary: v, Noisy: true, Seed: seed, CheckOnce: true, Noise: noise}); err != nil {
		return nil, err
	}
	c.kernel.Reset(&c.fates, nil, sim.Bounds{}, nil)
	c.kernel.Host(1, c)
	c.disk = disk.New(&c.kernel, 1, disk.Options{SyncLatency: 20, LyingSync: lying, SectorSize: 64})
	return c, nil
}

func (c *computer) Deliver(ev sim.Event) {
	if done, ok := c.disk.Complete(ev.Payload); ok {
		c.done = append(c.done, done)
	}
}

func (c *computer) Fold(sim.Event, *sim.Digest)             {}
func (c *computer) Describe(_ sim.Event, dst []byte) []byte { return dst }

// Start implements powerloss.Machine. The first process and the second, which finds what the first one has founded, end well.
func (c *computer) Start() (vfs.FS, error) {
	c.starts++
	if c.starts > 2 {
		if c.starts*2654435761>>7&1 == 0 {
			c.disk.Crash()
		} else {
			c.disk.PowerLoss()
		}
	}
	return c.disk.FS(), nil
}

// Complete implements powerloss.Machine. Time passes until a sync completes.
func (c *computer) Complete() (vfs.Completion, bool, bool) {
	for range 100 {
		if len(c.done) > 0 {
			break
		}
		if err := c.kernel.Run(c.kernel.Now().Add(20)); err != nil {
			return vfs.Completion{Err: err}, true, true
		}
	}
	if len(c.done) == 0 {
		return vfs.Completion{}, false, false
	}
	d := c.done[0]
	c.done = c.done[1:]
	return d.Completion, d.Incarnation == c.disk.Incarnation(), true
}

// losses is the noise of power losses, and of syncs that fail once in so many times (0: never).
func losses(fails uint64) func(sim.Purpose) sim.Noise {
	often := sim.Ratio{Num: 4, Den: 5}
	return func(p sim.Purpose) sim.Noise {
		switch p {
		case disk.Torn:
			return sim.Noise{Chance: often, Draw: disk.DrawTorn}
		case disk.Names:
			return sim.Noise{Chance: often, Draw: disk.DrawNames}
		case disk.Landed:
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 3}, Draw: disk.DrawLanded}
		case disk.SlowSync:
			return sim.Noise{Chance: sim.Ratio{Num: 1, Den: 4}, Draw: disk.DrawSlowSync(1, 100)}
		case disk.SyncFails:
			if fails > 0 {
				return sim.Noise{Chance: sim.Ratio{Num: 1, Den: fails}, Draw: disk.DrawSyncFails}
			}
		}
		return sim.Noise{}
	}
}

// However often the process dies and the power fails, also during recovery and installations, and even if syncs fail and the system
// forgets what they covered, the log remembers what was promised.
func TestOnASimulatedDisk(t *testing.T) {
	for _, fails := range []uint64{0, 12} {
		var total disk.Stats
		for seed := range uint64(60) {
			c, err := newComputer(seed, false, losses(fails))
			if err != nil {
				t.Fatal(err)
			}
			o := powerloss.Options{Seed: seed, Operations: 300, SegmentBytes: []int64{1, 600, 5000}[seed%3]}
			if _, err := powerloss.Run(c, o); err != nil && !errors.Is(err, powerloss.ErrNotFounded) {
				t.Errorf("seed %d, one sync in %d fails: %v", seed, fails, err)
			}
			s := c.disk.Stats()
			total.PowerLosses += s.PowerLosses
			total.Crashes += s.Crashes
			total.BytesKept += s.BytesKept
			total.BytesLost += s.BytesLost
			total.SyncsFailed += s.SyncsFailed
		}
		t.Logf("%d crashes, %d power losses, %d unsynced bytes kept and %d lost, %d syncs failed",
			total.Crashes, total.PowerLosses, total.BytesKept, total.BytesLost, total.SyncsFailed)
		if total.PowerLosses < 100 || total.Crashes < 100 || total.BytesKept == 0 || total.BytesLost == 0 || (total.SyncsFailed > 100) != (fails > 0) {
			t.Errorf("the disk was too kind to show anything: %+v", total)
		}
	}
}

// The check above bites: on a disk whose syncs lie it finds the loss.
func TestLyingSyncIsFound(t *testing.T) {
	found := 0
	for seed := range uint64(5) {
		c, err := newComputer(seed, true, losses(0))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := powerloss.Run(c, powerloss.Options{Seed: seed}); err != nil {
			found++
		}
	}
	if found < 5 {
		t.Errorf("lying disks: %d of 5 found", found)
	}
}

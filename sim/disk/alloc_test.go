package disk

import (
	"strconv"
	"testing"

	"raftsim/sim"
)

// A run after others allocates its handles and nothing else: one object per FS, one per open file.
func TestRunsAllocateHandlesOnly(t *testing.T) {
	b := busyBench(t, 1)
	if err := b.fates.Reset(noisyWithoutFailures(t)); err != nil {
		t.Fatal(err)
	}
	names := make([]string, 8)
	for i := range names {
		names[i] = "segment-" + strconv.Itoa(i)
	}
	p := make([]byte, 500)
	handles := 0
	run := func() {
		handles = 0
		b.kernel.Reset(&b.fates, nil, sim.Bounds{}, nil)
		b.kernel.Host(owner, b)
		b.got, b.when = b.got[:0], b.when[:0]
		b.disk.Reset(Options{SyncLatency: 10, SectorSize: 64})
		for range 4 {
			fsys := b.disk.FS()
			handles++
			f, err := fsys.Create("log")
			if err != nil {
				t.Fatal(err)
			}
			handles++
			for i, name := range names {
				g, err := fsys.Create(name)
				if err != nil {
					t.Fatal(err)
				}
				handles++
				for k := range 5 {
					if _, err := g.WriteAt(p, int64(k*300)); err != nil {
						t.Fatal(err)
					}
					g.Sync(1)
				}
				fsys.SyncDir(2)
				if i > 0 {
					_ = fsys.Rename(name, names[i-1])
				}
				f.Sync(3)
				b.run(30)
			}
			if _, err := f.WriteAt(p, 200); err != nil {
				t.Fatal(err)
			}
			f.Sync(3)
			if _, err := f.WriteAt(p, 600); err != nil {
				t.Fatal(err)
			}
			b.disk.Stall(b.kernel.Now() + 50)
			_ = fsys.Remove(names[6])
			b.disk.Crash()
			b.disk.PowerLoss()
			b.disk.Rot(1, 500, 3)
			b.disk.Unreadable(1, 700)
			b.run(100)
		}
	}
	for range 20 {
		run()
	}
	if n := testing.AllocsPerRun(20, run); n != float64(handles) {
		t.Errorf("%v allocations in a run with %d handles", n, handles)
	}
	if s := b.disk.Stats(); min(s.BytesKept, s.BytesLost, s.NamesKept, s.SyncsLanded, s.StalledSyncs, s.Rotted) == 0 {
		t.Errorf("counts %+v", s)
	}
}

func noisyWithoutFailures(t fataler) sim.FatesConfig {
	draw := draws()
	return sim.FatesConfig{Vocabulary: vocabulary(t), Noisy: true, Seed: 4, Noise: func(p sim.Purpose) sim.Noise {
		switch p {
		case Torn, Names, Landed:
			return sim.Noise{Chance: sim.Ratio{Num: 3, Den: 4}, Draw: draw[p-Torn]}
		}
		return sim.Noise{}
	}}
}

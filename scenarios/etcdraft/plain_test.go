package etcdraft

import (
	"container/heap"
	"crypto/rand"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// loads are the shapes that are measured, short enough for a test.
func loads() []Load {
	var all []Load
	for _, nodes := range []int{3, 5} {
		for _, tick := range []time.Duration{100 * time.Millisecond, 10 * time.Millisecond} {
			all = append(all, Load{Nodes: nodes, Seconds: 10, Tick: tick, Seed: 7})
		}
	}
	return all
}

func (l Load) name() string { return fmt.Sprintf("%dnodes/%v", l.Nodes, l.Tick) }

// committed gives a node's log up to its commit index, one line per entry.
func committed(t *testing.T, n *node) []string {
	t.Helper()
	first, err := n.storage.FirstIndex()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := n.storage.Entries(first, n.raw.BasicStatus().GetCommit()+1, math.MaxUint64)
	if err != nil {
		t.Fatal(err)
	}
	return lines(entries)
}

func lines(entries []*raftpb.Entry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, fmt.Sprintf("%d/%d %v %x", e.GetTerm(), e.GetIndex(), e.GetType(), e.GetData()))
	}
	return out
}

func TestSameLoadSameRun(t *testing.T) {
	for _, load := range loads() {
		t.Run(load.name(), func(t *testing.T) {
			a := run(load, &seededReader{state: load.Seed})
			b := run(load, &seededReader{state: load.Seed})
			if a.digest != b.digest {
				t.Errorf("event traces differ: %x and %x", a.digest, b.digest)
			}
			if a.result() != b.result() {
				t.Errorf("results differ: %+v and %+v", a.result(), b.result())
			}
			if got := RunPlain(load); got != a.result() {
				t.Errorf("RunPlain gives %+v, want %+v", got, a.result())
			}
			for i := range a.nodes {
				if !slices.Equal(committed(t, &a.nodes[i]), committed(t, &b.nodes[i])) {
					t.Errorf("node %d committed other entries in the second run", i+1)
				}
			}
		})
	}
}

// TestOtherDrawsOtherRun shows that the digest notices what TestSameLoadSameRun relies on it to notice: without the
// replaced reader the second run would draw other election timeouts.
func TestOtherDrawsOtherRun(t *testing.T) {
	for _, load := range loads() {
		t.Run(load.name(), func(t *testing.T) {
			base := run(load, &seededReader{state: load.Seed})
			timeouts := run(load, &seededReader{state: load.Seed + 1<<32})
			if base.digest == timeouts.digest {
				t.Errorf("other election timeouts give the same event trace")
			}
			reseeded := load
			reseeded.Seed++
			delays := run(reseeded, &seededReader{state: load.Seed})
			if base.digest == delays.digest {
				t.Errorf("other message delays give the same event trace")
			}
		})
	}
}

func TestEveryNodeAppliesTheSame(t *testing.T) {
	for _, load := range loads() {
		t.Run(load.name(), func(t *testing.T) {
			c := run(load, &seededReader{state: load.Seed})
			want := committed(t, &c.nodes[0])
			for i := range c.nodes {
				n := &c.nodes[i]
				if !slices.Equal(committed(t, n), want) {
					t.Errorf("node %d committed other entries than node 1", i+1)
				}
				if n.applied != c.nodes[0].applied || n.hash != c.nodes[0].hash {
					t.Errorf("node %d applied %d commands (hash %x), node 1 %d (hash %x)",
						i+1, n.applied, n.hash, c.nodes[0].applied, c.nodes[0].hash)
				}
			}
			// Nothing is lost on the way, so every proposal a leader took is applied, once.
			if got := c.result().Committed; got != c.proposed {
				t.Errorf("committed %d of %d proposals", got, c.proposed)
			}
			// One second of election timeout, at most one more of jitter, 100 ms for the vote, half a second of quiet tail.
			if c.proposed < uint64(load.Seconds-3)*100 {
				t.Errorf("only %d proposals in %d s", c.proposed, load.Seconds)
			}
		})
	}
}

func TestReaderIsPutBack(t *testing.T) {
	before := rand.Reader
	RunPlain(Load{Seconds: 1})
	if rand.Reader != before {
		t.Error("crypto/rand.Reader is still replaced after the run")
	}
}

func TestZeroLoad(t *testing.T) {
	explicit := Load{Nodes: 3, Seconds: 10, Tick: 100 * time.Millisecond}
	if got, want := RunPlain(Load{}), RunPlain(explicit); got != want {
		t.Errorf("the zero load gives %+v, want %+v", got, want)
	}
}

func TestSenselessLoadPanics(t *testing.T) {
	for _, load := range []Load{{Nodes: -1}, {Seconds: -1}, {Tick: -1}, {Tick: 30 * time.Millisecond}, {Tick: time.Second}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was accepted", load)
				}
			}()
			RunPlain(load)
		}()
	}
}

func TestQueueIsInOrder(t *testing.T) {
	var q queue
	var want [][2]uint64
	for seq := range uint64(500) {
		at := mix(seq) % 40 // many ties
		heap.Push(&q, &event{at: int64(at), seq: seq})
		want = append(want, [2]uint64{at, seq})
	}
	slices.SortFunc(want, func(a, b [2]uint64) int { return slices.Compare(a[:], b[:]) })
	for i, w := range want {
		ev := heap.Pop(&q).(*event)
		if uint64(ev.at) != w[0] || ev.seq != w[1] {
			t.Fatalf("event %d is (%d, %d), want %v", i, ev.at, ev.seq, w)
		}
	}
}

func TestLatencyKeepsItsBounds(t *testing.T) {
	low, high := latency(1, 0), latency(1, 0)
	for number := range uint64(100_000) {
		d := latency(1, number)
		low, high = min(low, d), max(high, d)
	}
	if low < int64(latencyMin) || high > int64(latencyMax) {
		t.Errorf("delays of %d..%d ns leave %v..%v", low, high, latencyMin, latencyMax)
	}
	if low > int64(latencyMin+time.Millisecond/10) || high < int64(latencyMax-time.Millisecond/10) {
		t.Errorf("delays of %d..%d ns do not fill %v..%v", low, high, latencyMin, latencyMax)
	}
}

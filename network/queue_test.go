package network

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/sim"
)

// TestBandwidth says when packets arrive that have to wait for a link of 1000 bytes per second: a byte takes a millisecond.
func TestBandwidth(t *testing.T) {
	type sent struct {
		text  string
		kind  uint8
		epoch uint64
	}
	tests := []struct {
		name   string
		config Config
		lines  []string
		sent   []sent
		want   []string
		stats  Stats
	}{
		{
			name: "one after the other",
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}, {"", 1, 3}, {"cc", 1, 3}},
			want: []string{"4ms 1>2 aaa", "5ms 1>2 b", "5ms 1>2 ", "7ms 1>2 cc"}, stats: Stats{Sent: 4, Delivered: 4, Queued: 3, LongestQueue: 3},
		},
		{
			name: "a full queue drops the newest", config: Config{Queue: 1},
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}, {"cc", 1, 3}},
			want: []string{"4ms 1>2 aaa", "5ms 1>2 b"}, stats: Stats{Sent: 3, Delivered: 2, Queued: 1, QueueDrops: 1, LongestQueue: 1},
		},
		{
			name: "what is lost takes no time", lines: []string{"lost n1>n2 app t3 #0 = yes"},
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}},
			want: []string{"2ms 1>2 b"}, stats: Stats{Sent: 2, Lost: 1, Delivered: 1},
		},
		{
			name: "nor does a copy", lines: []string{"doubled n1>n2 app t3 #0 = 5ms"},
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}},
			want: []string{"4ms 1>2 aaa", "5ms 1>2 b", "9ms 1>2 aaa"}, stats: Stats{Sent: 2, Doubled: 1, Delivered: 3, Queued: 1, LongestQueue: 1, Reordered: 1},
		},
		{
			name: "a newer one replaces the one that waits", config: Config{Policy: PolicyReplace},
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}, {"cc", 0, 3}, {"ddd", 0, 3}},
			want: []string{"4ms 1>2 aaa", "7ms 1>2 ddd"}, stats: Stats{Sent: 4, Delivered: 2, Queued: 3, Replaced: 2, LongestQueue: 1},
		},
		{
			name: "and in links that keep the order arrives as if the other had never been", config: Config{Policy: PolicyReplace, FIFO: true},
			lines: []string{"late n1>n2 app t3 #1 = 50ms"},
			sent:  []sent{{"aaa", 1, 3}, {"b", 1, 3}, {"cc", 0, 3}},
			want:  []string{"4ms 1>2 aaa", "6ms 1>2 cc"}, stats: Stats{Sent: 3, Delivered: 2, Queued: 2, Replaced: 1, Late: 1, LongestQueue: 1},
		},
		{
			name: "but of two appends of one term the newer one is dropped", config: Config{Policy: PolicyReplace},
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}, {"cc", 1, 3}, {"ddd", 1, 4}},
			want: []string{"4ms 1>2 aaa", "7ms 1>2 ddd"}, stats: Stats{Sent: 4, Delivered: 2, Queued: 2, QueueDrops: 1, Replaced: 1, LongestQueue: 1},
		},
		{
			name: "what cannot be replaced waits", config: Config{Policy: PolicyReplace, Replaceable: 1, Queue: 3},
			sent:  []sent{{"aaa", 1, 3}, {"b", 0, 3}, {"cc", 1, 3}, {"dd", 1, 4}, {"e", 0, 3}, {"f", 0, 3}},
			want:  []string{"4ms 1>2 aaa", "5ms 1>2 b", "7ms 1>2 dd", "8ms 1>2 e"},
			stats: Stats{Sent: 6, Delivered: 4, Queued: 4, QueueDrops: 1, Replaced: 1, LongestQueue: 3},
		},
		{
			name: "a replaced one has no copy", config: Config{Policy: PolicyReplace}, lines: []string{"doubled n1>n2 app t3 #1 = 5ms"},
			sent: []sent{{"aaa", 1, 3}, {"b", 1, 3}, {"cc", 0, 3}},
			want: []string{"4ms 1>2 aaa", "6ms 1>2 cc"}, stats: Stats{Sent: 3, Delivered: 2, Queued: 2, Replaced: 1, LongestQueue: 1},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := test.config
			c.Delay, c.Bandwidth, c.Append = time.Millisecond, 1000, 1
			b := newBench(t, c, sim.FatesConfig{CheckOnce: true}, test.lines...)
			for range 2 { // the second time the link is idle again
				b.heard = nil
				from := b.Now()
				for _, s := range test.sent {
					b.Send(1, 2, Label{Kind: s.kind, Epoch: s.epoch}, append(b.Buffer(), s.text...))
				}
				if from == 0 {
					b.run(time.Second)
					if diff := cmp.Diff(test.want, b.heard); diff != "" {
						t.Errorf("heard (-want +got):\n%s", diff)
					}
					if diff := cmp.Diff(test.stats, b.Network.Stats()); diff != "" {
						t.Errorf("stats (-want +got):\n%s", diff)
					}
				} else {
					b.run(2 * time.Second)
				}
			}
			if b.UnderWay() != 0 {
				t.Errorf("%d packets were never released", b.UnderWay())
			}
			s := b.Network.Stats()
			if s.Sent-s.Lost-s.QueueDrops-s.Replaced+s.Doubled != s.Delivered {
				t.Errorf("packets are unaccounted for: %+v", s)
			}
		})
	}
}

// Serialization time is rounded up: no packet is free.
func TestWireTime(t *testing.T) {
	b := newBench(t, Config{Delay: time.Millisecond, Bandwidth: 3_000_000_000}, sim.FatesConfig{})
	for bytes, want := range map[int]time.Duration{0: 0, 1: 1, 3: 1, 4: 2, 3 << 20: 1 << 20} {
		if got := b.wireTime(bytes); got != want {
			t.Errorf("%d bytes: %v, want %v", bytes, got, want)
		}
	}
}

// What a cut held leaves one after the other.
func TestHeldTakesTheWire(t *testing.T) {
	b := newBench(t, Config{Delay: time.Millisecond, Bandwidth: 1000, Hold: 8, Policy: PolicyReplace, Append: 1}, sim.FatesConfig{})
	b.Block(1, 2)
	b.send(1, 2, "aaa")
	b.send(1, 2, "b")
	b.Unblock(1, 2)
	b.Send(1, 2, Label{Kind: 0, Epoch: 3}, append(b.Buffer(), "cc"...))
	b.run(time.Second)
	if got, want := strings.Join(b.heard, ", "), "4ms 1>2 aaa, 6ms 1>2 cc"; got != want {
		t.Errorf("heard %s, want %s", got, want)
	}
	if b.UnderWay() != 0 {
		t.Errorf("%d packets were never released", b.UnderWay())
	}
}

// What is sent behind leaves later, and keeps its order with what is sent after it.
func TestBehind(t *testing.T) {
	for _, bandwidth := range []int64{0, 1000} {
		b := newBench(t, Config{Delay: time.Millisecond, Bandwidth: bandwidth}, sim.FatesConfig{})
		b.Behind(5 * time.Millisecond)
		b.send(1, 2, "a")
		b.Behind(0)
		b.send(1, 3, "b")
		b.run(time.Second)
		want := map[int64]string{0: "1ms 1>3 b, 6ms 1>2 a", 1000: "2ms 1>3 b, 7ms 1>2 a"}[bandwidth]
		if got := strings.Join(b.heard, ", "); got != want {
			t.Errorf("heard %s, want %s", got, want)
		}
	}
}

// A link that is always taken allocates nothing once its memory has grown.
func TestWaitingDoesNotAllocate(t *testing.T) {
	for _, policy := range []Policy{PolicyFIFO, PolicyReplace} {
		b := newBench(t, Config{Delay: time.Millisecond, Bandwidth: 1_000_000, Policy: policy, Queue: 100}, sim.FatesConfig{})
		b.down[2] = true
		step := func() {
			for range 10 {
				b.send(1, 2, "0123456789")
			}
			b.run(time.Duration(b.Now()) + 99*time.Microsecond)
		}
		for range 200 {
			step()
		}
		if n := testing.AllocsPerRun(100, step); n != 0 {
			t.Errorf("%s: %v allocations", PolicyNames()[policy], n)
		}
	}
}

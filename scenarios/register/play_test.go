package register

import (
	"slices"
	"strings"
	"testing"
	"time"

	"raftsim/checker"
	"raftsim/network"
	"raftsim/raft/vfs"
	"raftsim/scenarios/register/abd"
	"raftsim/sim"
	"raftsim/sim/disk"
)

// playConfig is three replicas and three clients in a calm world of one second.
func playConfig() Config {
	return Config{
		Servers: 3, Clients: 3, Keys: 2, Pause: 20 * time.Millisecond, FileBytes: 1000,
		AttemptTimeout: 50 * time.Millisecond, OperationTimeout: 300 * time.Millisecond,
		Network: network.Config{Delay: time.Millisecond, Spread: 2 * time.Millisecond},
		Disk:    disk.Options{SyncLatency: time.Millisecond},
		Noise:   func(sim.Purpose) sim.Noise { return sim.Noise{} },
		Unit:    100 * time.Millisecond, Window: time.Second, Liveness: time.Second,
		CheckOnce: true, Record: true, Budget: 30_000,
	}
}

func vocabulary(t testing.TB) *sim.Vocabulary {
	t.Helper()
	v, err := NewVocabulary()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func parse(t testing.TB, lines ...string) (ds []sim.Disturbance) {
	t.Helper()
	v := vocabulary(t)
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		if text := v.Line(d); text != line {
			t.Fatalf("%q prints as %q", line, text)
		}
		ds = append(ds, d)
	}
	return ds
}

// play runs a calm world with these disturbances; change may be nil.
func play(t testing.TB, change func(*Config), lines ...string) *Outcome {
	t.Helper()
	c := playConfig()
	c.Overrides = parse(t, lines...)
	if change != nil {
		change(&c)
	}
	o, err := new(World).Run(vocabulary(t), c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// signatures lists what was broken, each once.
func (o *Outcome) signatures() (all []string) {
	for _, v := range append(slices.Clone(o.Violations), o.Report.Violations...) {
		if s := v.Signature(); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

func TestCalmPlay(t *testing.T) {
	o := play(t, nil)
	c := &o.Counts
	if len(o.signatures()) > 0 || o.Report.Verdict != checker.Linearizable || len(o.Recorded) > 0 {
		t.Errorf("%v, %v, %d disturbances", o.signatures(), o.Report.Verdict, len(o.Recorded))
	}
	if c.Completed < 80 || c.Completed != c.Invoked || c.Reads+c.Writes != c.Completed || c.Crashes+c.Halts+c.Restarts+c.Repeats != 0 {
		t.Errorf("%+v", c)
	}
	if c.ReadsAgreed+c.ReadsWrittenBack != c.Reads || c.Sent[abd.Query] != 3*c.Completed {
		t.Errorf("%+v", c)
	}
}

// Every kind of fault in the vocabulary does something where it is put, is survived, and is the whole difference from calm.
func TestFaultsBite(t *testing.T) {
	slow := func(c *Config) { c.Disk.SyncLatency = 10 * time.Millisecond }
	small := func(c *Config) { c.FileBytes = 50; slow(c) }
	unsynced := []string{"power n1 submitted t1 #3 = for 50ms"}
	type bite struct {
		fault   string
		context []string
		change  func(*Config)
		effect  func(*Counts) uint64
	}
	restarts := func(c *Counts) uint64 { return c.Restarts }
	cut := func(c *Counts) uint64 { return c.Network.CutAtSend + c.Network.CutAtArrival }
	bites := []bite{
		{fault: "lost c1>n2 query t1.3 #0 = yes", effect: func(c *Counts) uint64 { return c.Network.Lost }},
		{fault: "doubled n2>c1 answer t1.3 #0 = 5ms", effect: func(c *Counts) uint64 { return c.Network.Doubled }},
		{fault: "late c1>n2 store t1.3 #0 = 200ms", effect: func(c *Counts) uint64 { return c.Network.Late }},
		{fault: "isolate n2 #0 = at 300ms for 200ms both-clients", effect: cut},
		{fault: "split #0 = at 300ms for 200ms side n1,c1", effect: cut},
		{fault: "cut n2>c1 #0 = at 300ms for 200ms one-way", effect: cut},
		{fault: "crash-at n1 #0 = at 300ms for 50ms", effect: func(c *Counts) uint64 { return min(c.Crashes, c.Restarts) }},
		{fault: "power-at n1 #0 = at 300ms for 50ms", effect: func(c *Counts) uint64 { return min(c.PowerLosses, c.Restarts) }},
		{fault: "blackout #0 = at 300ms for 50ms side n1,n2,n3", effect: func(c *Counts) uint64 { return c.PowerLosses / 3 }},
		{fault: "pause n1 #0 = at 300ms for 100ms", effect: func(c *Counts) uint64 { return c.Delayed }},
		{fault: "stall n1 #0 = at 300ms for 100ms", effect: func(c *Counts) uint64 { return c.Disk.StalledSyncs }},
		{fault: "slow-sync n1 #5 = 100ms", effect: func(c *Counts) uint64 { return c.Disk.SlowSyncs }},
		{fault: "sync-fails n1 #5 = yes", effect: func(c *Counts) uint64 { return min(c.Disk.SyncsFailed, c.Halts, c.Restarts) }},
		{fault: "no-space n1 #5 = after 20 for 100ms", effect: func(c *Counts) uint64 { return min(c.Disk.ShortWrites, c.Halts, c.Restarts) }},
		{fault: "torn n1 t1 #0 = all", context: unsynced, change: slow, effect: func(c *Counts) uint64 { return c.Disk.BytesKept }},
		{fault: "landed n1 t1 = all", context: unsynced, change: slow, effect: func(c *Counts) uint64 { return c.Disk.SyncsLanded }},
		{fault: "names n1 t1 = all", context: []string{"power n1 begun t1 #1 = for 50ms"}, change: small, effect: func(c *Counts) uint64 { return c.Disk.NamesKept }},
	}
	for m, moment := range abd.MomentNames() {
		life, ordinal := "t1", "#1"
		if abd.Moment(m) == abd.MomentRestored {
			ordinal = "#0"
		}
		for _, name := range []string{"crash", "power"} {
			bites = append(bites, bite{fault: name + " n1 " + moment + " " + life + " " + ordinal + " = for 50ms", change: small, effect: restarts})
		}
	}
	tried := make(map[sim.Purpose]bool)
	for _, b := range bites {
		with, without := play(t, b.change, append([]string{b.fault}, b.context...)...), play(t, b.change, b.context...)
		tried[parse(t, b.fault)[0].Key.Purpose()] = true
		if got, before := b.effect(&with.Counts), b.effect(&without.Counts); got <= before {
			t.Errorf("%s: its effect is %d with it and %d without", b.fault, got, before)
		}
		if with.Digest == without.Digest && !strings.HasPrefix(b.fault, "names") || slices.Contains(with.Hits, 0) || len(with.signatures()) > 0 {
			t.Errorf("%s: the same run %v, hits %v, %v", b.fault, with.Digest == without.Digest, with.Hits, with.signatures())
		}
		again := play(t, func(c *Config) {
			if b.change != nil {
				b.change(c)
			}
			c.Overrides = with.Recorded
		})
		if again.Digest != with.Digest || again.Steps != with.Steps {
			t.Errorf("%s: its record is another run", b.fault)
		}
	}
	for _, s := range vocabulary(t).Specs() {
		if s.Fault && !tried[s.Purpose] {
			t.Errorf("%s is in the vocabulary and was not tried", s.Name)
		}
	}
}

// A majority is enough, and needed: with a minority away everything goes on, and without a majority nothing ends, and is not called failed.
func TestMajorityDecides(t *testing.T) {
	minority := play(t, nil, "isolate n1 #0 = at 0s for 1s both-clients")
	if minority.Counts.Abandoned > 0 || len(minority.signatures()) > 0 {
		t.Errorf("without a minority: %d given up, %v", minority.Counts.Abandoned, minority.signatures())
	}
	majority := play(t, nil, "isolate n1 #0 = at 0s for 1s both-clients", "isolate n2 #0 = at 0s for 1s both-clients")
	if n := &majority.Counts; n.Abandoned < 9 || len(majority.signatures()) > 0 {
		t.Errorf("without a majority: %d given up, %v", n.Abandoned, majority.signatures())
	}
	absent := play(t, func(c *Config) { c.Absent = 0b10 })
	if absent.Counts.Absences != 1 || len(absent.signatures()) > 0 {
		t.Errorf("with n1 absent: %d, %v", absent.Counts.Absences, absent.signatures())
	}
}

// A write that ended unknown, and that one replica has heard of, is found by a read, which brings it to a majority.
func TestReadHelpsWrite(t *testing.T) {
	o := play(t, func(c *Config) { c.Clients, c.Keys = 2, 1 },
		"op c1 t0 = write k0 after 99ms", "op c2 t0 = read k0 after 298ms", "op c2 t1 = read k0 after 100ms",
		// c1's version gets to n1 only.
		"late c1>n2 store t1.1 #0 = 900ms", "late c1>n3 store t1.1 #0 = 900ms",
		"lost c1>n2 store t1.1 #1 = yes", "lost c1>n3 store t1.1 #1 = yes", "lost c1>n2 store t1.1 #2 = yes", "lost c1>n3 store t1.1 #2 = yes",
		"lost c1>n2 store t1.1 #3 = yes", "lost c1>n3 store t1.1 #3 = yes", "lost c1>n2 store t1.1 #4 = yes", "lost c1>n3 store t1.1 #4 = yes",
		"lost c1>n2 store t1.1 #5 = yes", "lost c1>n3 store t1.1 #5 = yes",
		// c2's first read asks n1.
		"late n3>c2 answer t2.1 #0 = 40ms",
	)
	if c := &o.Counts; c.WritesHelped != 1 || c.ReadsWrittenBack < 1 || c.Abandoned != 1 || len(o.signatures()) > 0 {
		t.Errorf("%+v, %v", c, o.signatures())
	}
}

// What breaks is found by the judge of it.
func TestJudgesBite(t *testing.T) {
	for _, tc := range []struct {
		what  string
		spoil func(w *World)
		want  string
	}{
		{"a replica whose disk was emptied", func(w *World) {
			w.nodes[0].kill(crashed, 50*time.Millisecond)
			w.nodes[0].disk.Wipe()
		}, "DUR/version-forgotten"},
		{"a network that is never whole again", func(w *World) {
			w.network.Block(1025, 1)
			w.network.Block(1025, 2)
		}, "LIVE/no-progress"},
		{"an answer that one replica knows of", func(w *World) {
			newest := w.nodes[0].told[0]
			newest.Counter++
			w.nodes[0].told[0] = newest
			w.judgeMajority(1, 1, 0, newest)
		}, "DUR/returned-without-majority"},
		{"a replica that is down when the faults end", func(w *World) { w.nodes[0].kill(crashed, time.Hour) }, ""},
		{"one that cannot be started", func(w *World) {
			w.nodes[0].kill(crashed, time.Hour)
			if err := w.nodes[0].disk.Setup(func(fsys vfs.FS) error { _, err := fsys.Create("other"); return err }); err != nil {
				t.Fatal(err)
			}
		}, "LIVE/server-missing"},
		{"a replica that panics", func(w *World) {
			w.nodes[0].call(func() { panic("abd: broken") })
		}, "CRASH/panic-of-replica"},
		{"two writes with one timestamp", func(w *World) {
			for _, s := range w.history.stamps {
				if !s.read {
					w.history.chosen(s.client, s.seq, s.key, s.timestamp)
					break
				}
			}
		}, "LIN/timestamp-taken-twice"},
	} {
		w := new(World)
		if err := w.assemble(vocabulary(t), playConfig()); err != nil {
			t.Fatal(err)
		}
		w.begin()
		if err := w.kernel.Run(sim.Time(500 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		tc.spoil(w)
		if err := w.kernel.Run(sim.Time(2 * time.Second)); err != nil {
			t.Fatal(err)
		}
		got := w.conclude().signatures()
		if tc.want == "" && len(got) > 0 || tc.want != "" && !slices.Contains(got, tc.want) {
			t.Errorf("%s: %v, want %q among them", tc.what, got, tc.want)
		}
	}
}

// Time that stands still, and steps without end, are findings.
func TestBounds(t *testing.T) {
	for _, tc := range []struct {
		bounds sim.Bounds
		want   string
	}{{sim.Bounds{Steps: 100}, "BOUND/steps-per-run"}, {sim.Bounds{InstantSteps: 1}, "BOUND/zero-time-loop"}} {
		o := play(t, func(c *Config) {
			c.Bounds = tc.bounds
			c.Disk.SyncLatency = 0
		})
		if !slices.Contains(o.signatures(), tc.want) {
			t.Errorf("%+v: %v", tc.bounds, o.signatures())
		}
	}
}

// What a run does not have is refused by name.
func TestWrongDisturbances(t *testing.T) {
	v := vocabulary(t)
	for line, want := range map[string]string{
		"late c1>n4 store t1.1 #0 = 1ms":         "n4 does not exist: there are servers n1..n3 and clients c1..c3",
		"late c4>n1 store t1.1 #0 = 1ms":         "c4 does not exist: there are servers n1..n3 and clients c1..c3",
		"lost n1>c1 store t1.1 #0 = yes":         "no message of kind store goes from n1 to c1",
		"lost c1>n1 answer t1.1 #0 = yes":        "no message of kind answer goes from c1 to n1",
		"lost n1>n2 query t1.1 #0 = yes":         "no message of kind query goes from n1 to n2",
		"slow-sync c1 #0 = 1ms":                  "c1 is a client: slow-sync is about servers",
		"op n1 t0 = read k0 after 0s":            "n1 is a server: op is about clients",
		"op c1 t0 = read k2 after 0s":            "operation about k2: there are keys k0..k1",
		"crash-at c1 #0 = at 1s for 1s":          "c1 is a client: crash-at is about servers",
		"split #0 = at 1s for 1s side n1,n9":     "split: n9 does not exist: there are n1,n2,n3,c1,c2,c3",
		"pause n3 #0 = at 1s for 1s":             "",
		"op c3 t7 = write k1 after 1ms":          "",
		"op c3 t7 = calm":                        "",
		"isolate c3 #0 = at 1s for 1s both":      "",
		"stored n1 #0 = yes":                     "unknown purpose",
		"members #0 = at 1s to n1":               "unknown purpose",
		"wipe n1 #0 = at 1s for 1s":              "unknown purpose",
		"clock n1 = 1ppm":                        "unknown purpose",
		"aim-crash #0 = at 1s for 1s leader":     "unknown purpose",
		"op c1 t0 = put k0 after 1ms":            "want read or write a key after a pause",
		"op c1 t0 = read k0":                     "want read or write a key after a pause",
		"op c1 t0 = read k99999 after 1ms":       "want read or write a key after a pause",
		"crash n1 snapshot-taken t1 #0 = for 1s": "unknown kind",
	} {
		d, err := v.ParseLine(line)
		if err == nil {
			err = CheckDisturbance(v, d, 3, 3, 2)
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	for _, change := range []func(*Config){
		func(c *Config) { c.Servers = 0 }, func(c *Config) { c.Clients = 31 }, func(c *Config) { c.Keys = 0 }, func(c *Config) { c.AttemptTimeout = 0 },
		func(c *Config) { c.Network.Delay = 0 }, func(c *Config) { c.Overrides = parse(t, "pause n4 #0 = at 1s for 1s") },
	} {
		c := playConfig()
		change(&c)
		if _, err := new(World).Run(vocabulary(t), c); err == nil {
			t.Errorf("%+v was run", c)
		}
	}
}

// A pause that ends where something arrives, or where another one begins, mixes nothing up.
func TestPausesKeepTheOrder(t *testing.T) {
	for _, lines := range [][]string{
		{"pause n1 #0 = at 300ms for 50ms", "pause n1 #1 = at 320ms for 30ms"},
		{"pause n1 #0 = at 300ms for 50ms", "pause n1 #1 = at 350ms for 50ms"},
		{"pause n1 #0 = at 300ms for 50ms", "stall n1 #0 = at 290ms for 60ms"},
		{"pause n1 #0 = at 300ms for 50ms", "crash-at n1 #0 = at 310ms for 10ms"},
		{"pause n1 #0 = at 300ms for 900ms"},
	} {
		if o := play(t, nil, lines...); len(o.signatures()) > 0 || o.Counts.Delayed == 0 {
			t.Errorf("%v: %v, %d delayed", lines, o.signatures(), o.Counts.Delayed)
		}
	}
}

// narration is what a run tells.
type narration struct{ text strings.Builder }

func (n *narration) Tell(line []byte) { n.text.WriteString(string(line) + "\n") }

// A run told is the same run.
func TestStory(t *testing.T) {
	silent := play(t, nil, "crash-at n1 #0 = at 300ms for 50ms")
	var n narration
	told := play(t, func(c *Config) { c.Narrator = &n }, "crash-at n1 #0 = at 300ms for 50ms")
	if told.Digest != silent.Digest {
		t.Error("it is another run when it is told")
	}
	for _, want := range []string{
		"  n1          starts with nothing\n", "  c1          begins c1#1, write k1\n", "  c1          takes 1.1 for c1#1\n",
		"  n2          keeps 1.1 of k1\n", "ends c1#1, write k1: 1.1; a majority has it\n",
		"  0.300000  !           crash-at n1 #0 = at 300ms for 50ms\n", "  0.300000  n1          crashes\n", "  0.350000  n1          starts with ",
	} {
		if !strings.Contains(n.text.String(), want) {
			t.Errorf("no %q in\n%s", want, n.text.String()[:2000])
		}
	}
}

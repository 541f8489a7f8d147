package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/sim"
)

// sampleFile is a seed file of three servers, written by hand.
const sampleFile = `Two servers are cut off and come back.
Found on a rainy day.

-- case.toml --
version = 1
scenario = "mixed"
seed = "7"
base = "noise 7"
masks = ["quiet lost,late n1>n2 0s..1.2s"]

[cluster]
nodes = 3
election_timeout = "150ms"
heartbeat_interval = "50ms"
keep_alive = "150ms"
initial_leader = 1
pre_vote = true
check_quorum = true
forward = true
jitter = true
max_entries_per_message = 64
max_inflight = 256
max_uncommitted = 1024

[workload]
application = "kv"
clients = 3
keys = 2
classes = ["register", "mixed"]
hot = "1/2"
interval = "0s"
pause = "20ms"
attempt_timeout = "150ms"
operation_timeout = "500ms"
sticky = false

[network]
delay = "1ms"
spread = "2ms"
fifo = false
lost = "1/100"
doubled = "0"
doubled_delay = "0s"
late = "1/20"
late_shape = "heavy-tail"
late_mean = "4ms"

[disk]
sync_latency = "1ms"
lying_sync = false
torn = "1/2"
slow = "0"
slow_min = "0s"
slow_max = "0s"

[faults]
timeout = "150ms"
window = "3s"
isolate = "2 x 1/6"
cut_max = "300ms"

[run]
window = "3s"
liveness_timeouts = 20
max_steps = 20000000
max_instant_steps = 100000
search_steps = 30000
-- overrides --
// the leader and a follower
isolate n1 #0 = at 1s for 300ms both
late n1>n2 app t1 #4 ~10010 = 12ms

op c1 t3 = put k1 after 12ms
-- expect --
verdict = "violation"
signature = "LC/missing-commitment"
digest = "00000000deadbeef"
steps = 4711
`

func TestSeedFileByHand(t *testing.T) {
	cat := builtin(t)
	for _, form := range []struct{ name, text string }{
		{"as it is", sampleFile},
		{"lines ending in CR LF", strings.ReplaceAll(sampleFile, "\n", "\r\n")},
	} {
		f, err := cat.ParseSeedFile("a.seed", []byte(form.text))
		if err != nil {
			t.Fatalf("%s: %v", form.name, err)
		}
		if f.Human != "Two servers are cut off and come back.\nFound on a rainy day.\n\n" {
			t.Errorf("%s: human part %q", form.name, f.Human)
		}
		c := f.Case
		if c.Scenario != "mixed" || c.Seed != 7 || c.Base != (Base{Noisy: true, Seed: 7}) || len(c.Masks) != 1 || len(c.Overrides) != 3 {
			t.Errorf("%s: %+v", form.name, c)
		}
		o := &c.Options
		if o.Cluster.ElectionTimeout != 150*time.Millisecond || o.Workload.Hot != (sim.Ratio{Num: 1, Den: 2}) || o.Faults.Isolate.Count != 2 ||
			o.Network.LateShape.String() != "heavy-tail" || c.Overrides[1].Alias != 0x10010 {
			t.Errorf("%s: options %+v", form.name, o)
		}
		if want := (Expect{Verdict: Violation, Signature: "LC/missing-commitment", Digest: 0xdeadbeef, Steps: 4711}); f.Expect != want {
			t.Errorf("%s: %+v, want %+v", form.name, f.Expect, want)
		}
		if _, err := NewRunner(cat).Run(c, RunOptions{}); err != nil {
			t.Errorf("%s: %v", form.name, err)
		}
	}
}

// What is written is read back: options, base, masks, every disturbance, and what the run came to.
func TestSeedFileRoundTrip(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(cat.Names(true)).Draw(rt, "scenario")
		c, err := cat.Case(name, rapid.Uint64().Draw(rt, "seed"))
		if err != nil {
			rt.Fatal(err)
		}
		v, err := cat.Vocabulary(name)
		if err != nil {
			rt.Fatal(err)
		}
		for _, text := range rapid.SliceOfN(rapid.SampledFrom([]string{
			"quiet * * *", "quiet lost,late n1>n2 0s..1.2s", "quiet isolate n1 700ms..", "quiet op,crash * *", "quiet * *>n1 *",
		}), 0, 3).Draw(rt, "masks") {
			m, err := v.ParseMask(text)
			if err != nil {
				rt.Fatal(err)
			}
			c.Masks = append(c.Masks, m)
		}
		f := &SeedFile{Human: rapid.SampledFrom([]string{"", "one line\n", "two\nlines", "-- not a marker\n\n\n"}).Draw(rt, "human"), Case: c}
		if rapid.Bool().Draw(rt, "run") {
			quick := *c
			quick.Options.Run.Window = time.Second
			res, err := r.Run(&quick, RunOptions{Record: true})
			if err != nil {
				rt.Fatal(err)
			}
			f.Case = quick.Explicit(res.Recorded)
			f.Expect = Expect{Verdict: res.Verdict, Signature: res.Signature, Digest: res.Digest, Steps: res.Steps}
		}
		text, err := f.Format(v)
		if err != nil {
			rt.Fatal(err)
		}
		back, err := cat.ParseSeedFile("f", text)
		if err != nil {
			rt.Fatalf("%v\n%s", err, text)
		}
		// The human part ends in one empty line.
		if want := strings.TrimRight(f.Human, "\n") + "\n\n"; back.Human != want {
			rt.Fatalf("human part %q, want %q", back.Human, want)
		}
		if diff := cmp.Diff(f.Case, back.Case, cmp.Comparer(func(a, b []sim.Mask) bool { return fmt.Sprint(a) == fmt.Sprint(b) }), cmp.Comparer(func(a, b []sim.Disturbance) bool { return fmt.Sprint(a) == fmt.Sprint(b) })); diff != "" {
			rt.Fatalf("the case changed (-written +read):\n%s", diff)
		}
		if back.Expect != f.Expect {
			rt.Fatalf("%+v, want %+v", back.Expect, f.Expect)
		}
		again, err := back.Format(v)
		if err != nil || !bytes.Equal(again, text) {
			rt.Fatalf("written again it is another text (%v):\n%s\n%s", err, text, again)
		}
	})
}

// A human part that would be taken for a section is refused when it is written, not when it is read.
func TestHumanPartLikeMarker(t *testing.T) {
	cat := builtin(t)
	v, _ := cat.Vocabulary("calm")
	f := &SeedFile{Human: "see\n-- case.toml --\n", Case: mustCase(t, cat, "calm", 1)}
	if _, err := f.Format(v); err == nil {
		t.Error("no error")
	}
}

// Whatever is wrong with a seed file is said in one line that names the file and the line.
func TestDamagedSeedFiles(t *testing.T) {
	cat := builtin(t)
	purposes := []string{
		"lost", "doubled", "late", "isolate", "split", "cut", "crash-at", "power-at", "blackout", "crash", "power", "aim-isolate", "aim-crash",
		"aim-power", "pause", "aim-pause", "clock", "clock-step", "clock-rate", "members", "aim-members", "transfer", "aim-transfer", "snapshot",
		"aim-snapshot", "stall", "aim-stall", "damage", "wipe", "outage", "torn", "slow-sync", "names", "landed", "sync-fails", "no-space", "lost-write",
		"misdirected", "rot", "unreadable", "freeze", "op", "election",
	}
	replace := func(old, new string) string {
		if strings.Count(sampleFile, old) != 1 {
			t.Fatalf("%q is not once in the sample", old)
		}
		return strings.Replace(sampleFile, old, new, 1)
	}
	upTo := func(marker string) string { return sampleFile[:strings.Index(sampleFile, marker)] }
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", `: damaged or no seed file: section "case.toml" is missing`},
		{"prose", "Dear all,\nit broke.\n", `: damaged or no seed file: section "case.toml" is missing`},
		{"no text", "\x7fELF\x00\x00", `: not a seed file: it holds bytes that are no text`},
		{"a NUL byte", replace("Found on", "Found\x00on"), `: not a seed file: it holds bytes that are no text`},
		{"no UTF-8", replace("rainy", "r\xffiny"), `: not a seed file: it holds bytes that are no text`},
		{"ends before the case", upTo("-- case.toml"), `: damaged or no seed file: section "case.toml" is missing`},
		{"ends in the case", upTo("check_quorum"), `: damaged or no seed file: section "overrides" is missing`},
		{"ends in a line of the case", upTo(" = true\ncheck_quorum"), `: damaged or no seed file: section "overrides" is missing`},
		{"ends before the overrides", upTo("-- overrides"), `: damaged or no seed file: section "overrides" is missing`},
		{"ends in the overrides", upTo("op c1"), `: damaged or no seed file: section "expect" is missing`},
		{"ends in a line of the overrides", upTo("-- expect --\n")[:len(upTo("-- expect --\n"))-8], `: damaged or no seed file: section "expect" is missing`},
		{"ends in the expectation", sampleFile[:len(sampleFile)-30], `:77: the last line has no end: the file is cut short`},
		{"ends in a number", strings.TrimSuffix(sampleFile, "\n"), `:78: the last line has no end: the file is cut short`},
		{"ends in the digest", upTo("beef"), `:77: the last line has no end: the file is cut short`},
		{"crash of a client", replace("-- expect --", "crash-at c1 #0 = at 1s for 1s\n-- expect --"), `:74: c1 is a client: crash-at is about servers`},
		{"link to itself", replace("-- expect --", "cut n1>n1 #0 = at 1s for 1s one-way\n-- expect --"), `:74: there is no link from n1 to itself`},
		{"message a client does not send", replace("-- expect --", "late c1>n2 app t1 #0 = 1s\n-- expect --"), `:74: no message of kind app goes from c1 to n2`},
		{"operation of a server", replace("-- expect --", "op n1 t3 = put k0 after 1s\n-- expect --"), `:74: n1 is a server: op is about clients`},
		{"unknown section", replace("-- expect --", "-- expected --"), `:74: unknown section "expected": a seed file has case.toml, overrides and expect`},
		{"section twice", replace("-- expect --", "-- overrides --\n-- expect --"), `:74: section "overrides" is there twice`},
		{"unknown key", replace("nodes = 3", "node = 3"), `:12: unknown key "cluster.node": did you mean "cluster.nodes"?`},
		{"unknown key unlike any", replace("nodes = 3", "zzzzzzzzzzzzzz = 3"), `:12: unknown key "cluster.zzzzzzzzzzzzzz"`},
		{"unknown table", replace("[disk]", "[disc]"), `:48: unknown key "disc"`},
		{"unknown key of the expectation", replace("steps = 4711", "stepz = 4711"), `:78: unknown key "stepz"`},
		{"key twice", replace("keys = 2", "keys = 2\nkeys = 2"), `:29: Key 'workload.keys' has already been defined.`},
		{"no TOML", replace("keys = 2", "keys 2"), `:28: expected '.' or '=', but got '2' instead`},
		{"text for a number", replace("keys = 2", `keys = "two"`), `:28: workload.keys: want a whole number: keys of the map, 1 to 1000`},
		{"no duration", replace(`pause = "20ms"`, `pause = "20 parsecs"`), `:32: invalid duration: "20 parsecs"`},
		{"duration without unit", replace(`pause = "20ms"`, `pause = 20`), `:32: workload.pause: want a duration with its unit, like "150ms"`},
		{"no ratio", replace(`hot = "1/2"`, `hot = "2/1"`), `:30: "2/1" is no ratio: write it as 0, 1 or NUM/DEN with NUM <= DEN, like 1/20`},
		{"no slots", replace(`isolate = "2 x 1/6"`, `isolate = "2 of 6"`), `:59: faults: "2 of 6" is no number of slots: write COUNT x CHANCE with COUNT up to 1000, like 2 x 1/6, or none`},
		{"no shape", replace(`"heavy-tail"`, `"fat-tail"`), `:45: network: "fat-tail" is no shape of delays: one of fixed, uniform, exponential, heavy-tail`},
		{"too big a number", replace("keys = 2", "keys = 99999999999999999999"), `:28: 99999999999999999999 is out of range for int64`},
		{"unknown scenario", replace(`scenario = "mixed"`, `scenario = "mixd"`), `:6: unknown scenario "mixd": did you mean "mixed"?`},
		{"unknown scenario unlike any", replace(`scenario = "mixed"`, `scenario = "thunderstorm"`), `:6: unknown scenario "thunderstorm": known are ` + known},
		{"no scenario", replace("scenario = \"mixed\"\n", ""), `:5: unknown scenario "": known are ` + known},
		{"newer version", replace("version = 1", "version = 2"), `:5: version 2 is newer than this program, which reads version 1: use a newer simrun`},
		{"older version", replace("version = 1", "version = 0"), `:5: version 0: want version = 1`},
		{"no version", replace("version = 1\n", ""), `:5: version 0: want version = 1`},
		{"newer version with unknown keys", replace("version = 1", "version = 3\nwarp = 9"), `:5: version 3 is newer than this program, which reads version 1: use a newer simrun`},
		{"version is text", replace("version = 1", `version = "1"`), `:5: version: want a whole number`},
		{"no seed", replace("seed = \"7\"\n", ""), `:5: "" is no seed: write a number below 2^64 (42, 0x2a) or a commit hash`},
		{"bad seed", replace(`seed = "7"`, `seed = "seven"`), `:7: "seven" is no seed: write a number below 2^64 (42, 0x2a) or a commit hash`},
		{"seed too big", replace(`seed = "7"`, `seed = "18446744073709551616"`), `:7: "18446744073709551616" is no seed: write a number below 2^64 (42, 0x2a) or a commit hash`},
		{"bad base", replace(`base = "noise 7"`, `base = "loud"`), `:8: base "loud": want "calm" or "noise SEED"`},
		{"bad base seed", replace(`base = "noise 7"`, `base = "noise -1"`), `:8: "-1" is no seed: write a number below 2^64 (42, 0x2a) or a commit hash`},
		{"bad mask", replace("quiet lost,late", "quiet lots,late"), `:9: unknown purpose "lots": did you mean "lost"?`},
		{"mask of nobody", replace("n1>n2 0s", "n1>x2 0s"), `:9: "x2" names no process`},
		{"mask without end", replace("0s..1.2s", "2s..1.2s"), `:9: "2s..1.2s" is no time window: UNTIL must be later than FROM`},
		{"unknown purpose", replace("late n1>n2 app", "lat n1>n2 app"), `:71: unknown purpose "lat": did you mean "late"?`},
		{"unknown purpose unlike any", replace("late n1>n2 app", "explode n1>n2 app"), `:71: unknown purpose "explode": known are ` + strings.Join(purposes, ", ")},
		{"unknown kind", replace("late n1>n2 app", "late n1>n2 apple"), `:71: late: unknown kind "apple": one of request, forward, reply, app, app-resp, heartbeat, heartbeat-resp, vote, vote-resp, pre-vote, pre-vote-resp, snap, snap-resp, timeout-now, read-index, read-index-resp, beacon`},
		{"a read index to a client", replace("late n1>n2 app t1", "late n1>c2 read-index t1"), `:71: no message of kind read-index goes from n1 to c2`},
		{"field missing", replace("late n1>n2 app t1 #4", "late n1>n2 app #4"), `:71: late: epoch: want tNUMBER, found "#4"`},
		{"no value", replace("#4 ~10010 = 12ms", "#4 ~10010"), `:71: a disturbance reads SUBJECT = VALUE, like: late n1>n2 app t3 #4 = 12ms`},
		{"bad value", replace("= 12ms", "= soon"), `:71: late: value "soon": want a duration above 0, like 12ms, or calm`},
		{"bad operation", replace("put k1 after", "push k1 after"), `:73: op: "push k1" is no operation: write get, put, delete, cas or append and a key, like: put k1; or a read that is not in the log, like: get-leader k1 (leader, lease, follower, stale, sequential)`},
		{"a write outside the log", replace("put k1 after", "put-leader k1 after"), `:73: op: "put-leader k1" is no operation: write get, put, delete, cas or append and a key, like: put k1; or a read that is not in the log, like: get-leader k1 (leader, lease, follower, stale, sequential)`},
		{"a read of no kind", replace("put k1 after", "get-now k1 after"), `:73: op: "get-now k1" is no operation: write get, put, delete, cas or append and a key, like: put k1; or a read that is not in the log, like: get-leader k1 (leader, lease, follower, stale, sequential)`},
		{"a read of a key that is not there", replace("put k1 after", "get-lease k7 after"), `:73: operation get-lease k7: there are keys k0..k1`},
		{"twice", replace("isolate n1 #0 = at 1s for 300ms both", "isolate n1 #0 = at 1s for 300ms both\nisolate n1 #0 = calm"), `:71: isolate n1 #0 has a line already, 70`},
		{"n9 of three", replace("isolate n1", "isolate n9"), `:70: n9 does not exist: there are servers n1..n3 and clients c1..c3`},
		{"link to n9 of three", replace("late n1>n2 app", "late n1>n9 app"), `:71: n9 does not exist: there are servers n1..n3 and clients c1..c3`},
		{"c9 of three", replace("op c1", "op c9"), `:73: c9 does not exist: there are servers n1..n3 and clients c1..c3`},
		{"side with n9", replace("isolate n1 #0 = at 1s for 300ms both", "blackout #0 = at 1s for 300ms side n1,n9"), `:70: blackout: n9 does not exist: there are n1,n2,n3,c1,c2,c3`},
		{"blackout of nobody", replace("isolate n1 #0 = at 1s for 300ms both", "blackout #0 = at 1s for 300ms side c1"), `:70: the side of a blackout needs a server`},
		{"membership with n4", replace("isolate n1 #0 = at 1s for 300ms both", "members #0 = at 1s to n1,n4"), `:70: members: n4 does not exist: there are n1,n2,n3`},
		{"learner n4", replace("isolate n1 #0 = at 1s for 300ms both", "members #0 = at 1s to n1 learners n4"), `:70: members: n4 does not exist: there are n1,n2,n3`},
		{"membership of clients", replace("isolate n1 #0 = at 1s for 300ms both", "members #0 = at 1s to c1"), `:70: members: value "at 1s to c1": want at 1.2s to n1,n2,n4, with "learners n5" and "joint" behind as needed, or calm`},
		{"membership of nobody", replace("isolate n1 #0 = at 1s for 300ms both", "members #0 = at 1s to none"), `:70: members: value "at 1s to none": want at 1.2s to n1,n2,n4, with "learners n5" and "joint" behind as needed, or calm`},
		{"transfer to n4", replace("isolate n1 #0 = at 1s for 300ms both", "transfer #0 = at 1s to n4"), `:70: transfer: n4 does not exist: there are n1,n2,n3`},
		{"pause of a client", replace("isolate n1 #0 = at 1s for 300ms both", "pause c1 #0 = at 1s for 300ms"), `:70: c1 is a client: pause is about servers`},
		{"clock of a client", replace("isolate n1 #0 = at 1s for 300ms both", "clock c1 = 100ppm"), `:70: c1 is a client: clock is about servers`},
		{"clock that stands", replace("isolate n1 #0 = at 1s for 300ms both", "clock n1 = -1000000ppm"), `:70: clock: value "-1000000ppm": want 200ppm or -200ppm (-900000 to 9000000), or calm`},
		{"clock set back", replace("isolate n1 #0 = at 1s for 300ms both", "clock-step n1 #0 = at 1s by -1s"), `:70: clock-step: value "at 1s by -1s": want at 1.2s by +200ms (forward, at most 1h), or calm`},
		{"stall of a disk of a client", replace("isolate n1 #0 = at 1s for 300ms both", "stall c2 #0 = at 1s for 1s"), `:70: c2 is a client: stall is about servers`},
		{"disk of a client", replace("isolate n1 #0 = at 1s for 300ms both", "rot c1 t2 = 500 bits ff"), `:70: c1 is a client: rot is about servers`},
		{"aim beyond the slots", replace("isolate n1 #0 = at 1s for 300ms both", "aim-members #1000 = at 1s for 1s add 1"), `:70: #1000: aims have ordinals below 1000`},
		{"operation on a key that is not there", replace("put k1", "put k9"), `:73: operation put k9: there are keys k0..k1`},
		{"bad verdict", replace(`"violation"`, `"failed"`), `:75: unknown verdict "failed": one of pass, inconclusive, violation`},
		{"violation without signature", replace(`"LC/missing-commitment"`, `""`), `:76: a violation has a signature, and nothing else has`},
		{"pass with signature", replace(`"violation"`, `"pass"`), `:76: a violation has a signature, and nothing else has`},
		{"short digest", replace("00000000deadbeef", "deadbeef"), `:77: digest "deadbeef": want 16 hexadecimal digits`},
		{"no digest", replace("00000000deadbeef", "00000000deadbeeg"), `:77: digest "00000000deadbeeg": want 16 hexadecimal digits`},
		{"negative steps", replace("steps = 4711", "steps = -1"), `:78: steps -1: want at least 0`},
		{"heartbeat slower than election", replace(`heartbeat_interval = "50ms"`, `heartbeat_interval = "200ms"`), `:14: cluster.heartbeat_interval: heartbeats every 200ms would be slower than elections (election_timeout 150ms): want above 0 and below it`},
		{"negative pause", replace(`pause = "20ms"`, `pause = "-1ms"`), `:32: workload.pause: interval and pause must not be negative`},
		{"no clients", replace("clients = 3", "clients = 0"), `:27: workload.clients: 0 clients: want 1 to 30`},
		{"too many servers", replace("nodes = 3", "nodes = 32"), `:12: cluster.nodes: 32 servers: want 1 to 31`},
		{"slots without window", replace(`window = "3s"`+"\nisolate", "isolate"), `:56: faults: timed faults want faults.window above 0, not 0s: they begin before it`},
	} {
		f, err := cat.ParseSeedFile("a.seed", []byte(tc.text))
		if err == nil {
			t.Errorf("%s: no error: %+v", tc.name, f.Case)
			continue
		}
		var fe *FileError
		if got := err.Error(); got != "a.seed"+tc.want || strings.Contains(got, "\n") || !errors.As(err, &fe) {
			t.Errorf("%s:\n\t%s\nwant\n\ta.seed%s", tc.name, got, tc.want)
		}
	}
}

// Whatever bytes a file holds, reading it neither panics nor gives a case that cannot be written and read again.
func checkAnyBytes(t testing.TB, cat *Catalogue, data []byte) {
	f, err := cat.ParseSeedFile("f", data)
	if err != nil {
		if msg := err.Error(); strings.Contains(msg, "\n") || !strings.HasPrefix(msg, "f:") {
			t.Fatalf("not one line about the file: %q", msg)
		}
		return
	}
	v, err := cat.Vocabulary(f.Case.Scenario)
	if err != nil {
		t.Fatal(err)
	}
	text, err := f.Format(v)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	back, err := cat.ParseSeedFile("f", text)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, text)
	}
	if again, err := back.Format(v); err != nil || !bytes.Equal(again, text) {
		t.Fatalf("written again it is another text (%v):\n%s\n%s", err, text, again)
	}
}

func TestCorruptedSeedFiles(t *testing.T) {
	cat := builtin(t)
	words := []string{"", "-1", "0", "9223372036854775808", "n9", "\"", "\n", "-- expect --\n", "= ", "calm", "1e9", "'''", "[run]\n", "\r\n", "é"}
	rapid.Check(t, func(rt *rapid.T) {
		data := []byte(sampleFile)
		for range rapid.IntRange(1, 4).Draw(rt, "changes") {
			from := rapid.IntRange(0, len(data)).Draw(rt, "from")
			to := min(len(data), from+rapid.IntRange(0, 12).Draw(rt, "length"))
			var with []byte
			if rapid.Bool().Draw(rt, "word") {
				with = []byte(rapid.SampledFrom(words).Draw(rt, "with"))
			} else {
				with = rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(rt, "with")
			}
			data = append(append(append([]byte(nil), data[:from]...), with...), data[to:]...)
		}
		checkAnyBytes(t, cat, data)
	})
}

func FuzzSeedFile(f *testing.F) {
	cat := builtin(f)
	f.Add([]byte(sampleFile))
	f.Add([]byte(strings.ReplaceAll(sampleFile, "\n", "\r\n")))
	f.Add([]byte("-- case.toml --\n-- overrides --\n-- expect --\n"))
	f.Fuzz(func(t *testing.T, data []byte) { checkAnyBytes(t, cat, data) })
}

func TestParseSeed(t *testing.T) {
	for _, tc := range []struct {
		text string
		want uint64
		bad  bool
	}{
		{text: "0", want: 0}, {text: "42", want: 42}, {text: "0x2a", want: 42}, {text: "007", want: 7}, {text: "1234567", want: 1234567},
		{text: "18446744073709551615", want: 1<<64 - 1}, {text: "0xffffffffffffffff", want: 1<<64 - 1},
		{text: "e3f41eb", want: 0xe3f41eb}, {text: "C82F1E5", want: 0xc82f1e5}, {text: "0b11010", want: 0x0b11010},
		{text: "e51a51d0000000000123456789abcdef01234567", want: 0xe51a51d000000000},
		{text: "", bad: true}, {text: "-1", bad: true}, {text: "1.5", bad: true}, {text: "1_000", bad: true}, {text: "seven", bad: true},
		{text: "18446744073709551616", bad: true}, {text: "0x10000000000000000", bad: true}, {text: "e3f41e", bad: true}, {text: " 1", bad: true},
		{text: "e51a51d0000000000123456789abcdef012345678", bad: true},
	} {
		got, err := ParseSeed(tc.text)
		if (err != nil) != tc.bad || got != tc.want {
			t.Errorf("ParseSeed(%q) = %d, %v; want %d", tc.text, got, err, tc.want)
		}
		if back, err := ParseSeed(FormatSeed(tc.want)); err != nil || back != tc.want {
			t.Errorf("seed %d reads back as %d, %v", tc.want, back, err)
		}
	}
}

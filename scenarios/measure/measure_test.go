package measure

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const milli = int64(time.Millisecond)

func table(t *testing.T, name string) *Table {
	t.Helper()
	m, err := Make(name, 1)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// about wants a figure within a twentieth of what theory says.
func about(t *testing.T, what string, got, want int64) {
	t.Helper()
	if got < want*19/20 || got > want*21/20 {
		t.Errorf("%s: %d, want about %d", what, got, want)
	}
}

// Each optimisation moves the figure it is for, by what theory says and by a fifth at least.
func TestOptimisationsGain(t *testing.T) {
	m := table(t, "commit")
	// To the leader, its disk, to a follower, its disk, back, to the client: four ways of 0.5 ms and two syncs of 2 ms.
	about(t, "alone", m.Value("one at a time", "alone p50"), 6*milli)
	// A message, a follower's sync and its answer per entry; the leader's own disk is ahead.
	about(t, "load", m.Value("one at a time", "per second"), 1000/3)
	// The two syncs overlap but for the way between.
	about(t, "alone, parallel append", m.Value("+ parallel append", "alone p50"), 4*milli)
	for _, c := range []struct {
		row, without, column string
		more                 bool
	}{
		{"+ batch", "one at a time", "per second", true},
		{"+ batch", "one at a time", "load p50", false},
		{"+ pipeline", "one at a time", "per second", true},
		{"+ pipeline", "one at a time", "load p99", false},
		{"+ parallel append", "one at a time", "alone p50", false},
		{"busy servers: all four", "busy servers: without asynchronous apply", "per second", true},
		{"busy servers: all four", "busy servers: without asynchronous apply", "load p50", false},
		{"all four", "one at a time", "per second", true},
		{"all four", "one at a time", "alone p50", false},
	} {
		with, without := m.Value(c.row, c.column), m.Value(c.without, c.column)
		if c.more && with*5 < without*6 || !c.more && with*5 > without*4 {
			t.Errorf("%s: %s %d, and %s has %d", c.row, c.column, with, c.without, without)
		}
	}
}

func TestReads(t *testing.T) {
	m := table(t, "reads")
	// A lease, and a state that may be old, cost the way to the server and back; a read index a round of the leader besides.
	for _, local := range []string{"lease", "sequential", "stale"} {
		about(t, local, m.Value(local, "p50"), milli)
	}
	if leader := m.Value("leader (ReadIndex)", "p50"); leader < 2*milli || leader > 5*milli {
		t.Errorf("leader: %d", leader)
	}
	for _, r := range m.Rows {
		entries, old := m.Value(r.Name, "entries/op"), m.Value(r.Name, "old answers")
		if logged := r.Name == "log"; logged != (entries > 95) || !logged && (entries < 40 || entries > 60) {
			t.Errorf("%s: %d hundredths of an entry for an operation", r.Name, entries)
		}
		if mayBeOld := r.Name == "stale" || r.Name == "sequential"; mayBeOld != (old > 0) {
			t.Errorf("%s: %d old answers", r.Name, old)
		}
	}
}

// One log: what cannot reach a majority holds up everything after it, whatever its key.
func TestBlocking(t *testing.T) {
	m := table(t, "blocking")
	for row, cut := range map[string]int64{
		calmRow: 0, "its append lost to one follower": 0, "one follower cut off for 200 ms": 0, "its append lost to both followers": 5,
		"both cut off for 100 ms": 100, "both cut off for 200 ms": 200, "both cut off for 400 ms": 400,
	} {
		held, longest := m.Value(row, "held up"), m.Value(row, "longest")
		if cut == 0 && (held > 0 || longest > 5*milli) || cut > 0 && (held < 3 || longest < cut*milli) {
			t.Errorf("%s: %d held up, the longest one for %d ns", row, held, longest)
		}
	}
}

func TestQueue(t *testing.T) {
	m := table(t, "queue")
	for _, r := range m.Rows {
		bounded := strings.HasPrefix(r.Name, "fifo, 4") || strings.HasPrefix(r.Name, "fifo, 16") || r.Name == "replace"
		if m.Value(r.Name, "waited") == 0 || bounded != (m.Value(r.Name, "dropped") > 0) || (r.Name == "replace") != (m.Value(r.Name, "replaced") > 0) {
			t.Errorf("%s: %v", r.Name, r.Values)
		}
	}
}

// Nobody is served for an election timeout or so after the leader's death, whichever way clients look for the next one. Redirects and
// forwards are where they belong. And a table is the same every time.
func TestLeader(t *testing.T) {
	m := table(t, "leader")
	for _, r := range m.Rows {
		if gap := m.Value(r.Name, "nobody served"); gap < 700*milli || gap > 3000*milli {
			t.Errorf("%s: nobody was served for %d ns", r.Name, gap)
		}
	}
	if m.Value("servers redirect", "forwards/op") != 0 || m.Value("followers forward", "forwards/op") == 0 {
		t.Error("forwards are not where they belong")
	}
	if m.Value("servers redirect", "redirects") == 0 || m.Value("followers forward", "redirects") != 0 {
		t.Error("redirects are not where they belong")
	}
	if diff := cmp.Diff(m, table(t, "leader")); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
}

func TestText(t *testing.T) {
	m := Table{
		Name: "a", Title: "b", Model: []string{"in a world"}, Notes: []string{"so it is"},
		Columns: []Column{{Name: "p50", Unit: Nanoseconds}, {Name: "share", Unit: Hundredths}, {Name: "n", Unit: Count, Bar: true}},
		Rows:    []Row{{"one", []int64{1_234_567, 105, 100}}, {"another", []int64{-1, 0, 1}}},
	}
	var b strings.Builder
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `a: b
  in a world
           p50 ms  share    n
  one        1.23   1.05  100  ##############################
  another       -   0.00    1  #
  so it is
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnknownTable(t *testing.T) {
	if _, err := Make("comit", 1); err == nil || !strings.Contains(err.Error(), `did you mean "commit"?`) {
		t.Error(err)
	}
	if len(Tables()) < 5 {
		t.Error(Tables())
	}
}

package scenarios

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"raftsim/faults"
	"raftsim/network"
	"raftsim/sim"
)

func TestSet(t *testing.T) {
	for _, tc := range []struct {
		assignment string
		want       func(*Options)
	}{
		{"cluster.nodes=5", func(o *Options) { o.Cluster.Nodes = 5 }},
		{"  cluster.nodes =  5 ", func(o *Options) { o.Cluster.Nodes = 5 }},
		{"cluster.pre_vote=false", func(o *Options) { o.Cluster.PreVote = false }},
		{"cluster.election_timeout=150ms", func(o *Options) { o.Cluster.ElectionTimeout = 150 * time.Millisecond }},
		{`cluster.election_timeout="150ms"`, func(o *Options) { o.Cluster.ElectionTimeout = 150 * time.Millisecond }},
		{"cluster.election_timeout='1m30s'", func(o *Options) { o.Cluster.ElectionTimeout = 90 * time.Second }},
		{"network.late=1/20", func(o *Options) { o.Network.Late = sim.Ratio{Num: 1, Den: 20} }},
		{"network.late=0", func(o *Options) { o.Network.Late = sim.Ratio{} }},
		{"network.late=1", func(o *Options) { o.Network.Late = sim.Ratio{Num: 1, Den: 1} }},
		{"network.late_shape=heavy-tail", func(o *Options) { o.Network.LateShape = network.HeavyTail }},
		{`workload.classes=["cas"]`, func(o *Options) { o.Workload.Classes = []string{"cas"} }},
		{`workload.classes=["cas", "append"]`, func(o *Options) { o.Workload.Classes = []string{"cas", "append"} }},
		{"faults.isolate=2 x 1/6", func(o *Options) { o.Faults.Isolate = faults.Slots{Count: 2, Chance: sim.Ratio{Num: 1, Den: 6}} }},
		{"faults.isolate=none", func(o *Options) {}},
		{"run.max_steps=20_000", func(o *Options) { o.Run.MaxSteps = 20_000 }},
		{"cluster.nodes=0", func(o *Options) { o.Cluster.Nodes = 0 }}, // Set does not validate: others may follow
	} {
		got, want := Defaults(), Defaults()
		tc.want(&want)
		if err := got.Set(tc.assignment); err != nil {
			t.Errorf("%s: %v", tc.assignment, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.assignment, diff)
		}
	}
}

// What Set refuses it says in one line, and changes nothing.
func TestSetRefuses(t *testing.T) {
	for _, tc := range []struct{ assignment, want string }{
		{"", "--set : want KEY=VALUE, like cluster.nodes=5"},
		{"cluster.nodes", "--set cluster.nodes: want KEY=VALUE, like cluster.nodes=5"},
		{"cluster.nodes=", "--set cluster.nodes=: want KEY=VALUE, like cluster.nodes=5"},
		{"=5", "--set =5: unknown option \"\": simrun list --options has them all"},
		{"cluster.node=5", "--set cluster.node=5: unknown option \"cluster.node\": did you mean \"cluster.nodes\"?"},
		{"nodes=5", "--set nodes=5: unknown option \"nodes\": did you mean \"cluster.nodes\"?"},
		{"cluster=5", "--set cluster=5: unknown option \"cluster\": simrun list --options has them all"},
		{"cluster.Nodes=5", "--set cluster.Nodes=5: unknown option \"cluster.Nodes\": did you mean \"cluster.nodes\"?"},
		{"frobnication.degree=5", "--set frobnication.degree=5: unknown option \"frobnication.degree\": simrun list --options has them all"},
		{"cluster.nodes=five", "--set cluster.nodes=five: cluster.nodes: want a whole number: servers the cluster begins with, 1 to 31"},
		{"cluster.nodes=5.5", "--set cluster.nodes=5.5: cluster.nodes: want a whole number: servers the cluster begins with, 1 to 31"},
		{"cluster.nodes=99999999999999999999", "--set cluster.nodes=99999999999999999999: cluster.nodes: want a whole number: servers the cluster begins with, 1 to 31"},
		{"cluster.pre_vote=maybe", "--set cluster.pre_vote=maybe: cluster.pre_vote: want true or false: candidates ask whether they could win before they raise the term"},
		{"cluster.election_timeout=soon", "--set cluster.election_timeout=soon: invalid duration: \"soon\""},
		{"cluster.election_timeout=150", "--set cluster.election_timeout=150: invalid duration: \"150\""},
		{"run.window=3", "--set run.window=3: invalid duration: \"3\""},
		{"window=3s", "--set window=3s: unknown option \"window\": did you mean \"workload.window\"?"},
		{"network.late=2/1", "--set network.late=2/1: \"2/1\" is no ratio: write it as 0, 1 or NUM/DEN with NUM <= DEN, like 1/20"},
		{"network.late=1/0", "--set network.late=1/0: \"1/0\" is no ratio: write it as 0, 1 or NUM/DEN with NUM <= DEN, like 1/20"},
		{"network.late=5%", "--set network.late=5%: \"5%\" is no ratio: write it as 0, 1 or NUM/DEN with NUM <= DEN, like 1/20"},
		{"network.late=0.5", "--set network.late=0.5: \"0.5\" is no ratio: write it as 0, 1 or NUM/DEN with NUM <= DEN, like 1/20"},
		{"network.late_shape=fat", "--set network.late_shape=fat: network: \"fat\" is no shape of delays: one of fixed, uniform, exponential, heavy-tail"},
		{"workload.classes=cas", "--set workload.classes=cas: workload.classes: want a list, like [\"a\", \"b\"]: by key: register, cas, append or mixed; the last one repeats"},
		{"workload.classes=[1]", "--set workload.classes=[1]: workload.classes: want text: by key: register, cas, append or mixed; the last one repeats"},
		{"faults.isolate=2", "--set faults.isolate=2: faults: \"2\" is no number of slots: write COUNT x CHANCE with COUNT up to 1000, like 2 x 1/6, or none"},
		{"faults.isolate=2000 x 1/6", "--set faults.isolate=2000 x 1/6: faults: \"2000 x 1/6\" is no number of slots: write COUNT x CHANCE with COUNT up to 1000, like 2 x 1/6, or none"},
		{"cluster.nodes=5\ncluster.pre_vote=false", "--set \"cluster.nodes=5\\ncluster.pre_vote=false\": want one line"},
		{"cluster.nodes=5 # or 7\n[run]\nmax_steps=1", "--set \"cluster.nodes=5 # or 7\\n[run]\\nmax_steps=1\": want one line"},
		{"workload.application=\"a\nb", "--set \"workload.application=\\\"a\\nb\": want one line"},
	} {
		got := Defaults()
		err := got.Set(tc.assignment)
		if err == nil {
			t.Errorf("%q: no error", tc.assignment)
			continue
		}
		if err.Error() != tc.want || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q:\n\t%q\nwant\n\t%q", tc.assignment, err, tc.want)
		}
		if diff := cmp.Diff(Defaults(), got); diff != "" {
			t.Errorf("%s: refused, and yet (-want +got):\n%s", tc.assignment, diff)
		}
	}
}

// Every key can be set to the text it has, quoted as in a file or not, and Set reaches every option there is.
func TestSetEveryKeyToItsOwnText(t *testing.T) {
	text, err := marshalOptions(Defaults())
	if err != nil {
		t.Fatal(err)
	}
	section, keys := "", 0
	for _, line := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = strings.TrimSuffix(name, "]") + "."
		}
		key, value, ok := strings.Cut(line, " = ")
		if !ok {
			continue
		}
		keys++
		for _, form := range []string{value, strings.Trim(value, `"`)} {
			got := Defaults()
			if err := got.Set(section + key + "=" + form); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(Defaults(), got); diff != "" {
				t.Errorf("%s%s=%s (-want +got):\n%s", section, key, form, diff)
			}
		}
	}
	if known := len(optionKeys()); keys != known || keys < 60 {
		t.Errorf("%d keys in the text, %d known, want both and at least 60", keys, known)
	}
}

// Every option says what it means, and nothing else has a meaning.
func TestEveryOptionIsExplained(t *testing.T) {
	for _, o := range ListOptions() {
		if len(o.Doc) < 8 {
			t.Errorf("%s = %s says of itself %q", o.Key, o.Default, o.Doc)
		}
	}
	if doc := optionDoc("cluster.nothing"); doc != "" {
		t.Errorf("an option that does not exist is %q", doc)
	}
}

package scenarios

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"raftsim/scenarios/world"
)

var rewrite = flag.Bool("rewrite", false, "write the transcripts of the stories anew")

// page keeps a story as text.
type page struct{ bytes.Buffer }

func (p *page) Tell(line []byte) {
	p.Write(line)
	p.WriteByte('\n')
}

// Every story shows what it says: its case passes all judges, every disturbance finds its subject, the situations it names come
// about, no seed changes it, and a person can read what happens in testdata/stories.
func TestStories(t *testing.T) {
	cat := builtin(t)
	names := cat.Stories()
	if len(names) < 15 {
		t.Fatalf("%d stories: %v", len(names), names)
	}
	r := NewRunner(cat)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			s, err := ReadStory(name)
			if err != nil {
				t.Fatal(err)
			}
			var told page
			res, err := r.Run(mustCase(t, cat, name, 1), RunOptions{CheckOnce: true, Narrator: &told})
			if err != nil || res.Verdict != Pass {
				t.Fatalf("%v: %v, %+v", err, res.Verdict, res.Violations)
			}
			other, err := r.Run(mustCase(t, cat, name, 99), RunOptions{CheckOnce: true})
			if err != nil || other.Digest != res.Digest {
				t.Errorf("another seed, and nobody listening: %v, digest %x, want %x", err, other.Digest, res.Digest)
			}
			for i, d := range s.Case.Overrides {
				if res.Hits[i] == 0 {
					t.Errorf("a disturbance found no subject: %+v", d)
				}
			}
			if len(s.Situations) == 0 {
				t.Error("it shows no situation")
			}
			for _, what := range s.Situations {
				if res.Counts.Situations[what] == 0 {
					t.Errorf("it does not show %s", world.Situations()[what].Name)
				}
			}
			compareTranscript(t, name, []byte(strings.TrimSpace(s.Text)+"\n\n"+told.String()))
		})
	}
}

func compareTranscript(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", storyFolder, name+".txt")
	if *rewrite {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.ReplaceAll(want, []byte("\r\n"), []byte("\n"))
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("the story has changed; if it still shows what it says, run go test ./scenarios -run Stories -rewrite (-want +got):\n%s", diff)
	}
}

// The situations of stories are rare: those that are not marked as calm do not come about without a fault, and every one that is not
// everyday is what some story is about.
func TestSituations(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	all := world.Situations()
	calm := make([]uint64, len(all))
	for seed := uint64(1); seed <= 25; seed++ {
		res, err := r.Run(mustCase(t, cat, "calm", seed), RunOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range res.Counts.Situations {
			calm[i] += n
		}
	}
	shown := make(map[world.Situation]string)
	for _, name := range cat.Stories() {
		s, err := ReadStory(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, what := range s.Situations {
			shown[what] = name
		}
	}
	// Those that need a random world: no story is about them.
	unshown := []world.Situation{world.SituationExLeaderReached, world.SituationHeldForLeader, world.SituationReforwarded, world.SituationDuplicateSuppressed, world.SituationEarlyHeld}
	names := make(map[string]bool)
	for i, s := range all {
		what := world.Situation(i)
		if s.Name == "" || names[s.Name] || strings.Trim(s.Name, "abcdefghijklmnopqrstuvwxyz-") != "" || s.Doc == "" {
			t.Errorf("situation %d: name %q, doc %q", i, s.Name, s.Doc)
		}
		names[s.Name] = true
		if !s.Calm && calm[i] > 0 {
			t.Errorf("%s came about %d times without any fault", s.Name, calm[i])
		}
		if (shown[what] == "") != slices.Contains(unshown, what) {
			t.Errorf("%s is shown by %q", s.Name, shown[what])
		}
	}
}

// A story is read as strictly as a seed file.
func TestWrongStories(t *testing.T) {
	const good = "Sentence.\n-- case.toml --\n[cluster]\nnodes = 5\n-- overrides --\ncrash-at n5 #0 = at 1s for 1s\n-- situations --\nsplit-vote\n"
	if s, err := parseStory("good", []byte(good)); err != nil || len(s.Case.Overrides) != 1 || s.Situations[0] != world.SituationSplitVote {
		t.Fatalf("%+v, %v", s, err)
	}
	for _, tc := range []struct{ old, new, want string }{
		{"nodes = 5", "node = 5", `stories/x.story:4: unknown key "cluster.node": did you mean "cluster.nodes"?`},
		{"nodes = 5", "nodes = 50", "stories/x.story:4: cluster.nodes: 50 servers"},
		{"nodes = 5", "nodes = 3", "stories/x.story:6: n5 does not exist"},
		{"crash-at n5 #0 =", "crash-at n5 #0", "stories/x.story:6: "},
		{"split-vote", "split-votes", `stories/x.story:8: unknown situation "split-votes": did you mean "split-vote"?`},
		{"-- situations --\n", "-- expect --\n", `stories/x.story:7: unknown section "expect": a story has case.toml, overrides and situations`},
		{"-- overrides --\n", "", `stories/x.story:`},
	} {
		_, err := parseStory("x", []byte(strings.Replace(good, tc.old, tc.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %s", tc.new, err, tc.want)
		}
	}
	if _, err := ReadStory("nobody-tells-it"); err == nil {
		t.Error("a story that is not there was read")
	}
}

// Telling changes no run, whatever happens in it.
func TestAnyRunCanBeTold(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	for _, name := range cat.Names(true) {
		for seed := uint64(1); seed <= 2; seed++ {
			c := mustCase(t, cat, name, seed)
			c.Options.Run.Window = min(c.Options.Run.Window, 3*c.Options.Cluster.ElectionTimeout+c.Options.Workload.OperationTimeout)
			quiet, err := r.Run(c, RunOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var told page
			res, err := r.Run(c, RunOptions{Narrator: &told})
			if err != nil || res.Digest != quiet.Digest || res.Counts != quiet.Counts {
				t.Errorf("%s %d: %v: told it is another run", name, seed, err)
			}
			want := " leads term "
			if name == "register" { // nobody does
				want = "; a majority has it"
			}
			if !strings.Contains(told.String(), want) {
				t.Errorf("%s %d: %q is never told", name, seed, want)
			}
		}
	}
}

package mutants

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Config says which mutants are scored, and how.
type Config struct {
	Source   string        // root of the source tree; "": the one the working directory lies in
	Patches  []string      // files; none: all of the tree
	Scenario string        // "": what the header of a patch names, else DefaultScenario
	Time     time.Duration // CPU time of each hunt, without the build
	Workers  int           // runs at a time; the budget stays the same
	First    uint64        // seed
	Control  bool          // hunt with the unmodified program too
	Cache    string        // build cache; "": DefaultCache, in the scratch folder where there is none
	Keep     bool          // leave the scratch folder there

	Progress func(line string) // nil for none
}

// DefaultScenario is hunted in where neither the config nor the patch names one.
const DefaultScenario = "mixed"

// ControlRuns is how many runs the unmodified program makes.
const ControlRuns = 300

// Row is the score of one mutant.
type Row struct {
	Patch    *Patch // nil for the control
	Scenario string // that was hunted in
	Hit      *Seen  // what caught it; nil: not caught
	Runs     uint64
	CPU      time.Duration // of the hunt
	Build    time.Duration // on the clock
	Seen     []Seen        // all that broke, what counts among it
	Err      error         // the mutant did not build, or its program failed
}

// Caught reports whether a judge named what the mutant breaks.
func (r *Row) Caught() bool { return r.Hit != nil }

// Report is what scoring came to.
type Report struct {
	Time    time.Duration
	Rows    []Row
	Control *Row   // nil if it was left out
	Cache   string // that was used
	Scratch string // that was kept; "" if not
}

// OK reports whether every mutant was caught and the control was silent.
func (r *Report) OK() bool {
	for i := range r.Rows {
		if !r.Rows[i].Caught() {
			return false
		}
	}
	return r.Control == nil || r.Control.Err == nil && len(r.Control.Seen) == 0
}

// Score plants the mutants one after another and hunts for each. An error means that a patch is no good or nothing can be built
// at all; a mutant that does not build or whose program fails is in the report, not caught. Cancelling ctx ends it with ctx's
// error and the rows so far.
func Score(ctx context.Context, c Config) (report *Report, err error) {
	s, err := prepare(c)
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", module+"-mutants-")
	if err != nil {
		return nil, err
	}
	report = &Report{Time: c.Time, Cache: c.Cache}
	if c.Keep {
		report.Scratch = scratch
	} else {
		defer func() {
			if e := os.RemoveAll(scratch); err == nil {
				err = e
			}
		}()
	}
	if report.Cache == "" {
		if report.Cache, err = DefaultCache(); err != nil {
			report.Cache = filepath.Join(scratch, "cache")
		}
	}
	s.builder = builder{source: s.source, scratch: scratch, cache: report.Cache}
	if c.Control {
		row := s.score(ctx, nil, nil)
		report.Control = &row
	}
	for i, p := range s.patches {
		if ctx.Err() != nil {
			break
		}
		report.Rows = append(report.Rows, s.score(ctx, p, s.changes[i]))
	}
	return report, ctx.Err()
}

// scorer is everything that was checked before anything is built.
type scorer struct {
	config  Config
	source  string
	patches []*Patch
	changes [][]Change
	builder builder
}

func prepare(c Config) (*scorer, error) {
	s := &scorer{config: c}
	var err error
	if c.Source == "" {
		c.Source = "."
		s.source, err = FindSource(c.Source)
	} else if s.source, err = filepath.Abs(c.Source); err == nil && !isSource(s.source) {
		err = fmt.Errorf("%s: it has no go.mod with \"module %s\"", c.Source, module)
	}
	if err != nil {
		return nil, err
	}
	files := c.Patches
	if len(files) == 0 {
		if files, err = Patches(s.source); err != nil {
			return nil, err
		}
	}
	for _, file := range files {
		p, err := ReadPatch(file)
		if err != nil {
			return nil, err
		}
		changes, err := p.Apply(s.source)
		if err != nil {
			return nil, err
		}
		s.patches, s.changes = append(s.patches, p), append(s.changes, changes)
	}
	return s, nil
}

// score builds and hunts; without a patch it is the control.
func (s *scorer) score(ctx context.Context, p *Patch, changes []Change) Row {
	row := Row{Patch: p, Scenario: s.scenario(p)}
	name := "control"
	h := hunt{scenario: row.Scenario, first: s.config.First, time: s.config.Time, workers: s.config.Workers}
	if p != nil {
		name = strings.TrimSuffix(filepath.Base(p.File), ".patch")
		h.want = p.Violates
	} else {
		h.runs = ControlRuns
	}
	begun := time.Now()
	h.binary, row.Err = s.builder.build(ctx, name, changes)
	row.Build = time.Since(begun)
	h.out = filepath.Join(s.builder.scratch, name, "out")
	if row.Err == nil {
		s.tell("%s: built in %v, hunting in %s for up to %v", name, row.Build.Round(time.Millisecond), row.Scenario, s.config.Time)
		var q quarry
		q, row.Err = h.do(ctx)
		row.Hit, row.Runs, row.CPU, row.Seen = q.hit, q.runs, q.cpu, q.seen
	}
	s.tell("%s: %s", name, row.verdict())
	return row
}

// scenario returns what is hunted in for a mutant, or for the control.
func (s *scorer) scenario(p *Patch) string {
	switch {
	case s.config.Scenario != "":
		return s.config.Scenario
	case p != nil && p.Scenario != "":
		return p.Scenario
	}
	return DefaultScenario
}

func (s *scorer) tell(format string, values ...any) {
	if s.config.Progress != nil {
		s.config.Progress(fmt.Sprintf(format, values...))
	}
}

// verdict says in a few words what became of a mutant or the control.
func (r *Row) verdict() string {
	switch {
	case r.Err != nil:
		return "failed"
	case r.Caught():
		return "caught"
	case r.Patch == nil && len(r.Seen) == 0:
		return "silent"
	case r.Patch == nil:
		return "not silent"
	}
	return "not caught"
}

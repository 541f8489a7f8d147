package mutants

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"raftsim/checker"
)

// Seen is a rule that runs of a hunt broke.
type Seen struct {
	Signature string `json:"signature"`
	Runs      uint64 `json:"runs"`
	FirstRun  uint64 `json:"first_run"`         // how-manieth of the hunt, from 1
	FirstSeed uint64 `json:"first_seed,string"` // decimal: JSON's numbers end at 2^53
}

// Property returns what the rule belongs to.
func (s *Seen) Property() checker.Property {
	code, _, _ := strings.Cut(s.Signature, "/")
	p, _ := checker.ParseProperty(code)
	return p
}

// hunt is a search for a violation with one program.
type hunt struct {
	binary   string
	scenario string
	first    uint64             // seed
	runs     uint64             // at most; 0: as many as the time allows
	time     time.Duration      // of CPU
	workers  int                // 1: one core
	want     []checker.Property // what ends the hunt
	out      string             // folder for seed files
}

// quarry is what a hunt brought home.
type quarry struct {
	runs uint64
	cpu  time.Duration // of the child processes, user and system
	seen []Seen        // in the order they were found first
	hit  *Seen         // what ended the hunt
}

// stepsMax bounds the steps of a run: about ten times what sound runs of the scenarios of the house need. A mutant that floods its
// network would otherwise spend the whole budget on a few runs.
const stepsMax = 1_000_000

// hangMax ends a run that makes no step at all.
const hangMax = 5 * time.Minute

// slack is how much of the budget may stay unspent: less is not worth another process.
const slack = 250 * time.Millisecond

// do hunts. The budget is of CPU time and a campaign's limit is of the clock, so that on a busy machine it takes several
// campaigns, each over the seeds after the last one's.
func (h *hunt) do(ctx context.Context) (quarry, error) {
	var q quarry
	for q.hit == nil && (h.runs == 0 || q.runs < h.runs) && h.time-q.cpu > slack {
		part, err := h.campaign(ctx, q.runs, h.time-q.cpu)
		q.cpu += part.cpu
		if err != nil {
			return q, err
		}
		q.merge(&part)
		if part.runs == 0 {
			break // there is none left to make
		}
	}
	return q, nil
}

// merge adds a later part of the same hunt.
func (q *quarry) merge(part *quarry) {
	for _, s := range part.seen {
		s.FirstRun += q.runs
		known := false
		for i := range q.seen {
			if q.seen[i].Signature == s.Signature {
				q.seen[i].Runs += s.Runs
				known = true
			}
		}
		if !known {
			q.seen = append(q.seen, s)
		}
	}
	if part.hit != nil {
		hit := *part.hit
		hit.FirstRun += q.runs
		q.hit = &hit
	}
	q.runs += part.runs
}

// campaign runs the program once, over the seeds behind the first done ones.
func (h *hunt) campaign(ctx context.Context, done uint64, limit time.Duration) (quarry, error) {
	first := h.first + done
	last := uint64(math.MaxUint64)
	if h.runs > 0 {
		last = h.first + h.runs - 1
	}
	args := []string{
		"campaign", h.scenario, "--format", "json", "--workers", strconv.Itoa(h.workers),
		"--seeds", strconv.FormatUint(first, 10) + "-" + strconv.FormatUint(last, 10),
		"--time", (limit / time.Duration(max(h.workers, 1))).String(), "--hang", hangMax.String(),
		"--set", "run.max_steps=" + strconv.Itoa(stepsMax), "--out", h.out,
	}
	var codes []string
	for _, p := range h.want {
		codes = append(codes, p.String())
	}
	if len(codes) > 0 {
		args = append(args, "--stop-at", strings.Join(codes, ","))
	}
	cmd := exec.CommandContext(ctx, h.binary, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var q quarry
	if cmd.ProcessState != nil {
		q.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if ctx.Err() != nil {
		return q, ctx.Err()
	}
	var exit *exec.ExitError
	if err != nil && !(errors.As(err, &exit) && judged(exit.ExitCode())) {
		return q, fmt.Errorf("the campaign failed: %w: %s", err, lastLine(complaint.Bytes()))
	}
	return q, q.read(out.Bytes(), h.want)
}

// judged reports whether a campaign with this exit code has come to a verdict: pass, violation, inconclusive.
func judged(code int) bool { return code == 0 || code == 1 || code == 3 }

// lastLine returns the end of what a program complained about: the error stands behind the progress.
func lastLine(text []byte) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// read takes in a campaign's report.
func (q *quarry) read(report []byte, want []checker.Property) error {
	var r struct {
		Campaign *struct {
			Runs    uint64 `json:"runs"`
			Stopped bool   `json:"stopped"`
			Broken  []Seen `json:"broken"`
		} `json:"campaign"`
	}
	if err := json.Unmarshal(report, &r); err != nil {
		return fmt.Errorf("the report of the campaign: %w", err)
	}
	if r.Campaign == nil {
		return errors.New("the report of the campaign has no campaign in it")
	}
	q.runs, q.seen = r.Campaign.Runs, r.Campaign.Broken
	header := Header{Violates: want}
	for i := range q.seen {
		if header.Counts(q.seen[i].Property()) {
			q.hit = &q.seen[i]
			return nil
		}
	}
	if r.Campaign.Stopped {
		return errors.New("the campaign stopped at a violation that its report does not have")
	}
	return nil
}

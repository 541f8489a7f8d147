package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"raftsim/checker"
	"raftsim/cmd/simrun/cli"
	"raftsim/raft"
	"raftsim/raft/server"
	"raftsim/scenarios"
	"raftsim/scenarios/workload"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"simrun": main, "simrun-broken": broken})
}

// TestScripts runs testdata/script. Besides what testscript knows there are
//
//	exits CODE COMMAND...    run a command that must end with this exit code
//	lines FILE N             stdout, stderr or a file has so many lines
//	json PATH TEXT           the JSON document on stdout has this text at PATH ("campaign.runs"); '*' is any but the empty one
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "lines": cmdLines, "json": cmdJSON,
		},
	})
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s: exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args[1:], " "), got, want,
			ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

func cmdLines(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: lines FILE N")
	}
	text := ts.ReadFile(args[0])
	if got := strconv.Itoa(strings.Count(text, "\n")); got != args[1] {
		ts.Fatalf("%s has %s lines, want %s:\n%s", args[0], got, args[1], text)
	}
}

func cmdJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: json PATH TEXT")
	}
	var v any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &v); err != nil {
		ts.Fatalf("stdout is not one JSON document: %v", err)
	}
	for _, part := range strings.Split(args[0], ".") {
		switch at := v.(type) {
		case map[string]any:
			field, ok := at[part]
			if !ok {
				ts.Fatalf("no field %q of %s", part, args[0])
			}
			v = field
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(at) {
				ts.Fatalf("no element %q of %s", part, args[0])
			}
			v = at[i]
		default:
			ts.Fatalf("nothing below %q in %s", part, args[0])
		}
	}
	got := fmt.Sprint(v)
	if args[1] == "*" && got != "" || got == args[1] {
		return
	}
	ts.Fatalf("%s is %q, want %q", args[0], got, args[1])
}

// broken is simrun over scenarios that do what no scenario may.
func broken() {
	base := scenarios.Builtin()[0]
	calm := func(seed uint64) *scenarios.Case { return base.Make(seed) }
	var cores atomic.Int64
	cat, err := scenarios.NewCatalogue(
		scenarios.Scenario{Name: "drifts", Doc: "no two runs are the same", Make: calm,
			NewCore: func(cfg raft.Config, now int64, initial raft.InitialState) (server.Core, error) {
				n := cores.Add(1)
				cfg.Jitter = func(uint64) time.Duration { return time.Duration(n) * time.Millisecond }
				return raft.New(cfg, now, initial)
			}},
		scenarios.Scenario{Name: "hangs", Doc: "never ends", Make: calm,
			NewCore: func(raft.Config, int64, raft.InitialState) (server.Core, error) { select {} }},
		scenarios.Scenario{Name: "panics", Doc: "making the case of seed 20 panics", Make: func(seed uint64) *scenarios.Case {
			if seed == 20 {
				panic("twenty")
			}
			return calm(seed)
		}},
		scenarios.Scenario{Name: "caseless", Doc: "there is no case", Make: func(uint64) *scenarios.Case { return nil }},
		scenarios.Scenario{Name: "loses", Doc: "the canary under another name", Unsafe: true, Make: builtin("canary").Make},
		scenarios.Scenario{Name: "breaks", Doc: "the harness panics at seed 20", Application: undecided{panics: true}, Make: func(seed uint64) *scenarios.Case {
			c := calm(seed)
			c.Options.Workload.Clients = 3
			if seed == 20 {
				c.Options.Workload.Clients = 4
			}
			return c
		}},
		scenarios.Scenario{Name: "interrupts", Doc: "presses Ctrl-C at seed 20", Make: func(seed uint64) *scenarios.Case {
			if self, err := os.FindProcess(os.Getpid()); seed == 20 && err == nil {
				err = self.Signal(os.Interrupt)
				if err != nil {
					panic(err)
				}
			}
			return calm(seed)
		}},
		scenarios.Scenario{Name: "undecided", Doc: "every third seed is inconclusive", Application: undecided{}, Make: func(seed uint64) *scenarios.Case {
			c := calm(seed)
			c.Options.Workload.Clients = 3
			if seed%3 == 0 {
				c.Options.Workload.Clients = 4
			}
			return c
		}},
	)
	if err != nil {
		panic(err)
	}
	os.Exit(cli.Main(cat, os.Args[1:], os.Stdout, os.Stderr))
}

// builtin returns a scenario of the house.
func builtin(name string) scenarios.Scenario {
	for _, s := range scenarios.Builtin() {
		if s.Name == name {
			return s
		}
	}
	panic("no scenario " + name)
}

// undecided is the KV map with a judge that cannot decide about four clients.
type undecided struct {
	workload.KV
	panics bool // instead
}

func (u undecided) NewSession() workload.Session {
	return &undecidedSession{Session: workload.KV{}.NewSession(), panics: u.panics}
}

type undecidedSession struct {
	workload.Session
	clients int
	panics  bool
}

func (s *undecidedSession) Reset(p workload.Plan) error {
	s.clients = p.Clients
	return s.Session.Reset(p)
}

func (s *undecidedSession) Judge(order []checker.Execution, budget uint64) workload.Judgement {
	j := s.Session.Judge(order, budget)
	if s.clients == 4 && s.panics {
		panic("four")
	} else if s.clients == 4 {
		j.Inconclusive++
	}
	return j
}

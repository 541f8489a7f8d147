// Package simtest runs seeds of scenarios as Go tests.
//
// A test file registers the flags once and runs scenarios with them:
//
//	var flags = simtest.Register()
//
//	func TestSeeds(t *testing.T) { flags.Seeds(t, catalogue, "mixed") }
//
// Then these work, each flag with a twin in the environment (SIM_SEED, SIM_RUNS, SIM_REPLAY, SIM_MAX_INCONCLUSIVE) that counts where
// it is not given:
//
//	go test -run Seeds -sim.seed=0x2a          from this seed on
//	go test -run Seeds -sim.runs=1000          so many seeds of each scenario
//	go test -run Seeds -sim.replay=FILE        the case of a seed file instead
//	go test -sim.max-inconclusive=1/10         fail only above this share of runs that no judge could decide (1/100)
//
// A failure is written as a seed file to the folder in SIM_OUT, or to raftsim-failures in the temporary folder of the system.
package simtest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"raftsim/scenarios"
	"raftsim/sim"
)

// Flags are the flags of a test binary.
type Flags struct{ seed, runs, replay, maxInconclusive *string }

// Register adds -sim.seed, -sim.runs, -sim.replay and -sim.max-inconclusive to the flags of the test binary. It must be called once, before the flags
// are parsed: from the declaration of a package-level variable in a _test.go file.
func Register() *Flags { return register(flag.CommandLine) }

func register(set *flag.FlagSet) *Flags {
	return &Flags{
		seed:   set.String("sim.seed", "", "first `seed`: decimal, 0x hexadecimal or a commit hash (SIM_SEED)"),
		runs:   set.String("sim.runs", "", "`number` of seeds of each scenario (SIM_RUNS)"),
		replay: set.String("sim.replay", "", "run the case of this seed `file` instead (SIM_REPLAY)"),
		maxInconclusive: set.String("sim.max-inconclusive", "",
			"`share` of inconclusive runs of a scenario above which its test fails (SIM_MAX_INCONCLUSIVE; default "+defaultShare+")"),
	}
}

// defaultRuns is how many seeds of each scenario a plain go test runs: about a second's worth.
const defaultRuns = 20

// defaultShare of the runs of a scenario may be inconclusive, as in a campaign.
const defaultShare = "1/100"

// settings are the values of the flags.
type settings struct {
	seed   uint64
	runs   uint64
	replay string
	share  sim.Ratio // of inconclusive runs
}

func (f *Flags) settings() (settings, error) {
	s := settings{seed: 1, runs: defaultRuns, replay: given(f.replay, "SIM_REPLAY")}
	var err error
	if text := given(f.seed, "SIM_SEED"); text != "" {
		if s.seed, err = scenarios.ParseSeed(text); err != nil {
			return s, fmt.Errorf("-sim.seed or SIM_SEED: %w", err)
		}
	}
	if text := given(f.runs, "SIM_RUNS"); text != "" {
		if s.runs, err = strconv.ParseUint(text, 10, 64); err != nil || s.runs == 0 {
			return s, fmt.Errorf("-sim.runs or SIM_RUNS: %q is no number above 0", text)
		}
	}
	share := given(f.maxInconclusive, "SIM_MAX_INCONCLUSIVE")
	if share == "" {
		share = defaultShare
	}
	if s.share, err = sim.ParseRatio(share); err != nil {
		return s, fmt.Errorf("-sim.max-inconclusive or SIM_MAX_INCONCLUSIVE: %w", err)
	}
	return s, nil
}

func given(value *string, environment string) string {
	if *value != "" {
		return *value
	}
	return os.Getenv(environment)
}

// outFolder is where failures are written.
func outFolder() string {
	if dir := os.Getenv("SIM_OUT"); dir != "" {
		return dir
	}
	return filepath.Join(os.TempDir(), "raftsim-failures")
}

// locate finds a file given relative to this folder or, because go test runs in the folder of the package, to that of the module.
func locate(path string) string {
	if _, err := os.Stat(path); err == nil || filepath.IsAbs(path) {
		return path
	}
	if root, _, ok := module(); ok {
		if there := filepath.Join(root, path); exists(there) {
			return there
		}
	}
	return path
}

// module returns the folder of the module and the package under test relative to it, "./scenarios".
func module() (root, pkg string, ok bool) {
	here, err := os.Getwd()
	if err != nil {
		return "", "", false
	}
	for dir := here; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, "go.mod")) {
			rel, err := filepath.Rel(dir, here)
			return dir, "./" + filepath.ToSlash(rel), err == nil
		}
		if dir == filepath.Dir(dir) {
			return "", "", false
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

package guard

import "slices"

// Project returns the patterns of raftsim's deterministic packages and the rules they are held to. The rooms are those
// of ARCHITECTURE.md; a new room is entered here and there.
func Project() (patterns []string, rules Rules) {
	rules = Rules{
		Imports: []string{
			"bytes", "cmp", "encoding/binary", "encoding/hex", "errors", "fmt", "hash/crc32", "io", "io/fs", "iter",
			"math", "math/bits", "slices", "sort", "strconv", "strings", "time", "unicode/utf8",
			"github.com/cespare/xxhash/v2",
		},
		PackageImports: map[string][]string{
			"sim":                {noiseGenerator},
			"checker":            {porcupine},
			"scenarios/world":    {porcupine, "runtime/debug"}, // the stack of a caught panic, for people only
			"scenarios/workload": {porcupine},
			"scenarios":          {porcupine, "golang.org/x/tools/txtar", "github.com/BurntSushi/toml", "embed"},
		},
		SingleFileImports: map[string]string{noiseGenerator: "sim/noise.go"},
		Layers:            map[string][]string{},
	}
	for _, r := range rooms {
		below := slices.Clone(r.imports)
		for _, other := range rooms {
			if other.floor < r.below {
				below = append(below, other.name)
			}
		}
		rules.Layers[r.name] = below
		if r.deterministic {
			patterns = append(patterns, "./"+r.name)
		}
	}
	return patterns, rules
}

const (
	noiseGenerator = "golang.org/x/exp/rand"
	porcupine      = "github.com/anishathalye/porcupine"
)

// room is one line of the table of rooms: a package, and what it may import of ours.
type room struct {
	name          string
	floor         int
	deterministic bool
	below         int      // every room on a floor under this one
	imports       []string // and these
}

// testTool is above every floor: tests use such a package, no other file may.
const testTool = 99

var rooms = []room{
	{name: "sim", floor: 0, deterministic: true},
	{name: "raft/quorum", floor: 0, deterministic: true},
	{name: "raft/vfs", floor: 0, deterministic: true},
	{name: "raft/statemachine", floor: 0, deterministic: true},
	{name: "raft/statemachine/lock", floor: 0, deterministic: true},
	{name: "raft/client", floor: 0, deterministic: true},
	{name: "checker", floor: 0, deterministic: true},

	{name: "raft", floor: 1, deterministic: true, imports: []string{"raft/quorum"}},
	{name: "raft/front", floor: 1, deterministic: true, imports: []string{"raft/client"}},
	{name: "network", floor: 1, deterministic: true, imports: []string{"sim"}},
	{name: "sim/disk", floor: 1, deterministic: true, imports: []string{"sim", "raft/vfs"}},
	{name: "faults", floor: 1, deterministic: true, imports: []string{"sim"}},

	{name: "raft/storage", floor: 2, deterministic: true, imports: []string{"raft", "raft/vfs"}},

	{name: "raft/server", floor: 3, deterministic: true, imports: []string{
		"raft", "raft/quorum", "raft/vfs", "raft/statemachine", "raft/client", "raft/storage",
	}},

	// A protocol of its own: no room of Raft is among what it may import, but the interface of file systems.
	{name: "scenarios/register/abd", floor: 1, deterministic: true, imports: []string{"raft/vfs"}},
	{name: "scenarios/register", floor: 2, deterministic: true, imports: []string{
		"sim", "sim/disk", "network", "faults", "checker", "scenarios/register/abd",
	}},

	// The judge of disks reads their bytes with its own eyes: not with the package that wrote them.
	{name: "scenarios/ledger", floor: 4, deterministic: true, imports: []string{"raft", "checker"}},
	// Client processes know nothing of how the world is put together; the world hosts them.
	{name: "scenarios/workload", floor: 4, deterministic: true, below: 4},
	{name: "scenarios/world", floor: 4, deterministic: true, below: 4, imports: []string{"scenarios/workload", "scenarios/ledger"}},

	{name: "scenarios", floor: 5, deterministic: true, below: 5},

	{name: "scenarios/campaign", floor: 6, below: 6},
	{name: "scenarios/measure", floor: 6, below: 6},
	{name: "scenarios/mutants", floor: 6, below: 6, imports: []string{"scenarios/campaign"}},
	{name: "scenarios/simtest", floor: 6, below: 6, imports: []string{"scenarios/campaign"}},

	// Real files: above everything deterministic, so that none of it can reach them.
	{name: "raft/vfs/osfs", floor: 6, imports: []string{"raft/vfs"}},

	{name: "cmd/simrun/cli", floor: 7, below: 7},
	{name: "cmd/simrun", floor: 7, below: 7, imports: []string{"cmd/simrun/cli"}},

	{name: "sim/guard", floor: testTool},
	{name: "internal/fixed", floor: testTool},
	{name: "raft/vfs/vfstest", floor: testTool, imports: []string{"raft/vfs"}},
	{name: "raft/storage/powerloss", floor: 3, deterministic: true, imports: []string{"raft", "raft/vfs", "raft/storage"}},
	{name: "raft/storage/storagetest", floor: testTool, imports: []string{"raft/vfs", "raft/storage/powerloss"}},
	{name: "raft/statemachine/statemachinetest", floor: testTool, imports: []string{"raft/statemachine"}},
}

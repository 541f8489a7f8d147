package campaign

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"raftsim/scenarios"
)

// Build says what this program was made of.
type Build struct {
	Module   string `json:"module"`   // version, with the revision where the build knows it
	SeedFile int    `json:"seedfile"` // version of seed files it writes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// ReadBuild returns what this program was made of.
func ReadBuild() Build {
	b := Build{Module: "(devel)", SeedFile: scenarios.FileVersion, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Module = info.Main.Version
	}
	if b.Module != "(devel)" {
		return b // a version made of a revision names it
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Module += " " + s.Value[:min(12, len(s.Value))]
		}
		if s.Key == "vcs.modified" && s.Value == "true" {
			b.Module += "+changes"
		}
	}
	return b
}

// String renders b in one line.
func (b Build) String() string {
	return fmt.Sprintf("simrun %s, seed files version %d, %s %s", b.Module, b.SeedFile, b.Go, b.Platform)
}

package scenarios

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"raftsim/scenarios/world"
	"raftsim/sim"
)

// A story is a scenario with one case, whatever the seed: a calm world and the few disturbances that bring about one situation, so
// that a person can read what a cluster does in it. It is a file of the folder stories, named like the scenario:
//
//	One sentence: what the scenario shows.
//
//	More text for people.
//	-- case.toml --
//	the options that are not as in storyOptions
//	-- overrides --
//	the disturbances, one a line, as in seed files
//	-- situations --
//	the situations its run must have made, one a line
//
// What happens in it is told by RunOptions.Narrator.

//go:embed stories
var storyFiles embed.FS

const (
	storyFolder       = "stories"
	storyEnding       = ".story"
	sectionSituations = "situations"
)

// Story is a story as its file has it.
type Story struct {
	Text       string // for people; the first line is the sentence of the scenario
	Case       *Case
	Situations []world.Situation // above zero in the case's run
}

// storyOptions are the options of a story where its file does not say otherwise: three servers, the first of which leads from the start,
// and one client on one key that does what the overrides say and nothing else until the faults end.
func storyOptions() Options {
	o := Defaults()
	o.Cluster.InitialLeader = 1
	o.Workload.Clients, o.Workload.Keys = 1, 1
	o.Workload.Pause = time.Hour
	return o
}

// stories returns the scenarios of the folder, in the order of their names.
func stories() (all []Scenario) {
	files, err := storyFiles.ReadDir(storyFolder)
	if err != nil {
		panic("scenarios: the stories are part of the program: " + err.Error())
	}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), storyEnding)
		if !ok {
			continue
		}
		sentence, _, _ := strings.Cut(storyText(name), "\n")
		all = append(all, Scenario{Name: name, Doc: sentence, Story: true, Make: func(uint64) *Case {
			s, err := ReadStory(name)
			if err != nil {
				panic("scenarios: " + err.Error())
			}
			return s.Case
		}})
	}
	return all
}

func storyText(name string) string {
	text, err := storyFiles.ReadFile(storyFolder + "/" + name + storyEnding)
	if err != nil {
		return ""
	}
	return string(text)
}

// ReadStory returns a story of the house by name.
func ReadStory(name string) (*Story, error) {
	text := storyText(name)
	if text == "" {
		return nil, fmt.Errorf("there is no story %q", name)
	}
	return parseStory(name, []byte(text))
}

// parseStory reads a story strictly, like a seed file.
func parseStory(name string, data []byte) (*Story, error) {
	p := &fileParser{name: storyFolder + "/" + name + storyEnding, kind: "story", needs: []string{sectionCase, sectionOverrides, sectionSituations}}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	archive := txtar.Parse(data)
	if err := p.sections(data, archive); err != nil {
		return nil, err
	}
	s := &Story{Text: string(archive.Comment), Case: &Case{Scenario: name, Options: storyOptions()}}
	if err := p.decode(sectionCase, &s.Case.Options); err != nil {
		return nil, err
	}
	if err := s.Case.Options.Validate(); err != nil {
		key := ""
		if oe, ok := err.(*OptionError); ok {
			key = oe.Key
		}
		return nil, p.fail(p.lineOf(sectionCase, key), "%v", err)
	}
	raft := new(Scenario)
	v, err := raft.newVocabulary()
	if err != nil {
		return nil, err
	}
	if err := p.parseOverrides(v, raft, s.Case); err != nil {
		return nil, err
	}
	sim.SortDisturbances(s.Case.Overrides)
	s.Situations, err = p.parseSituations()
	return s, err
}

func (p *fileParser) parseSituations() (found []world.Situation, err error) {
	all := world.Situations()
	var names []string
	for i := range all {
		names = append(names, all[i].Name)
	}
	for i, line := range strings.Split(p.text[sectionSituations], "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		at := slices.Index(names, line)
		if at < 0 {
			return nil, p.fail(p.first[sectionSituations]+i, "unknown situation %q: did you mean %q?", line, sim.Nearest(line, names))
		}
		found = append(found, world.Situation(at))
	}
	return found, nil
}

package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"golang.org/x/tools/txtar"

	"raftsim/sim"
)

// FileVersion is the version of seed files this program writes, and the newest it reads.
const FileVersion = 1

// SeedFile is a case as text, with what it came to when it was written. The text is a txtar archive: a part for people first,
// then case.toml (options, base, masks), overrides (one disturbance a line) and expect.
type SeedFile struct {
	Human  string // free text; no line may look like an archive marker
	Case   *Case
	Expect Expect
}

// Expect is what the run of a case came to when its file was written.
type Expect struct {
	Verdict   Verdict
	Signature string
	Digest    uint64
	Steps     uint64
}

// FileError says what is wrong with a file, and where.
type FileError struct {
	File    string
	Line    int // from 1; 0 for the whole file
	Problem string
}

func (e *FileError) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// caseFile is case.toml. Seeds are strings: TOML's integers end at 2^63.
type caseFile struct {
	Version  int      `toml:"version"`
	Scenario string   `toml:"scenario"`
	Seed     string   `toml:"seed"`
	Base     string   `toml:"base"` // "calm" or "noise SEED"
	Masks    []string `toml:"masks"`
	Options
}

type expectFile struct {
	Verdict   string `toml:"verdict"`
	Signature string `toml:"signature"`
	Digest    string `toml:"digest"`
	Steps     int64  `toml:"steps"` // signed, since the decoder takes -1 for 2^64-1
}

const (
	sectionCase      = "case.toml"
	sectionOverrides = "overrides"
	sectionExpect    = "expect"
)

// Format renders a seed file. v must be the vocabulary of the case's application.
func (f *SeedFile) Format(v *sim.Vocabulary) ([]byte, error) {
	c := f.Case
	cf := caseFile{Version: FileVersion, Scenario: c.Scenario, Seed: FormatSeed(c.Seed), Base: "calm", Options: c.Options, Masks: []string{}}
	if c.Base.Noisy {
		cf.Base = "noise " + FormatSeed(c.Base.Seed)
	}
	for _, m := range c.Masks {
		cf.Masks = append(cf.Masks, string(v.AppendMask(nil, m)))
	}
	head, err := marshal(cf)
	if err != nil {
		return nil, err
	}
	var overrides []byte
	for _, d := range c.Overrides {
		overrides = append(v.AppendLine(overrides, d), '\n')
	}
	expect, err := marshal(expectFile{
		Verdict: f.Expect.Verdict.String(), Signature: f.Expect.Signature, Digest: FormatDigest(f.Expect.Digest), Steps: int64(f.Expect.Steps),
	})
	if err != nil {
		return nil, err
	}
	human := strings.TrimRight(f.Human, "\n") + "\n\n"
	if len(txtar.Parse([]byte(human)).Files) > 0 {
		return nil, errors.New("the human part of a seed file must not contain a line like \"-- name --\"")
	}
	return txtar.Format(&txtar.Archive{Comment: []byte(human), Files: []txtar.File{
		{Name: sectionCase, Data: head}, {Name: sectionOverrides, Data: overrides}, {Name: sectionExpect, Data: expect},
	}}), nil
}

// FormatDigest renders a digest as 16 hexadecimal digits.
func FormatDigest(d uint64) string { return fmt.Sprintf("%016x", d) }

// FormatSeed renders a seed as ParseSeed reads it.
func FormatSeed(seed uint64) string { return strconv.FormatUint(seed, 10) }

// ParseSeed reads a seed: decimal, hexadecimal with 0x, or a commit hash of 7 to 40 hexadecimal digits that is not decimal.
func ParseSeed(s string) (uint64, error) {
	digits, base := s, 10
	if rest, ok := strings.CutPrefix(s, "0x"); ok {
		digits, base = rest, 16
	}
	if n, err := strconv.ParseUint(digits, base, 64); err == nil {
		return n, nil
	}
	decimal := strings.Trim(s, "0123456789") == "" // too large a number, and no hash
	if !decimal && len(s) >= 7 && len(s) <= 40 && strings.Trim(s, "0123456789abcdefABCDEF") == "" {
		if n, err := strconv.ParseUint(s[:min(16, len(s))], 16, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is no seed: write a number below 2^64 (42, 0x2a) or a commit hash", s)
}

// ParseSeedFile reads a seed file strictly: whatever it does not know is an error that names the line.
func (cat *Catalogue) ParseSeedFile(name string, data []byte) (*SeedFile, error) {
	p := &fileParser{name: name, kind: "seed file", needs: []string{sectionCase, sectionOverrides, sectionExpect}}
	if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
		return nil, p.fail(0, "not a seed file: it holds bytes that are no text")
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	archive := txtar.Parse(data)
	if err := p.sections(data, archive); err != nil {
		return nil, err
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return nil, p.fail(bytes.Count(data, []byte("\n"))+1, "the last line has no end: the file is cut short")
	}
	f := &SeedFile{Human: string(archive.Comment)}
	c, err := p.parseCase(cat)
	if err != nil {
		return nil, err
	}
	f.Case = c
	scenario, err := cat.Lookup(c.Scenario)
	if err != nil {
		return nil, p.fail(p.lineOf(sectionCase, "scenario"), "%v", err)
	}
	v, err := cat.Vocabulary(c.Scenario)
	if err != nil {
		return nil, p.fail(p.lineOf(sectionCase, "scenario"), "%v", err)
	}
	if err := p.parseOverrides(v, scenario, c); err != nil {
		return nil, err
	}
	f.Expect, err = p.parseExpect()
	return f, err
}

type fileParser struct {
	name  string
	kind  string            // "seed file"
	needs []string          // sections
	text  map[string]string // by section
	first map[string]int    // line of the section's first line
}

func (p *fileParser) fail(line int, format string, args ...any) error {
	return &FileError{File: p.name, Line: line, Problem: fmt.Sprintf(format, args...)}
}

// sections finds the three parts and their lines.
func (p *fileParser) sections(data []byte, archive *txtar.Archive) error {
	p.text, p.first = make(map[string]string), make(map[string]int)
	for i, line := range strings.Split(string(data), "\n") {
		if name, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(name, " --") {
			name = strings.TrimSpace(strings.TrimSuffix(name, " --"))
			if _, twice := p.first[name]; twice {
				return p.fail(i+1, "section %q is there twice", name)
			}
			if !slices.Contains(p.needs, name) {
				return p.fail(i+1, "unknown section %q: a %s has %s and %s", name, p.kind, strings.Join(p.needs[:len(p.needs)-1], ", "), p.needs[len(p.needs)-1])
			}
			p.first[name] = i + 2
		}
	}
	for _, f := range archive.Files {
		p.text[f.Name] = string(f.Data)
	}
	for _, name := range p.needs {
		if _, ok := p.text[name]; !ok {
			return p.fail(0, "damaged or no %s: section %q is missing", p.kind, name)
		}
	}
	return nil
}

// lineOf finds the line of a TOML key ("cluster.nodes") in a section, or the section's first line.
func (p *fileParser) lineOf(section, key string) int {
	table, name := "", key
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		table, name = key[:i], key[i+1:]
	}
	current := ""
	for i, line := range strings.Split(p.text[section], "\n") {
		line = strings.TrimSpace(line)
		if t, ok := strings.CutPrefix(line, "["); ok {
			current = strings.TrimSuffix(t, "]")
			if current == key {
				return p.first[section] + i
			}
		} else if k, _, ok := strings.Cut(line, "="); ok && strings.TrimSpace(k) == name && current == table {
			return p.first[section] + i
		}
	}
	return p.first[section]
}

// decode reads a section of TOML into a value, strictly.
func (p *fileParser) decode(section string, into any) error {
	meta, err := toml.Decode(p.text[section], into)
	if err != nil {
		line, problem := tomlProblem(err)
		return p.fail(p.first[section]+line-1, "%s", problem)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0].String()
		return p.fail(p.lineOf(section, key), "unknown key %q%s", key, suggestKey(key))
	}
	if key := durationWithoutUnit(meta); key != "" {
		return p.fail(p.lineOf(section, key), "%s: want a duration with its unit, like \"150ms\"", key)
	}
	return nil
}

// durationWithoutUnit returns the first option that is a duration and was given as a bare number, which the decoder takes for
// nanoseconds; "" if there is none.
func durationWithoutUnit(meta toml.MetaData) string {
	options := optionLines(Defaults())
	for _, key := range meta.Keys() {
		if meta.Type(key...) != "Integer" {
			continue
		}
		for _, known := range options {
			if known.key == key.String() && known.duration() {
				return known.key
			}
		}
	}
	return ""
}

// tomlProblem takes an error of the TOML decoder apart: the line, from 1, and what is wrong there.
func tomlProblem(err error) (line int, problem string) {
	var pe toml.ParseError
	if errors.As(err, &pe) {
		return pe.Position.Line, pe.Message
	}
	// Values of a wrong type are reported as text only: toml: line 24 (last key "workload.keys"): incompatible types ...
	text := strings.TrimPrefix(err.Error(), "toml: ")
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, rest, _ := strings.Cut(rest, " ")
		if n, err := strconv.Atoi(number); err == nil {
			key, problem, _ := strings.Cut(strings.TrimPrefix(rest, "(last key "), "): ")
			key = strings.Trim(key, `"`)
			return n, key + ": " + typeProblem(key, problem)
		}
	}
	return 1, text
}

// typeProblem says in the words of users what the decoder says in those of its types.
func typeProblem(key, problem string) string {
	_, wanted, ok := strings.Cut(problem, "destination has type ")
	if !ok {
		return problem
	}
	for _, t := range [...]struct{ name, text string }{
		{"integer", "a whole number"}, {"boolean", "true or false"}, {"slice", `a list, like ["a", "b"]`}, {"string", "text"},
	} {
		if strings.HasPrefix(wanted, t.name) {
			wanted = t.text
		}
	}
	if doc := optionDoc(key); doc != "" {
		return fmt.Sprintf("want %s: %s", wanted, doc)
	}
	return "want " + wanted
}

func suggestKey(key string) string {
	for _, known := range optionKeys() {
		if strings.HasSuffix(known, "."+key) {
			return fmt.Sprintf(": did you mean %q?", known)
		}
	}
	if near := sim.Nearest(key, optionKeys()); near != "" {
		return fmt.Sprintf(": did you mean %q?", near)
	}
	return ""
}

func (p *fileParser) parseCase(cat *Catalogue) (*Case, error) {
	var version struct {
		Version int `toml:"version"`
	}
	if _, err := toml.Decode(p.text[sectionCase], &version); err == nil && version.Version != FileVersion {
		line := p.lineOf(sectionCase, "version")
		if version.Version > FileVersion {
			return nil, p.fail(line, "version %d is newer than this program, which reads version %d: use a newer simrun", version.Version, FileVersion)
		}
		return nil, p.fail(line, "version %d: want version = %d", version.Version, FileVersion)
	}
	// A key that is not there has its default: files outlive the options that are added after them.
	cf := caseFile{Options: Defaults()}
	if err := p.decode(sectionCase, &cf); err != nil {
		return nil, err
	}
	c := &Case{Scenario: cf.Scenario, Options: cf.Options}
	var err error
	if c.Seed, err = ParseSeed(cf.Seed); err != nil {
		return nil, p.fail(p.lineOf(sectionCase, "seed"), "%v", err)
	}
	if cf.Base != "calm" {
		seed, ok := strings.CutPrefix(cf.Base, "noise ")
		if !ok {
			return nil, p.fail(p.lineOf(sectionCase, "base"), "base %q: want \"calm\" or \"noise SEED\"", cf.Base)
		}
		c.Base.Noisy = true
		if c.Base.Seed, err = ParseSeed(seed); err != nil {
			return nil, p.fail(p.lineOf(sectionCase, "base"), "%v", err)
		}
	}
	scenario, err := cat.Lookup(c.Scenario)
	if err != nil {
		return nil, p.fail(p.lineOf(sectionCase, "scenario"), "%v", err)
	}
	if err := scenario.check(&c.Options); err != nil {
		key := ""
		if oe, ok := err.(*OptionError); ok {
			key = oe.Key
		}
		return nil, p.fail(p.lineOf(sectionCase, key), "%v", err)
	}
	v, err := cat.Vocabulary(c.Scenario)
	if err != nil {
		return nil, p.fail(p.lineOf(sectionCase, "scenario"), "%v", err)
	}
	for _, text := range cf.Masks {
		m, err := v.ParseMask(text)
		if err != nil {
			return nil, p.fail(p.lineOf(sectionCase, "masks"), "%v", err)
		}
		c.Masks = append(c.Masks, m)
	}
	return c, nil
}

func (p *fileParser) parseOverrides(v *sim.Vocabulary, s *Scenario, c *Case) error {
	seen := make(map[sim.Key]int)
	for i, line := range strings.Split(p.text[sectionOverrides], "\n") {
		at := p.first[sectionOverrides] + i
		d, err := v.ParseLine(line)
		if errors.Is(err, sim.ErrNoDisturbance) {
			continue
		}
		if err != nil {
			return p.fail(at, "%v", err)
		}
		if first, twice := seen[d.Key]; twice {
			return p.fail(at, "%s has a line already, %d", v.AppendKey(nil, d.Key), first)
		}
		seen[d.Key] = at
		if err := s.checkDisturbance(v, d, c); err != nil {
			return p.fail(at, "%v", err)
		}
		c.Overrides = append(c.Overrides, d)
	}
	return nil
}

func (p *fileParser) parseExpect() (e Expect, err error) {
	var ef expectFile
	if err := p.decode(sectionExpect, &ef); err != nil {
		return e, err
	}
	if e.Verdict, err = ParseVerdict(ef.Verdict); err != nil {
		return e, p.fail(p.lineOf(sectionExpect, "verdict"), "%v", err)
	}
	if e.Digest, err = strconv.ParseUint(ef.Digest, 16, 64); err != nil || len(ef.Digest) != 16 {
		return e, p.fail(p.lineOf(sectionExpect, "digest"), "digest %q: want 16 hexadecimal digits", ef.Digest)
	}
	if (e.Verdict == Violation) != (ef.Signature != "") {
		return e, p.fail(p.lineOf(sectionExpect, "signature"), "a violation has a signature, and nothing else has")
	}
	if ef.Steps < 0 {
		return e, p.fail(p.lineOf(sectionExpect, "steps"), "steps %d: want at least 0", ef.Steps)
	}
	e.Signature, e.Steps = ef.Signature, uint64(ef.Steps)
	return e, nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("scenarios: marshal: %w", err)
	}
	return b.Bytes(), nil
}

func marshalOptions(o Options) ([]byte, error) { return marshal(o) }

package campaign

import (
	"fmt"
	"slices"
	"strings"

	"raftsim/checker"
	"raftsim/scenarios"
	"raftsim/sim"
)

// Human returns the part of a seed file that people read: what the run of c came to, what kind of case it is, and the commands to
// go on with. file is the name the file will have, h what runs it. res must be of a run that recorded.
func Human(v *sim.Vocabulary, c *scenarios.Case, res *scenarios.Result, file string, h Hints) string {
	var b strings.Builder
	b.WriteString("raftsim seed file\n\n")
	paragraph(&b, outcomeSentence(res))
	paragraph(&b, caseSentence(v, c, res))
	b.WriteString("\n")
	for _, cmd := range h.File(file) {
		fmt.Fprintf(&b, "  %-10s %s\n", cmd.What+":", cmd.Line)
	}
	fmt.Fprintf(&b, "\nWritten by %s\n", ReadBuild())
	return b.String()
}

// outcomeSentence says what broke, or that nothing did.
func outcomeSentence(res *scenarios.Result) string {
	v, ok := res.Primary()
	if !ok {
		if res.Verdict == scenarios.Inconclusive {
			text := "Undecided: no judge objected, but a part of the client history took too long to check"
			if res.Undecided != "" {
				text += ": " + res.Undecided
			}
			return text + "."
		}
		return "Passed: no judge objected."
	}
	text := "Broke: " + ViolationLine(v)
	if n := len(res.Violations); n > 1 {
		text += fmt.Sprintf(" All findings: %d, of %s.", n, strings.Join(signatures(res.Violations), ", "))
	}
	return text
}

// ViolationLine says in one sentence what broke, where and when.
func ViolationLine(v checker.Violation) string {
	text := v.Property.Name() + " (" + v.Signature() + ")"
	if v.Node != 0 {
		text += fmt.Sprintf(" on n%d", v.Node)
	}
	if v.At != 0 {
		text += " at " + sim.Time(v.At).String()
	}
	if v.Step != 0 {
		text += fmt.Sprintf(", step %d", v.Step)
	}
	return text + ": " + strings.TrimRight(oneLine(v.Detail), ".") + "."
}

func signatures(violations []checker.Violation) []string {
	var all []string
	for _, v := range violations {
		if s := v.Signature(); !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// caseSentence says who took part and what disturbed them.
func caseSentence(v *sim.Vocabulary, c *scenarios.Case, res *scenarios.Result) string {
	base := "a calm base"
	if c.Base.Noisy {
		base = "the noise of seed " + scenarios.FormatSeed(c.Base.Seed)
	}
	text := fmt.Sprintf("Case: scenario %s, seed %s: %s and %s, %s of faults, %s", c.Scenario, scenarios.FormatSeed(c.Seed),
		plural(c.Options.Cluster.Nodes, "server"), plural(c.Options.Workload.Clients, "client"), c.Options.Run.Window, base)
	if n := len(c.Overrides); n > 0 {
		text += " and " + plural(n, "override")
	}
	disturbances, kinds := disturbed(v, res.Recorded)
	text += ". What happened: " + plural(disturbances, "disturbance")
	if len(kinds) > 0 {
		text += " (" + strings.Join(kinds, ", ") + ")"
	}
	return text + "."
}

// disturbed counts recorded faults by kind, the commonest first. Choices of clients and election draws are not disturbances.
func disturbed(v *sim.Vocabulary, recorded []sim.Disturbance) (total int, kinds []string) {
	var counts [256]int
	for _, d := range recorded {
		counts[d.Key.Purpose()]++
	}
	var specs []*sim.Spec
	for _, s := range v.Specs() {
		if n := counts[s.Purpose]; s.Fault && n > 0 {
			specs = append(specs, s)
			total += n
		}
	}
	slices.SortStableFunc(specs, func(a, b *sim.Spec) int { return counts[b.Purpose] - counts[a.Purpose] })
	for _, s := range specs {
		kinds = append(kinds, fmt.Sprintf("%d %s", counts[s.Purpose], s.Name))
	}
	return total, kinds
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// paragraph writes text in lines of some 120 characters. No line can look like the mark of a section: every one but the first
// is indented.
func paragraph(b *strings.Builder, text string) {
	const width = 120
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteString("\n ")
			column = 1
			fallthrough
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	b.WriteByte('\n')
}

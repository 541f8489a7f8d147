package measure

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Unit says what the numbers of a column are.
type Unit string

const (
	Nanoseconds Unit = "ns" // of virtual time, printed in milliseconds
	PerSecond   Unit = "per_second"
	Count       Unit = "count"
	Hundredths  Unit = "hundredths" // of one, printed with two decimals
)

// Column is one figure of all rows.
type Column struct {
	Name string `json:"name"`
	Unit Unit   `json:"unit"`
	Bar  bool   `json:"-"` // the text has a bar for it
}

// Row is what one way of doing things came to. A value of -1 means that there is none.
type Row struct {
	Name   string  `json:"name"`
	Values []int64 `json:"values"`
}

// Table is what was measured. Model says in which world: without it the figures mean nothing.
type Table struct {
	Name    string   `json:"name"`
	Seed    uint64   `json:"seed"`
	Title   string   `json:"title"`
	Model   []string `json:"model"`
	Columns []Column `json:"columns"`
	Rows    []Row    `json:"rows"`
	Notes   []string `json:"notes,omitempty"`
}

// Value returns a figure by the names of its row and column, and panics if there is no such one.
func (t *Table) Value(row, column string) int64 {
	for _, r := range t.Rows {
		for i, c := range t.Columns {
			if r.Name == row && c.Name == column {
				return r.Values[i]
			}
		}
	}
	panic(fmt.Sprintf("measure: table %s has no %q in column %q", t.Name, row, column))
}

// barWidth is how many characters the longest bar has.
const barWidth = 30

// WriteText writes the table for people, the last column with Bar as a chart.
func (t *Table) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", t.Name, t.Title)
	for _, line := range t.Model {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	cells, bar := [][]string{{""}}, -1
	for i, c := range t.Columns {
		name := c.Name
		if c.Unit == Nanoseconds {
			name += " ms"
		}
		cells[0] = append(cells[0], name)
		if c.Bar {
			bar = i
		}
	}
	for _, r := range t.Rows {
		line := []string{r.Name}
		for i, v := range r.Values {
			line = append(line, t.Columns[i].Unit.text(v))
		}
		cells = append(cells, line)
	}
	widths := make([]int, len(cells[0]))
	var most int64 = 1
	for _, line := range cells {
		for i, c := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, r := range t.Rows {
		if bar >= 0 {
			most = max(most, r.Values[bar])
		}
	}
	for n, line := range cells {
		fmt.Fprintf(&b, "  %-*s", widths[0], line[0])
		for i, c := range line[1:] {
			fmt.Fprintf(&b, "  %*s", widths[i+1], c)
		}
		switch {
		case bar >= 0 && n > 0:
			if length := (t.Rows[n-1].Values[bar]*barWidth + most - 1) / most; length > 0 {
				fmt.Fprintf(&b, "  %s", strings.Repeat("#", int(length)))
			}
		}
		b.WriteByte('\n')
	}
	for _, note := range t.Notes {
		fmt.Fprintf(&b, "  %s\n", note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// text prints a number of the unit.
func (u Unit) text(v int64) string {
	switch {
	case v < 0:
		return "-"
	case u == Nanoseconds:
		tenth := (v + int64(5*time.Microsecond)) / int64(10*time.Microsecond)
		return fmt.Sprintf("%d.%02d", tenth/100, tenth%100)
	case u == Hundredths:
		return fmt.Sprintf("%d.%02d", v/100, v%100)
	}
	return fmt.Sprint(v)
}

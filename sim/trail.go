package sim

import (
	"bytes"
	"fmt"
)

// Trail is a Tracer that keeps the digest and the line of every step, so that two runs can be held side by side. It takes
// about 100 bytes per step.
type Trail struct {
	digests []uint64
	ends    []int
	text    []byte
}

// Step implements Tracer.
func (t *Trail) Step(_ uint64, ev Event, line []byte, digest uint64) {
	t.digests = append(t.digests, digest)
	t.text = append(append(append(t.text, ev.At.String()...), ' '), line...)
	t.ends = append(t.ends, len(t.text))
}

// Len returns the number of steps.
func (t *Trail) Len() int { return len(t.digests) }

// Line returns the line of step i, counted from 0.
func (t *Trail) Line(i int) string {
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return string(t.text[from:t.ends[i]])
}

// Difference is the first step in which two runs differ. Where one of them had ended, its line says so.
type Difference struct {
	Step uint64 // from 1
	A, B string
}

func (d Difference) String() string {
	return fmt.Sprintf("first difference at step %d:\n  A: %s\n  B: %s", d.Step, d.A, d.B)
}

// FirstDifference returns the first step in which two trails differ, by digest or by line; ok is false if they are equal.
func FirstDifference(a, b *Trail) (d Difference, ok bool) {
	line := func(t *Trail, i int) string {
		if i >= t.Len() {
			return "(the run had ended)"
		}
		return t.Line(i)
	}
	n := min(a.Len(), b.Len())
	for i := range n {
		if a.digests[i] != b.digests[i] || !bytes.Equal(a.bytes(i), b.bytes(i)) {
			return Difference{Step: uint64(i) + 1, A: line(a, i), B: line(b, i)}, true
		}
	}
	if a.Len() != b.Len() {
		return Difference{Step: uint64(n) + 1, A: line(a, n), B: line(b, n)}, true
	}
	return Difference{}, false
}

func (t *Trail) bytes(i int) []byte {
	from := 0
	if i > 0 {
		from = t.ends[i-1]
	}
	return t.text[from:t.ends[i]]
}

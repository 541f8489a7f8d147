package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Mask is a rule that makes noise quiet: subjects it covers are calm unless overridden. The zero value of a field covers
// everything. A timed disturbance lies where its value says, not where it was asked.
//
// Its text is "quiet PURPOSES PROCS FROM..UNTIL", "*" for everything: "quiet lost,late n1>n2 0s..1.2s", "quiet * n3 *".
type Mask struct {
	Purposes [4]uint64 // bit set by purpose
	A, B     ProcID    // with Link: sender and receiver
	Link     bool      // A>B; else A is any process of the subject
	From     Time      // inclusive
	Until    Time      // exclusive; 0 for no end
}

func (m *Mask) covers(k Key, at Time) bool {
	p := k.Purpose()
	if m.Purposes != ([4]uint64{}) && m.Purposes[p>>6]>>(p&63)&1 == 0 {
		return false
	}
	if at < m.From || m.Until != 0 && at >= m.Until {
		return false
	}
	s := k.Subject()
	if m.Link {
		return (m.A == 0 || m.A == s.A) && (m.B == 0 || m.B == s.B)
	}
	return m.A == 0 || m.A == s.A || m.A == s.B
}

// AppendMask appends the canonical text of m.
func (v *Vocabulary) AppendMask(dst []byte, m Mask) []byte {
	dst = append(dst, "quiet "...)
	if m.Purposes == ([4]uint64{}) {
		dst = append(dst, '*')
	} else {
		comma := false
		for _, s := range v.order {
			if m.Purposes[s.Purpose>>6]>>(s.Purpose&63)&1 == 1 {
				if comma {
					dst = append(dst, ',')
				}
				comma = true
				dst = append(dst, s.Name...)
			}
		}
	}
	proc := func(id ProcID) {
		if id == 0 {
			dst = append(dst, '*')
		} else {
			dst = v.AppendProc(dst, id)
		}
	}
	dst = append(dst, ' ')
	proc(m.A)
	if m.Link {
		dst = append(dst, '>')
		proc(m.B)
	}
	dst = append(dst, ' ')
	if m.From == 0 && m.Until == 0 {
		return append(dst, '*')
	}
	dst = append(append(dst, m.From.String()...), ".."...)
	if m.Until != 0 {
		dst = append(dst, m.Until.String()...)
	}
	return dst
}

// ParseMask reads what AppendMask writes.
func (v *Vocabulary) ParseMask(line string) (m Mask, err error) {
	words := strings.Fields(line)
	if len(words) != 4 || words[0] != "quiet" {
		return m, errors.New("a mask reads: quiet PURPOSES PROCS FROM..UNTIL, like: quiet lost,late n1>n2 0s..1.2s")
	}
	if words[1] != "*" {
		for _, name := range strings.Split(words[1], ",") {
			s := v.byName[name]
			if s == nil {
				return m, fmt.Errorf("unknown purpose %q%s", name, v.suggest(name))
			}
			m.Purposes[s.Purpose>>6] |= 1 << (s.Purpose & 63)
		}
	}
	a, b, link := strings.Cut(words[2], ">")
	m.Link = link
	if m.A, err = v.parseAnyProc(a); err != nil {
		return m, err
	}
	if link {
		if m.B, err = v.parseAnyProc(b); err != nil {
			return m, err
		}
	}
	if words[3] == "*" {
		return m, nil
	}
	from, until, ok := strings.Cut(words[3], "..")
	f, err := time.ParseDuration(from)
	if !ok || err != nil || f < 0 || Time(f) == Never {
		return m, fmt.Errorf("%q is no time window: write FROM..UNTIL, like 0s..1.2s, or FROM.. for no end", words[3])
	}
	m.From = Time(f)
	if until != "" {
		u, err := time.ParseDuration(until)
		if err != nil || Time(u) <= m.From || Time(u) == Never {
			return m, fmt.Errorf("%q is no time window: UNTIL must be later than FROM", words[3])
		}
		m.Until = Time(u)
	}
	return m, nil
}

func (v *Vocabulary) parseAnyProc(s string) (ProcID, error) {
	if s == "*" {
		return 0, nil
	}
	return v.ParseProc(s)
}

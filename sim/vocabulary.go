package sim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Fields says which parts of a key a purpose uses. The order of the constants is the order of the text.
type Fields uint8

const (
	FieldA       Fields = 1 << iota // A, a process
	FieldB                          // B, a process; text A>B
	FieldKind                       // Kind, by name
	FieldEpoch                      // Epoch, text t12
	FieldOrdinal                    // Ordinal, text #4
)

// Spec declares a purpose. It is made once, by the room that asks the question, and never changed.
type Spec struct {
	Purpose Purpose
	Name    string   // one word of a-z, 0-9 and '-'
	Doc     string   // one sentence for tables and help
	Fields  Fields   // the parts of the key in use
	Kinds   []string // names of the kinds, by number; needed with FieldKind
	Value   ValueFormat
	Timed   bool // laid out before the run from numbered slots; the value carries its time
	Fault   bool // answered calm once the fault window has closed
	Aim     bool // asks for a disturbance to be resolved during the run; never recorded, what it resolves to is
}

// ProcName names a range of process ids: Prefix followed by id-Base.
type ProcName struct {
	Prefix      string
	Base        ProcID // the id that would be called Prefix0
	First, Last ProcID
}

// Vocabulary is the immutable set of purposes and process names of a project: what prints and parses disturbances.
type Vocabulary struct {
	specs  [256]*Spec
	byName map[string]*Spec // looked up only, never ranged over
	order  []*Spec
	names  []ProcName
}

// NewVocabulary builds a vocabulary, or says which declaration is wrong.
func NewVocabulary(names []ProcName, specs ...Spec) (*Vocabulary, error) {
	v := &Vocabulary{byName: make(map[string]*Spec, len(specs)), names: append([]ProcName(nil), names...)}
	for i := range specs {
		s := specs[i]
		switch {
		case s.Purpose == 0:
			return nil, fmt.Errorf("purpose %q: number 0 is never used", s.Name)
		case !plainWord(s.Name):
			return nil, fmt.Errorf("purpose %d: name %q is not one word of a-z, 0-9 and '-'", s.Purpose, s.Name)
		case v.specs[s.Purpose] != nil:
			return nil, fmt.Errorf("purpose %d is declared as %q and as %q", s.Purpose, v.specs[s.Purpose].Name, s.Name)
		case v.byName[s.Name] != nil:
			return nil, fmt.Errorf("purpose name %q is declared twice", s.Name)
		case s.Value == nil:
			return nil, fmt.Errorf("purpose %q has no value format", s.Name)
		case s.Fields&FieldB != 0 && s.Fields&FieldA == 0:
			return nil, fmt.Errorf("purpose %q uses field B without A", s.Name)
		case (s.Fields&FieldKind != 0) != (len(s.Kinds) > 0) || len(s.Kinds) > 256:
			return nil, fmt.Errorf("purpose %q: FieldKind and 1 to 256 kind names go together", s.Name)
		}
		for j, k := range s.Kinds {
			if !plainWord(k) || strings.HasPrefix(k, "t") && isNumber(k[1:]) || strings.HasPrefix(k, "kind-") || slices.Contains(s.Kinds[:j], k) {
				return nil, fmt.Errorf("purpose %q: kind name %q cannot be told from other words", s.Name, k)
			}
		}
		v.specs[s.Purpose] = &s
		v.byName[s.Name] = &s
		v.order = append(v.order, &s)
	}
	return v, nil
}

// Spec returns the declaration of p, nil if there is none.
func (v *Vocabulary) Spec(p Purpose) *Spec { return v.specs[p] }

// Lookup returns the declaration called name, nil if there is none.
func (v *Vocabulary) Lookup(name string) *Spec { return v.byName[name] }

// Specs returns all declarations in the order they were given.
func (v *Vocabulary) Specs() []*Spec { return v.order }

// AppendProc appends the name of a process: "n2", "c1", or "p77" where no range covers it.
func (v *Vocabulary) AppendProc(dst []byte, id ProcID) []byte {
	for i := range v.names {
		if n := &v.names[i]; id >= n.First && id <= n.Last {
			return strconv.AppendUint(append(dst, n.Prefix...), uint64(id-n.Base), 10)
		}
	}
	return strconv.AppendUint(append(dst, 'p'), uint64(id), 10)
}

// ParseProc reads what AppendProc writes.
func (v *Vocabulary) ParseProc(s string) (ProcID, error) {
	for i := range v.names {
		n := &v.names[i]
		if rest, ok := strings.CutPrefix(s, n.Prefix); ok && isNumber(rest) {
			id, err := strconv.ParseUint(rest, 10, 12)
			if id += uint64(n.Base); err == nil && id >= uint64(n.First) && id <= uint64(n.Last) {
				return ProcID(id), nil
			}
		}
	}
	if rest, ok := strings.CutPrefix(s, "p"); ok && isNumber(rest) {
		if id, err := strconv.ParseUint(rest, 10, 12); err == nil {
			return ProcID(id), nil
		}
	}
	return 0, fmt.Errorf("%q names no process", s)
}

func plainWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

func isNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

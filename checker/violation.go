package checker

import "fmt"

// Property is what a violation broke.
type Property uint8

const (
	PropertyNone        Property = iota
	ElectionSafety               // ES: Figure 3, §5.2
	LeaderAppendOnly             // LAO: Figure 3, §5.3
	LogMatching                  // LM: Figure 3, §5.3
	LeaderCompleteness           // LC: Figure 3, §5.4
	StateMachineSafety           // SMS: Figure 3, §5.4.3
	Linearizability              // LIN: client answers have no order that explains them
	ExactlyOnce                  // EO: one client command took effect more than once (§8)
	Durability                   // DUR: something acknowledged is not, or no longer, there
	Liveness                     // LIVE: no progress although nothing stood in the way
	Crash                        // CRASH: the system under test panicked or gave up
	Bound                        // BOUND: a bound on steps, queues or sizes was exceeded
	ConfigurationSafety          // CFG: two configurations can decide without each other (§6, thesis §4)
	SessionOrder                 // SESS: a client was shown an order that its session rules out
	LockSafety                   // LOCK: a lock was handed to two, or an old fencing token was honoured
	propertyCount
)

// String returns the short code used in signatures, "ES".
func (p Property) String() string {
	switch p {
	case PropertyNone:
		return "NONE"
	case ElectionSafety:
		return "ES"
	case LeaderAppendOnly:
		return "LAO"
	case LogMatching:
		return "LM"
	case LeaderCompleteness:
		return "LC"
	case StateMachineSafety:
		return "SMS"
	case Linearizability:
		return "LIN"
	case ExactlyOnce:
		return "EO"
	case Durability:
		return "DUR"
	case Liveness:
		return "LIVE"
	case Crash:
		return "CRASH"
	case Bound:
		return "BOUND"
	case ConfigurationSafety:
		return "CFG"
	case SessionOrder:
		return "SESS"
	case LockSafety:
		return "LOCK"
	}
	return fmt.Sprintf("PROPERTY(%d)", uint8(p))
}

// Name returns the name in words, "election safety".
func (p Property) Name() string {
	switch p {
	case PropertyNone:
		return "no property"
	case ElectionSafety:
		return "election safety"
	case LeaderAppendOnly:
		return "leader append-only"
	case LogMatching:
		return "log matching"
	case LeaderCompleteness:
		return "leader completeness"
	case StateMachineSafety:
		return "state machine safety"
	case Linearizability:
		return "linearizability"
	case ExactlyOnce:
		return "exactly-once"
	case Durability:
		return "durability"
	case Liveness:
		return "liveness"
	case Crash:
		return "crash"
	case Bound:
		return "bound"
	case ConfigurationSafety:
		return "configuration safety"
	case SessionOrder:
		return "session order"
	case LockSafety:
		return "lock safety"
	}
	return p.String()
}

// ParseProperty is the inverse of String. It reports false for a code no property has.
func ParseProperty(code string) (Property, bool) {
	for p := ElectionSafety; p < propertyCount; p++ {
		if p.String() == code {
			return p, true
		}
	}
	return PropertyNone, false
}

// Violation is one broken property at one place of a run.
type Violation struct {
	Property Property
	Rule     string // stable slug of the check that failed: "two-leaders-in-term"
	Step     uint64 // kernel step
	At       int64  // virtual nanoseconds since the start of the run; 0 when only the step is known
	Node     uint64 // the node that made the observation; 0 for none
	Detail   string // one line with the values
}

// Signature names the kind of the violation without its values, "LC/missing-commitment". Two runs that break the same rule
// have the same signature, whatever the terms and indexes.
func (v Violation) Signature() string { return v.Property.String() + "/" + v.Rule }

// String is the canonical line.
func (v Violation) String() string {
	return fmt.Sprintf("%s step %d at %dns n%d: %s", v.Signature(), v.Step, v.At, v.Node, v.Detail)
}

// Bounds of what is kept of violations. A judge keeps working after the first one, and one broken rule often breaks again
// at every later step; the second bound keeps such a flood from hiding another rule.
const (
	MaxViolations        = 64 // kept in all
	MaxViolationsOfARule = 8  // kept of one signature
)

// Findings collects violations in the order they were found. The zero value is empty and ready.
type Findings struct {
	kept  []Violation
	total uint64
}

// Reset empties f and keeps its memory.
func (f *Findings) Reset() {
	f.kept = f.kept[:0]
	f.total = 0
}

// Add keeps v unless a bound is reached, and counts it in any case.
func (f *Findings) Add(v Violation) {
	f.total++
	if len(f.kept) >= MaxViolations {
		return
	}
	same := 0
	for i := range f.kept {
		if f.kept[i].Property == v.Property && f.kept[i].Rule == v.Rule {
			same++
		}
	}
	if same < MaxViolationsOfARule {
		f.kept = append(f.kept, v)
	}
}

// All returns what was kept, oldest first. It belongs to f until the next Reset.
func (f *Findings) All() []Violation { return f.kept }

// Total counts every violation added, kept or not.
func (f *Findings) Total() uint64 { return f.total }

// Has reports whether a violation of this signature was kept.
func (f *Findings) Has(signature string) bool {
	for i := range f.kept {
		if f.kept[i].Signature() == signature {
			return true
		}
	}
	return false
}

package checker

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/anishathalye/porcupine"
)

// GenericOperation is one operation on a state machine this package knows nothing of.
type GenericOperation struct {
	Client, Seq    uint64
	Input          any
	Output         any    // nil when the outcome is unknown
	Invoke, Return uint64 // times of one clock of the caller's, Return NoReturn when the outcome is unknown
	// ReadAt is, for a linearizable read answered outside the log, the last index its server had applied; 0 for all others. See
	// WitnessOrder. (Stale reads are no part of such a history.)
	ReadAt uint64
}

// WitnessOrder appends to dst the positions in the history of what took effect, in this order, with the reads outside the log put after
// the executions of their index, by invocation: what to ask Witness.Fits about. O(n log n).
func WitnessOrder(history []GenericOperation, order []Execution, dst []int) []int {
	var byID pairTable
	var reads []int
	for i := range history {
		if g := &history[i]; g.ReadAt == 0 {
			byID.put(g.Client, g.Seq, uint32(i))
		} else if g.Return != NoReturn {
			reads = append(reads, i)
		}
	}
	slices.SortFunc(reads, func(a, b int) int {
		return cmp.Or(cmp.Compare(history[a].ReadAt, history[b].ReadAt), cmp.Compare(history[a].Invoke, history[b].Invoke), cmp.Compare(a, b))
	})
	for _, e := range order {
		for len(reads) > 0 && history[reads[0]].ReadAt < e.Index {
			dst, reads = append(dst, reads[0]), reads[1:]
		}
		if at, ok := byID.find(e.Client, e.Seq); ok {
			dst = append(dst, int(at))
		}
	}
	return append(dst, reads...)
}

// ModelReport is the outcome of a model's check.
type ModelReport struct {
	Verdict    Verdict
	Partitions int
	Steps      uint64 // model steps
	Illegal    int    // first partition without a legal order, -1 for none
	Err        error  // the model itself failed; Verdict is then Inconclusive
}

// Model judges the history of a state machine of the user's own.
type Model interface {
	Name() string
	// Check judges a history within budget model steps per partition, the same on every machine.
	Check(history []GenericOperation, budget uint64) ModelReport
}

// Witness is a Model that can also try a given order, in linear time.
type Witness interface {
	Model
	// Fits reports whether the operations at these positions of the history, in this order, explain every answer: the model can
	// take each step, the order keeps real time, and every completed operation is in it. False says nothing about other orders.
	Fits(history []GenericOperation, order []int) bool
}

// PorcupineModel makes a Model of a Porcupine model. Its Step must accept a nil output as "whatever the answer may have been".
func PorcupineModel(name string, model porcupine.Model) Model {
	return porcupineModel{name: name, model: model}
}

type porcupineModel struct {
	name  string
	model porcupine.Model
}

func (m porcupineModel) Name() string { return m.name }

// Validator is a Model that can say that it cannot work before there is a history.
type Validator interface{ Validate() error }

// Validate implements Validator.
func (m porcupineModel) Validate() error {
	if m.model.Init == nil || m.model.Step == nil && m.model.StepContext == nil {
		return fmt.Errorf("model %q needs Init and Step or StepContext", m.name)
	}
	return nil
}

func (m porcupineModel) Check(history []GenericOperation, budget uint64) ModelReport {
	return CheckModel(m.model, porcupineOperations(history), budget)
}

func porcupineOperations(history []GenericOperation) []porcupine.Operation {
	const end = int64(1) << 62
	ops := make([]porcupine.Operation, 0, len(history))
	for i := range history {
		g := &history[i]
		// A return at the time of an invocation comes before it: one client may be answered and ask again at once. An operation that
		// takes no time at all returns after its own invocation still.
		op := porcupine.Operation{ClientId: int(g.Client & 0x7fffffff), Input: g.Input, Call: int64(3*g.Invoke + 1), Output: g.Output}
		switch {
		case g.Return == NoReturn:
			op.Output, op.Return = nil, end+int64(i)
		case g.Return <= g.Invoke:
			op.Return = op.Call + 1
		default:
			op.Return = int64(3 * g.Return)
		}
		ops = append(ops, op)
	}
	return ops
}

// CheckModel asks Porcupine about a history under any model, partition by partition, one at a time. Each partition has budget calls of
// Step; a partition that needs more is undecided, whatever time it took: there is no clock in it. A panic of the model is
// caught and returned as Err. Every operation needs a Return that is not before its Call; give one of unknown outcome a Return after all others.
func CheckModel(model porcupine.Model, ops []porcupine.Operation, budget uint64) (report ModelReport) {
	report.Illegal = -1
	if model.Init == nil || model.Step == nil && model.StepContext == nil {
		return report.failed(fmt.Errorf("checker: the model needs Init and Step or StepContext"))
	}
	for i := range ops {
		if ops[i].Return < ops[i].Call {
			return report.failed(fmt.Errorf("checker: operation %d returns at %d, before its call at %d", i, ops[i].Return, ops[i].Call))
		}
	}
	defer func() { // Init and Partition run here; Step, Equal and Hash on Porcupine's goroutine, see guarded
		if p := recover(); p != nil {
			report = report.failed(fmt.Errorf("checker: the model panicked: %v", p))
		}
	}()
	partitions := [][]porcupine.Operation{ops}
	if model.Partition != nil {
		partitions = model.Partition(ops)
	}
	report.Partitions = len(partitions)
	for i, part := range partitions {
		g := guarded{model: model, budget: budget}
		legal := porcupine.CheckOperations(g.limited(), part)
		report.Steps += min(g.steps, budget)
		if g.err != nil {
			return report.failed(g.err)
		}
		switch judged(legal, g.steps, budget) {
		case AnswerIllegal:
			report.Verdict = NotLinearizable
			if report.Illegal < 0 {
				report.Illegal = i
			}
		case AnswerUnknown:
			report.Verdict = max(report.Verdict, Inconclusive)
		}
	}
	return report
}

func (r ModelReport) failed(err error) ModelReport {
	r.Verdict, r.Err = Inconclusive, err
	return r
}

// guarded counts a model's steps and keeps its panics from ending the process: they would rise on a goroutine nobody here owns.
type guarded struct {
	model  porcupine.Model
	steps  uint64
	budget uint64
	err    error
}

// limited returns the model without its partition function, refusing every step past the budget or a panic.
func (g *guarded) limited() porcupine.Model {
	inner := g.model
	start := inner.Init()
	outer := porcupine.Model{Init: func() any { return start }}
	if inner.StepContext != nil { // Porcupine prefers it when both are set
		outer.StepContext = withContext(g, inner.StepContext)
	} else {
		outer.Step = func(state, input, output any) (bool, any) {
			return g.step(state, func() (bool, any) { return inner.Step(state, input, output) })
		}
	}
	outer.Equal = func(a, b any) bool {
		defer func() { g.caught(recover()) }()
		if inner.Equal == nil {
			return a == b // panics on states that are not comparable
		}
		return inner.Equal(a, b)
	}
	if inner.Hash != nil {
		outer.Hash = func(state any) (hash uint64) {
			defer func() { g.caught(recover()) }()
			return inner.Hash(state)
		}
	}
	return outer
}

// withContext limits a step that takes a context, whatever type that has: this package has no clock to put into one.
func withContext[C any](g *guarded, step func(C, any, any, any) (bool, any)) func(C, any, any, any) (bool, any) {
	return func(ctx C, state, input, output any) (bool, any) {
		return g.step(state, func() (bool, any) { return step(ctx, state, input, output) })
	}
}

func (g *guarded) step(state any, step func() (bool, any)) (ok bool, next any) {
	g.steps++
	if g.steps > g.budget || g.err != nil {
		return false, state
	}
	defer func() {
		if g.caught(recover()) {
			ok, next = false, state
		}
	}()
	return step()
}

// caught keeps the first panic of the model.
func (g *guarded) caught(p any) bool {
	if p != nil && g.err == nil {
		g.err = fmt.Errorf("checker: the model panicked: %v", p)
	}
	return p != nil
}

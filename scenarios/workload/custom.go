package workload

import (
	"fmt"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/sim"
)

// Custom is a user's own application: a state machine, the operations clients choose from, and the model that judges their
// answers. All fields are needed. A Custom must not be changed once it is in use, and its functions must depend on their
// arguments alone.
type Custom struct {
	AppName string // one word
	Machine func() statemachine.StateMachine
	Choices []Choice
	Model   checker.Model // checker.PorcupineModel makes one of a Porcupine model
}

// Choice is an operation of a Custom application.
type Choice struct {
	Text   string // as in seed files: "add", "read"; no two may be equal
	Weight uint64 // how often it is chosen, relative to the others
	Write  bool   // a run ends with a write by every client; at least one choice must be one
	// Command appends the command to dst and returns it with the model's input.
	Command func(dst []byte, client, seq uint64) (command []byte, input any)
	// Output makes the model's output of a result. An error means that the result makes no sense.
	Output func(result []byte) (any, error)
}

// Name implements Application.
func (a *Custom) Name() string { return a.AppName }

// NewMachine implements Application.
func (a *Custom) NewMachine() statemachine.StateMachine { return a.Machine() }

// AppendChoice implements Application.
func (a *Custom) AppendChoice(dst []byte, choice int64) []byte {
	if choice < 1 || choice > int64(len(a.Choices)) {
		return append(dst, "none"...)
	}
	return append(dst, a.Choices[choice-1].Text...)
}

// ParseChoice implements Application.
func (a *Custom) ParseChoice(s string) (int64, error) {
	for i := range a.Choices {
		if a.Choices[i].Text == s {
			return int64(i) + 1, nil
		}
	}
	return 0, fmt.Errorf("%q is no operation of application %s", s, a.AppName)
}

// CheckChoice implements Application.
func (a *Custom) CheckChoice(_ Plan, choice int64) error {
	if choice < 1 || choice > int64(len(a.Choices)) {
		return fmt.Errorf("application %s has no choice %d", a.AppName, choice)
	}
	return nil
}

// NewSession implements Application.
func (a *Custom) NewSession() Session { return &customSession{app: a} }

type customSession struct {
	app     *Custom
	weights uint64
	history []checker.GenericOperation
	choices []int32 // of the history's operations
	last    []int   // by client: position of its last operation, -1 for none
	clock   uint64  // orders invocations and answers, finer than steps
	count   Operations
}

// Reset implements Session.
func (s *customSession) Reset(p Plan) error {
	a := s.app
	write := false
	s.weights = 0
	for i := range a.Choices {
		c := &a.Choices[i]
		if c.Text == "" || c.Command == nil || c.Output == nil {
			return fmt.Errorf("workload: choice %d of application %q needs Text, Command and Output", i+1, a.AppName)
		}
		write = write || c.Write
		s.weights += c.Weight
	}
	if a.AppName == "" || a.Machine == nil || a.Model == nil || !write || s.weights == 0 {
		return fmt.Errorf("workload: application %q needs AppName, Machine, Model, a choice that writes, and weights above 0", a.AppName)
	}
	s.history, s.choices, s.clock, s.count = s.history[:0], s.choices[:0], 0, Operations{}
	s.last = s.last[:0]
	for range p.Clients + 1 {
		s.last = append(s.last, -1)
	}
	return nil
}

// Draw implements Session.
func (s *customSession) Draw(w *sim.Words) int64 {
	at := w.Below(s.weights)
	for i := range s.app.Choices {
		weight := s.app.Choices[i].Weight
		if at < weight {
			return int64(i) + 1
		}
		at -= weight
	}
	panic("workload: the weights of the choices do not add up")
}

// Calm implements Session.
func (s *customSession) Calm(client, k uint64) int64 {
	return 1 + int64((client+k)%uint64(len(s.app.Choices)))
}

// Final implements Session: a write, then one of each.
func (s *customSession) Final(_, k uint64) (int64, bool) {
	if k > uint64(len(s.app.Choices)) {
		return 0, false
	}
	if k > 0 {
		return int64(k), true
	}
	for i := range s.app.Choices {
		if s.app.Choices[i].Write {
			return int64(i) + 1, true
		}
	}
	panic("workload: no choice writes")
}

// Invoke implements Session.
func (s *customSession) Invoke(client, seq uint64, choice int64, _ uint64, dst []byte) ([]byte, error) {
	if err := s.app.CheckChoice(Plan{}, choice); err != nil {
		return nil, err
	}
	command, input := s.app.Choices[choice-1].Command(dst, client, seq)
	s.clock++
	s.last[client] = len(s.history)
	s.history = append(s.history, checker.GenericOperation{Client: client, Seq: seq, Input: input, Invoke: s.clock, Return: checker.NoReturn})
	s.choices = append(s.choices, int32(choice))
	s.count.Invoked++
	return command, nil
}

// Complete implements Session.
func (s *customSession) Complete(client, seq, _, _ uint64, result []byte) error {
	s.count.Completed++
	at := s.find(client, seq)
	if at < 0 {
		return fmt.Errorf("workload: c%d#%d completed but was never invoked", client, seq)
	}
	output, err := s.app.Choices[s.choices[at]-1].Output(result)
	if err != nil {
		return fmt.Errorf("c%d#%d: answer %x: %w", client, seq, result, err)
	}
	s.clock++
	s.history[at].Output, s.history[at].Return = output, s.clock
	return nil
}

// find returns the position of an operation, -1 for none. It is among the client's last ones.
func (s *customSession) find(client, seq uint64) int {
	if int(client) >= len(s.last) {
		return -1
	}
	for at := s.last[client]; at >= 0; at-- {
		if o := &s.history[at]; o.Client == client && o.Seq <= seq {
			if o.Seq == seq {
				return at
			}
			break
		}
	}
	return -1
}

// Read implements Session: a user's operations all go through the log.
func (s *customSession) Read(int64) client.ReadKind { return client.ReadLog }

// IsRead implements Session.
func (s *customSession) IsRead(uint64, uint64) bool { return false }

// ClocksBroken implements Session.
func (s *customSession) ClocksBroken() {}

// Abandon implements Session.
func (s *customSession) Abandon(_, _ uint64, _ uint64) { s.count.Abandoned++ }

// Operations implements Session.
func (s *customSession) Operations() Operations { return s.count }

// Describe implements Session.
func (s *customSession) Describe(dst []byte, client, seq uint64) []byte {
	dst = fmt.Appendf(dst, "c%d#%d", client, seq)
	if at := s.find(client, seq); at >= 0 {
		dst = s.app.AppendChoice(append(dst, ' '), int64(s.choices[at]))
	}
	return dst
}

// Judge implements Session. The order in which commands took effect is tried as a witness, if the model can; the search is the
// model's own.
func (s *customSession) Judge(order []checker.Execution, budget uint64) Judgement {
	r := s.app.Model.Check(s.history, budget)
	j := Judgement{Stages: Stages{Parts: 1, PorcupineSteps: r.Steps, OperationsJudged: uint64(len(s.history))}}
	fits := false
	if w, ok := s.app.Model.(checker.Witness); ok {
		fits = w.Fits(s.history, s.positions(order))
	}
	if fits {
		j.Stages.WitnessYes++
	} else {
		j.Stages.WitnessNo++
	}
	switch {
	case r.Err != nil:
		j.Contradiction = fmt.Sprintf("the model of application %s failed: %v", s.app.AppName, r.Err)
	case r.Verdict == checker.NotLinearizable && fits:
		j.Contradiction = fmt.Sprintf("the model of application %s finds no legal order, but the committed one is legal", s.app.AppName)
	case r.Verdict == checker.NotLinearizable:
		j.Stages.PorcupineNo++
		j.Violations = append(j.Violations, checker.Violation{
			Property: checker.Linearizability, Rule: "not-linearizable",
			Detail: fmt.Sprintf("model %s: partition %d of %d has no legal order", s.app.Model.Name(), r.Illegal, r.Partitions),
		})
	case r.Verdict == checker.Inconclusive:
		j.Stages.PorcupineUnknown++
		if !fits {
			j.Inconclusive++
		}
	default:
		j.Stages.PorcupineYes++
	}
	return j
}

// positions translates an order of commands into positions of the history.
func (s *customSession) positions(order []checker.Execution) []int {
	type operation struct{ client, seq uint64 }
	at := make(map[operation]int, len(s.history))
	for i := range s.history {
		at[operation{s.history[i].Client, s.history[i].Seq}] = i
	}
	out := make([]int, 0, len(order))
	for _, e := range order {
		if i, ok := at[operation{e.Client, e.Seq}]; ok {
			out = append(out, i)
		}
	}
	return out
}

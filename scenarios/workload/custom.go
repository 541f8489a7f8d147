package workload

import (
	"errors"
	"fmt"
	"time"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/sim"
)

// Custom is a user's own application: a state machine, the operations clients choose from, and the model that judges their
// answers. All fields are needed (see Validate). A Custom must not be changed once it is in use, and its functions must depend on their
// arguments alone.
type Custom struct {
	AppName string // one word of letters, digits, '-', '_' and '.'
	Machine func() statemachine.StateMachine
	Choices []Choice
	Model   checker.Model // checker.PorcupineModel makes one of a Porcupine model
}

// Choice is an operation of a Custom application.
type Choice struct {
	Text   string // as in seed files: "add", "read"; no two may be equal, and see Validate
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
	notes   []customNote // of the history's operations
	last    []int        // by client: position of its last operation, -1 for none
	clock   uint64       // orders invocations and answers, finer than steps
	count   Operations
}

// customNote is what is known of an operation besides its place in the history.
type customNote struct {
	choice   int32
	step     uint64 // of the answer, or else of the invocation
	executed bool
	answer   []byte // of the first execution
}

// Reset implements Session.
func (s *customSession) Reset(p Plan) error {
	weights, err := s.app.check()
	if err != nil {
		return err
	}
	s.weights = weights
	s.history, s.notes, s.clock, s.count = s.history[:0], s.notes[:0], 0, Operations{}
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

// Finals implements Session: the write must complete.
func (s *customSession) Finals() (owed, brisk uint64) { return 1, 1 + uint64(len(s.app.Choices)) }

// Lapse implements Session.
func (s *customSession) Lapse(int64) time.Duration { return 0 }

// Chosen implements Session.
func (s *customSession) Chosen(uint64, int64) {}

// Invoke implements Session.
func (s *customSession) Invoke(client, seq uint64, choice int64, step uint64, dst []byte) (command []byte, err error) {
	if err := s.app.CheckChoice(Plan{}, choice); err != nil {
		return nil, err
	}
	c := &s.app.Choices[choice-1]
	defer s.guard(&err, "Command", c)
	command, input := c.Command(dst, client, seq)
	s.clock++
	s.last[client] = len(s.history)
	s.history = append(s.history, checker.GenericOperation{Client: client, Seq: seq, Input: input, Invoke: s.clock, Return: checker.NoReturn})
	s.notes = append(s.notes, customNote{choice: int32(choice), step: step})
	s.count.Invoked++
	return command, nil
}

// Complete implements Session.
func (s *customSession) Complete(client, seq, step, _ uint64, result []byte) error {
	s.count.Completed++
	at := s.find(client, seq)
	if at < 0 {
		return fmt.Errorf("workload: c%d#%d completed but was never invoked", client, seq)
	}
	output, err := s.output(at, result)
	if errors.As(err, new(*ApplicationError)) {
		return err
	} else if err != nil {
		return fmt.Errorf("%s: answer %x: %w", s.Describe(nil, client, seq), result, err)
	}
	s.clock++
	s.history[at].Output, s.history[at].Return = output, s.clock
	s.notes[at].step = step
	return nil
}

// output reads an answer as the application does.
func (s *customSession) output(at int, result []byte) (output any, err error) {
	c := &s.app.Choices[s.notes[at].choice-1]
	defer s.guard(&err, "Output", c)
	return c.Output(result)
}

// guard makes an error of a panic of a choice's function.
func (s *customSession) guard(err *error, function string, c *Choice) {
	if p := recover(); p != nil {
		*err = &ApplicationError{s.app.AppName, fmt.Sprintf("%s of choice %q panicked: %v", function, c.Text, p)}
	}
}

// Executed implements Executor. That all servers give the same answer is judged elsewhere, by the hashes of their states.
func (s *customSession) Executed(client, seq uint64, result []byte) {
	if at := s.find(client, seq); at >= 0 && !s.notes[at].executed {
		s.notes[at].executed = true
		s.notes[at].answer = append([]byte(nil), result...)
	}
}

// Interpret implements Interpreter.
func (s *customSession) Interpret(dst []byte, client, seq uint64, result []byte) []byte {
	if at := s.find(client, seq); at >= 0 {
		if output, err := s.output(at, result); err == nil {
			return fmt.Appendf(dst, "%v", output)
		}
	}
	return dst
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

// Asked implements Session.
func (s *customSession) Asked(uint64, uint64) client.ReadKind { return client.ReadLog }

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
		dst = s.app.AppendChoice(append(dst, ' '), int64(s.notes[at].choice))
	}
	return dst
}

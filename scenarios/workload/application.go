// Package workload holds what a simulated cluster is used for: the application that is replicated, and the clients that use it.
//
// An Application is a state machine with the operations clients ask of it and the judge of their answers. The KV map is the
// one of the house; a user's own takes its place in any scenario.
package workload

import (
	"fmt"
	"time"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/sim"
)

// Application is what a cluster replicates. Implementations hold no state of a run.
type Application interface {
	// Name is one word, as in options: "kv".
	Name() string
	// NewMachine returns a state machine in its initial state. Each server has its own.
	NewMachine() statemachine.StateMachine
	// AppendChoice and ParseChoice print and parse which operation a client chose: a positive number below 2^62 whose
	// meaning is the application's. ParseChoice(AppendChoice(c)) gives c back for every choice a Session can draw.
	AppendChoice(dst []byte, choice int64) []byte
	ParseChoice(s string) (int64, error)
	// CheckChoice says what is wrong with a choice in a run of this plan: it may have been written by hand, or for another plan.
	CheckChoice(p Plan, choice int64) error
	// NewSession returns the memory of one run. It is used for many runs, each begun by Reset.
	NewSession() Session
}

// Plan is the part of a case's options that shapes operations.
type Plan struct {
	Clients int
	Keys    int
	Classes []string  // by key, the application's own names; the last one repeats
	Hot     sim.Ratio // of operations that go to key 0
	Reads   Reads
	// Monotonic: clients name the newest state they know of when they ask for a stale read.
	Monotonic bool
	// FinalReads: a run ends with reads of every kind by every client, and with reads asked of every server.
	FinalReads bool
	// LockTTL is how much log time an owner of locks may be silent.
	LockTTL time.Duration
}

// Reads says by which ways operations that change nothing get their answers: weights of the kinds of reads. The zero value is:
// all through the log.
type Reads struct{ Log, Leader, Lease, Follower, Stale, Sequential uint64 }

// draw chooses a kind.
func (r Reads) draw(w *sim.Words) client.ReadKind {
	weights := [...]uint64{
		client.ReadLog: r.Log, client.ReadLeader: r.Leader, client.ReadLease: r.Lease,
		client.ReadFollower: r.Follower, client.ReadStale: r.Stale,
		client.ReadSequential: r.Sequential,
	}
	sum := uint64(0)
	for _, weight := range weights {
		sum += weight
	}
	if sum == 0 {
		return client.ReadLog
	}
	at := w.Below(sum)
	for kind, weight := range weights {
		if at < weight {
			return client.ReadKind(kind)
		}
		at -= weight
	}
	panic("workload: the weights of the kinds of reads do not add up")
}

// Session is an application's memory of one run: what was asked, what was answered.
type Session interface {
	Reset(p Plan) error
	// Draw chooses an operation from words; it may depend on nothing but the words and the plan.
	Draw(w *sim.Words) int64
	// Calm chooses operation k of a client in the calm world, Final operation k of the quiet end of a run. Final's number 0
	// must be a write: the run fails if it does not complete. ok is false when the client has nothing more to ask.
	Calm(client, k uint64) int64
	Final(client, k uint64) (choice int64, ok bool)
	// Finals says how many operations of the quiet end, from number 0 on, must complete, MaxFinals at most; and how many come at
	// the usual pace: those behind them come at a walk, as long as there are any. A walk should leave the log alone: what a server lacks
	// shows where nothing new is sent to it.
	Finals() (owed, brisk uint64)
	// Lapse returns how much longer than usual a client waits before it begins what it chose: 0 for most.
	Lapse(choice int64) time.Duration
	// Chosen notes that a client, whose operations are over if its window is one, does nothing until it begins its choice. Not called
	// for Final's.
	Chosen(client uint64, choice int64)
	// Read says by which way the answer of a choice is to come: ReadLog for everything that changes something.
	Read(choice int64) client.ReadKind
	// Invoke notes that operation seq begins and appends its command to dst.
	Invoke(client, seq uint64, choice int64, step uint64, dst []byte) ([]byte, error)
	// Complete notes the answer, given by a server that had applied the log up to index. An error means that the answer makes
	// no sense for the operation.
	Complete(client, seq uint64, step, index uint64, result []byte) error
	// Asked says by which way the answer of an operation that was invoked comes: ReadLog for what has an entry in the log. Kinds that
	// promise the same need not be told apart.
	Asked(client, seq uint64) client.ReadKind
	// ClocksBroken notes that from now on clocks are worse than the bound declared: the answers of lease reads are void.
	ClocksBroken()
	// Abandon notes that the outcome stays unknown.
	Abandon(client, seq uint64, step uint64)
	// Judge decides whether the answers are what a single copy would have given. order is the order in which commands took
	// effect; budget bounds the steps of any search, per part of the history.
	Judge(order []checker.Execution, budget uint64) Judgement
	// Operations returns how many were invoked, completed and abandoned.
	Operations() Operations
	// Describe appends one line about an operation.
	Describe(dst []byte, client, seq uint64) []byte
}

// Executor is a Session that wants to know what commands were answered when they were executed, whether or not a client heard it.
type Executor interface {
	// Executed: a server's state machine gave this answer to a command. Every server says so, again when it restarts.
	Executed(client, seq uint64, result []byte)
}

// Interpreter is a Session that can say an answer in words.
type Interpreter interface {
	// Interpret appends the answer to an operation in words, or changes nothing if it cannot.
	Interpret(dst []byte, client, seq uint64, result []byte) []byte
}

// ApplicationError says that an application's own code failed: nothing about the system under test is known then.
type ApplicationError struct{ Application, Problem string }

func (e *ApplicationError) Error() string {
	return fmt.Sprintf("application %s: %s", e.Application, e.Problem)
}

// MaxFinals bounds Session.Finals.
const MaxFinals = 16

// Operations counts operations.
type Operations struct{ Invoked, Completed, Abandoned uint64 }

// Judgement is what a session found.
type Judgement struct {
	Violations    []checker.Violation
	Observations  []checker.Violation // out of the contract: worth knowing, and no violations
	Inconclusive  uint64              // parts of the history that no stage could decide
	Undecided     string              // why, in one line; "" where there is nothing to say
	Contradiction string              // two stages disagree: the harness is broken; "" if not
	Broken        string              // the application's own code (its model, say) cannot do its work; "" if it can
	Stages        Stages
	Locks         LockCounts // of the lock service
}

// Stages counts parts of the history (keys, for the map) by what each stage of the check said of them.
type Stages struct {
	Parts                                          uint64
	WitnessYes, WitnessNo                          uint64
	PorcupineYes, PorcupineNo, PorcupineUnknown    uint64
	PorcupineSteps                                 uint64
	OperationsJudged, OperationsDroppedAsUnnoticed uint64
	CurrentReads, StaleReads, SequentialReads      uint64 // completed without an entry of the log
	OutOfContractReads                             uint64 // of the current ones
}

// Add adds o to s.
func (s *Stages) Add(o Stages) {
	s.Parts += o.Parts
	s.WitnessYes += o.WitnessYes
	s.WitnessNo += o.WitnessNo
	s.PorcupineYes += o.PorcupineYes
	s.PorcupineNo += o.PorcupineNo
	s.PorcupineUnknown += o.PorcupineUnknown
	s.PorcupineSteps += o.PorcupineSteps
	s.OperationsJudged += o.OperationsJudged
	s.OperationsDroppedAsUnnoticed += o.OperationsDroppedAsUnnoticed
	s.CurrentReads += o.CurrentReads
	s.StaleReads += o.StaleReads
	s.SequentialReads += o.SequentialReads
	s.OutOfContractReads += o.OutOfContractReads
}

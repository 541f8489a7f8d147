package workload

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"raftsim/checker"
	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/sim"
)

// KV is the replicated map as an application. Values are unique, so that every read says which write it saw: an 8-byte word of
// (client, sequence), which also serves as the tombstone of a delete. Keys have classes, so that histories are easy or hard to
// judge in known ways.
type KV struct{}

// Classes of keys: which operations their clients use.
const (
	ClassRegister = "register" // get, put, delete
	ClassCAS      = "cas"      // get, put, compare-and-set
	ClassAppend   = "append"   // get, append, now and then a put that bounds the value
	ClassMixed    = "mixed"    // all
)

// operationsOf returns the operations of a class with weights of 8 in all.
func operationsOf(class string) [8]statemachine.Op {
	const get, put, del, cas, app = statemachine.OpGet, statemachine.OpPut, statemachine.OpDelete, statemachine.OpCAS, statemachine.OpAppend
	switch class {
	case ClassCAS:
		return [8]statemachine.Op{get, get, get, put, cas, cas, cas, cas}
	case ClassAppend:
		return [8]statemachine.Op{get, get, get, app, app, app, app, put}
	case ClassMixed:
		return [8]statemachine.Op{get, get, get, put, del, cas, cas, app}
	}
	return [8]statemachine.Op{get, get, get, get, put, put, put, del}
}

// KnownClass reports whether class is one of the classes.
func KnownClass(class string) bool {
	return class == ClassRegister || class == ClassCAS || class == ClassAppend || class == ClassMixed
}

// Name implements Application.
func (KV) Name() string { return "kv" }

// NewMachine implements Application.
func (KV) NewMachine() statemachine.StateMachine { return statemachine.NewKV() }

// NewSession implements Application.
func (KV) NewSession() Session { return new(kvSession) }

// A choice is 1 + op + 8*read + 64*key, read being the kind of read of a get.
func choose(op statemachine.Op, key int) int64 { return chooseRead(op, client.ReadLog, key) }

func chooseRead(op statemachine.Op, read client.ReadKind, key int) int64 {
	return 1 + int64(op) + 8*int64(read) + 64*int64(key)
}

func chosen(choice int64) (op statemachine.Op, read client.ReadKind, key uint64) {
	return statemachine.Op((choice - 1) % 8), client.ReadKind((choice - 1) / 8 % 8), uint64(choice-1) / 64
}

func opNames() [6]string { return [6]string{"", "get", "put", "delete", "cas", "append"} }

// AppendChoice implements Application: "put k1", "get k0", "get-lease k2".
func (KV) AppendChoice(dst []byte, choice int64) []byte {
	op, read, key := chosen(choice)
	name := "none"
	if names := opNames(); int(op) < len(names) && op > 0 {
		name = names[op]
	}
	dst = append(dst, name...)
	if read != client.ReadLog {
		dst = append(append(dst, '-'), read.String()...)
	}
	return strconv.AppendUint(append(dst, " k"...), key, 10)
}

// ParseChoice implements Application.
func (KV) ParseChoice(s string) (int64, error) {
	word, key, ok := strings.Cut(s, " k")
	word, way, special := strings.Cut(word, "-")
	read := client.ReadLog
	if special {
		at := slices.Index(client.ReadKindNames(), way)
		ok = ok && word == "get" && at > 0
		read = client.ReadKind(max(at, 0))
	}
	n, err := strconv.ParseUint(key, 10, 32)
	if ok && err == nil && word != "" {
		for op, name := range opNames() {
			if name == word {
				return chooseRead(statemachine.Op(op), read, int(n)), nil
			}
		}
	}
	return 0, fmt.Errorf("%q is no operation: write get, put, delete, cas or append and a key, like: put k1; or a read that is not in the log, like: get-leader k1 (leader, lease, follower, stale, sequential)", s)
}

// CheckChoice implements Application. Any operation may be done on any key, whatever the key's class; only draws keep to it.
func (KV) CheckChoice(p Plan, choice int64) error {
	op, read, key := chosen(choice)
	if choice < 1 || op < statemachine.OpGet || op > statemachine.OpAppend || read > client.ReadSequential ||
		op != statemachine.OpGet && read != client.ReadLog || key >= uint64(p.Keys) {
		return fmt.Errorf("operation %s: there are keys k0..k%d", KV{}.AppendChoice(nil, choice), p.Keys-1)
	}
	return nil
}

type kvSession struct {
	plan    Plan
	history checker.History
	checker checker.Checker
	seen    []checker.Seen // by client and key: what the client last knew the key to be
	count   Operations
	leases  []asked // lease reads under way

	clocksBroken bool
}

// asked names an operation.
type asked struct{ client, seq uint64 }

// Reset implements Session.
func (s *kvSession) Reset(p Plan) error {
	if p.Keys < 1 || len(p.Classes) == 0 {
		return fmt.Errorf("workload: the map needs at least one key and one class, not %d and %d", p.Keys, len(p.Classes))
	}
	for _, c := range p.Classes {
		if !KnownClass(c) {
			return fmt.Errorf("unknown class of keys %q: one of register, cas, append, mixed", c)
		}
	}
	s.plan = p
	s.history.Reset()
	s.count = Operations{}
	s.leases, s.clocksBroken = s.leases[:0], false
	n := (p.Clients + 1) * p.Keys
	for len(s.seen) < n {
		s.seen = append(s.seen, checker.Seen{})
	}
	for i := range s.seen {
		s.seen[i] = checker.Seen{Value: s.seen[i].Value[:0]}
	}
	return nil
}

func (s *kvSession) operations(key int) [8]statemachine.Op {
	return operationsOf(s.plan.Classes[min(key, len(s.plan.Classes)-1)])
}

// Draw implements Session: one word for the key, one for hot or not, one for the operation, one for the kind of read.
func (s *kvSession) Draw(w *sim.Words) int64 {
	hot := w.Chance(s.plan.Hot)
	key := int(w.Below(uint64(s.plan.Keys)))
	if hot {
		key = 0
	}
	ops := s.operations(key)
	op, read := ops[w.Below(8)], s.plan.Reads.draw(w)
	if op != statemachine.OpGet {
		read = client.ReadLog
	}
	return chooseRead(op, read, key)
}

// Read implements Session.
func (s *kvSession) Read(choice int64) client.ReadKind {
	_, read, _ := chosen(choice)
	return read
}

// Calm implements Session: clients go round the keys, writing every other time.
func (s *kvSession) Calm(client, k uint64) int64 {
	key := int((client + k/2) % uint64(s.plan.Keys))
	if k%2 == 0 {
		ops := s.operations(key)
		return choose(ops[4+(client+k/2)%4], key)
	}
	return choose(statemachine.OpGet, key)
}

// finalWays are the ways in which every client reads at the end of a run.
func finalWays() [finalWaysCount]client.ReadKind {
	return [finalWaysCount]client.ReadKind{client.ReadLeader, client.ReadFollower, client.ReadLease, client.ReadLog, client.ReadStale, client.ReadSequential}
}

const finalWaysCount = 6

// visitors is how many clients go on reading after that, each asking one server after the other, visits times at most.
const visitors, visits = 2, 200

// Final implements Session: a write, a read of each kind, a read of every key, and from some clients reads of all servers in turn.
func (s *kvSession) Final(id, k uint64) (int64, bool) {
	keys, ways := uint64(s.plan.Keys), uint64(0)
	if s.plan.FinalReads {
		ways = finalWaysCount
	}
	switch key := int((id + k) % keys); {
	case k == 0:
		return choose(statemachine.OpPut, int(id%keys)), true
	case k <= ways:
		return chooseRead(statemachine.OpGet, finalWays()[(id+k)%ways], key), true
	case k <= ways+keys:
		return choose(statemachine.OpGet, int(k-ways-1)), true
	case ways > 0 && id <= visitors && k <= ways+keys+visits:
		return chooseRead(statemachine.OpGet, client.ReadFollower, key), true
	}
	return 0, false
}

// Finals implements Session: the write and a read of each kind must complete, and visits are at a walk.
func (s *kvSession) Finals() (owed, brisk uint64) {
	owed = 1
	if s.plan.FinalReads {
		owed += finalWaysCount
	}
	return owed, owed + uint64(s.plan.Keys)
}

// uniqueWord is different for all operations of all clients and never 0.
func uniqueWord(client, seq uint64) uint64 { return client<<clientShift | seq }

const clientShift = 40

// Lapse implements Session.
func (s *kvSession) Lapse(int64) time.Duration { return 0 }

// Chosen implements Session.
func (s *kvSession) Chosen(uint64, int64) {}

// Invoke implements Session.
func (s *kvSession) Invoke(id, seq uint64, choice int64, step uint64, dst []byte) ([]byte, error) {
	if err := (KV{}).CheckChoice(s.plan, choice); err != nil {
		return nil, err
	}
	op, read, key := chosen(choice)
	var word [8]byte
	binary.BigEndian.PutUint64(word[:], uniqueWord(id, seq))
	in := checker.Invocation{Client: id, Seq: seq, Key: key, Step: step}
	switch read {
	case client.ReadLog:
	case client.ReadStale:
		in.Read, in.Session = checker.ReadStale, s.plan.Monotonic
	case client.ReadSequential:
		in.Read, in.Session = checker.ReadSequential, true
	default:
		in.Read = checker.ReadCurrent
		if read == client.ReadLease {
			s.leases = append(s.leases, asked{id, seq})
		}
	}
	switch op {
	case statemachine.OpGet:
		in.Kind = checker.OpGet
		dst = statemachine.AppendGet(dst, key)
	case statemachine.OpPut:
		in.Kind, in.Value = checker.OpPut, word[:]
		dst = statemachine.AppendPut(dst, key, word[:])
	case statemachine.OpDelete:
		in.Kind, in.Tombstone = checker.OpDelete, uniqueWord(id, seq)
		dst = statemachine.AppendDelete(dst, key, in.Tombstone)
	case statemachine.OpCAS:
		in.Kind, in.Value, in.Expect = checker.OpCAS, word[:], *s.known(id, key)
		dst = statemachine.AppendCAS(dst, key, cellOf(in.Expect), word[:])
	case statemachine.OpAppend:
		in.Kind, in.Value = checker.OpAppend, word[:]
		dst = statemachine.AppendAppend(dst, key, word[:])
	}
	s.count.Invoked++
	return dst, s.history.Invoke(in)
}

// known is what the client last saw of a key, or wrote to it itself.
func (s *kvSession) known(client, key uint64) *checker.Seen {
	return &s.seen[client*uint64(s.plan.Keys)+key]
}

func cellOf(s checker.Seen) statemachine.Cell {
	return statemachine.Cell{Present: s.Present, Value: s.Value, Tombstone: s.Tombstone}
}

// Complete implements Session.
func (s *kvSession) Complete(id, seq, step, index uint64, result []byte) error {
	s.count.Completed++
	op := s.history.Lookup(id, seq)
	if op == nil {
		return fmt.Errorf("workload: c%d#%d completed but was never invoked", id, seq)
	}
	r, err := statemachine.DecodeResult(result)
	if err != nil {
		return fmt.Errorf("c%d#%d: answer %x: %w", id, seq, result, err)
	}
	out := checker.Completion{Client: id, Seq: seq, Step: step, ReadAt: index}
	out.OutOfContract = s.takeLease(id, seq) && s.clocksBroken
	switch {
	case r.Kind == statemachine.ResultOK && op.Kind != checker.OpGet:
		out.Swapped = op.Kind == checker.OpCAS
		s.learnOwn(id, seq, op)
	case r.Kind == statemachine.ResultFailed && op.Kind == checker.OpCAS,
		(r.Kind == statemachine.ResultFound || r.Kind == statemachine.ResultMissing) && op.Kind == checker.OpGet:
		out.Seen = checker.Seen{Present: r.Cell.Present, Value: r.Cell.Value, Tombstone: r.Cell.Tombstone}
		k := s.known(id, op.Key)
		*k = checker.Seen{Present: r.Cell.Present, Value: append(k.Value[:0], r.Cell.Value...), Tombstone: r.Cell.Tombstone}
	default:
		return fmt.Errorf("c%d#%d: a %v was answered with a result of kind %d", id, seq, op.Kind, r.Kind)
	}
	return s.history.Return(out)
}

// learnOwn notes what a completed write left, where the client can know it: others may have written since.
func (s *kvSession) learnOwn(client, seq uint64, op *checker.Operation) {
	k := s.known(client, op.Key)
	switch op.Kind {
	case checker.OpPut, checker.OpCAS:
		k.Present, k.Tombstone = true, 0
		k.Value = binary.BigEndian.AppendUint64(k.Value[:0], uniqueWord(client, seq))
	case checker.OpDelete:
		k.Present, k.Value, k.Tombstone = false, k.Value[:0], uniqueWord(client, seq)
	}
}

// Abandon implements Session.
func (s *kvSession) Abandon(id, seq, _ uint64) {
	s.count.Abandoned++
	s.takeLease(id, seq)
}

// takeLease takes an operation off the list of lease reads under way, and reports whether it was there.
func (s *kvSession) takeLease(id, seq uint64) bool {
	for i, o := range s.leases {
		if o == (asked{id, seq}) {
			s.leases = append(s.leases[:i], s.leases[i+1:]...)
			return true
		}
	}
	return false
}

// ClocksBroken implements Session.
func (s *kvSession) ClocksBroken() { s.clocksBroken = true }

// Asked implements Session.
func (s *kvSession) Asked(id, seq uint64) client.ReadKind {
	if op := s.history.Lookup(id, seq); op != nil {
		switch op.Read {
		case checker.ReadCurrent:
			return client.ReadLeader
		case checker.ReadStale:
			return client.ReadStale
		case checker.ReadSequential:
			return client.ReadSequential
		}
	}
	return client.ReadLog
}

// Operations implements Session.
func (s *kvSession) Operations() Operations { return s.count }

// Describe implements Session.
func (s *kvSession) Describe(dst []byte, client, seq uint64) []byte {
	if op := s.history.Lookup(client, seq); op != nil {
		return s.history.Describe(dst, op)
	}
	return fmt.Appendf(dst, "c%d#%d", client, seq)
}

// Judge implements Session.
func (s *kvSession) Judge(order []checker.Execution, budget uint64) Judgement {
	return JudgementOf(s.checker.Check(&s.history, order, budget))
}

// JudgementOf sums up what a check of a history found, key by key.
func JudgementOf(r *checker.Report) Judgement {
	j := Judgement{Violations: r.Violations, Observations: r.Observations}
	j.Stages = Stages{
		CurrentReads: uint64(r.CurrentReads), StaleReads: uint64(r.StaleReads), SequentialReads: uint64(r.SequentialReads), OutOfContractReads: uint64(r.OutOfContractReads),
		Parts: uint64(len(r.Keys)), WitnessYes: uint64(r.WitnessYes), WitnessNo: uint64(r.WitnessNo),
		PorcupineYes: uint64(r.SearchLegal), PorcupineNo: uint64(r.SearchIllegal), PorcupineUnknown: uint64(r.SearchUnknown),
		PorcupineSteps: r.Steps,
	}
	for i := range r.Keys {
		k := &r.Keys[i]
		j.Stages.OperationsJudged += uint64(k.Operations)
		j.Stages.OperationsDroppedAsUnnoticed += uint64(k.Dropped)
		if k.Verdict == checker.Inconclusive {
			j.Inconclusive++
		}
	}
	if err := r.Err(); err != nil {
		j.Contradiction = err.Error()
	}
	return j
}

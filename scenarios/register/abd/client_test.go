package abd

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
)

// talk is a client and what it does, as text.
type talk struct {
	t testing.TB
	Client
	now int64
	out []string
}

func newTalk(t testing.TB, replicas int) *talk {
	k := &talk{t: t}
	c := ClientConfig{ID: 7, AttemptTimeout: 10, OperationTimeout: 35}
	for i := range replicas {
		c.Replicas = append(c.Replicas, uint64(i+1))
	}
	if err := k.Reset(c); err != nil {
		t.Fatal(err)
	}
	return k
}

// Send implements Env.
func (k *talk) Send(to uint64, m *Message) {
	k.out = append(k.out, fmt.Sprintf("n%d: %s", to, m.AppendText(nil)))
}

// Chosen implements Env.
func (k *talk) Chosen(operation uint64, v Timestamp) {
	k.out = append(k.out, fmt.Sprintf("#%d takes %s", operation, v.AppendText(nil)))
}

// Completed implements Env.
func (k *talk) Completed(operation uint64, v Version, how Course) {
	k.out = append(k.out, fmt.Sprintf("#%d done %s %+v", operation, v.AppendText(nil), how))
}

// Abandoned implements Env.
func (k *talk) Abandoned(operation uint64) {
	k.out = append(k.out, fmt.Sprintf("#%d given up", operation))
}

func (k *talk) answer(from uint64, operation, counter, writer, value uint64) {
	k.HandleMessage(k.now, from, &Message{Answer, 7, operation, 0, Version{Timestamp{counter, writer}, value}}, k)
}

func (k *talk) stored(from, operation uint64) {
	k.HandleMessage(k.now, from, &Message{Kind: Stored, Client: 7, Operation: operation}, k)
}

// says compares what the client did since the last call.
func (k *talk) says(want ...string) {
	k.t.Helper()
	if got, want := strings.Join(k.out, "\n"), strings.Join(want, "\n"); got != want {
		k.t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	k.out = nil
}

// A write asks a majority for timestamps, takes one above all of them, and is done when a majority has its version.
func TestWrite(t *testing.T) {
	k := newTalk(t, 3)
	k.Write(0, 1, 0, 70, k)
	k.says("n1: query c7#1 k0", "n2: query c7#1 k0", "n3: query c7#1 k0")
	k.answer(1, 1, 4, 9, 49)
	k.answer(3, 1, 4, 2, 42)
	k.says("#1 takes 5.7", "n1: store c7#1 k0 5.7=70", "n2: store c7#1 k0 5.7=70", "n3: store c7#1 k0 5.7=70")
	k.answer(2, 1, 8, 8, 88) // too late: it is not in the majority that was asked
	k.stored(2, 1)
	k.says()
	k.stored(1, 1)
	k.says("#1 done 5.7=70 {WroteBack:false Disagreed:true}")
	if k.Busy() || k.Deadline() != math.MaxInt64 || k.Stats() != (ClientStats{Completed: 1, Late: 1}) {
		t.Errorf("%v %d %+v", k.Busy(), k.Deadline(), k.Stats())
	}
}

// A read returns at once what all of a majority have, and otherwise brings the highest version to a majority first.
func TestRead(t *testing.T) {
	k := newTalk(t, 5)
	k.Read(0, 1, 0, k)
	k.out = nil
	k.answer(1, 1, 4, 9, 49)
	k.answer(5, 1, 4, 9, 49)
	k.answer(3, 1, 4, 9, 49)
	k.says("#1 done 4.9=49 {WroteBack:false Disagreed:false}")

	k.Read(0, 2, 0, k)
	k.out = nil
	k.answer(1, 2, 4, 2, 42)
	k.answer(2, 2, 4, 9, 49)
	k.answer(3, 2, 4, 2, 42)
	k.says("n1: store c7#2 k0 4.9=49", "n2: store c7#2 k0 4.9=49", "n3: store c7#2 k0 4.9=49", "n4: store c7#2 k0 4.9=49", "n5: store c7#2 k0 4.9=49")
	k.stored(1, 2)
	k.stored(4, 2)
	k.stored(5, 2)
	k.says("#2 done 4.9=49 {WroteBack:true Disagreed:true}")

	k.Read(0, 3, 0, k)
	k.out = nil
	for from := range uint64(3) {
		k.answer(from+1, 3, 0, 0, 0)
	}
	k.says("#3 done none {WroteBack:false Disagreed:false}")
}

// One replica is a majority of one; two need both.
func TestSmallMajorities(t *testing.T) {
	for n, want := range []int{1, 1, 2, 2, 3, 3, 4, 4} {
		if got := Majority(n); got != want {
			t.Errorf("of %d: %d", n, got)
		}
	}
	k := newTalk(t, 1)
	k.Write(0, 1, 0, 70, k)
	k.answer(1, 1, 0, 0, 0)
	k.stored(1, 1)
	k.says("n1: query c7#1 k0", "#1 takes 1.7", "n1: store c7#1 k0 1.7=70", "#1 done 1.7=70 {WroteBack:false Disagreed:false}")
}

// Repeated, misdirected and outdated answers count for nothing.
func TestAnswersCountOnce(t *testing.T) {
	k := newTalk(t, 3)
	k.Read(0, 1, 0, k)
	k.out = nil
	k.answer(1, 1, 4, 9, 49)
	k.answer(1, 1, 4, 9, 49) // doubled
	k.answer(2, 0, 4, 9, 49) // of another operation
	k.stored(2, 1)           // of another phase
	k.answer(4, 1, 4, 9, 49) // of nobody it knows
	k.says()
	if k.Stats().Late != 4 {
		t.Errorf("%+v", k.Stats())
	}
}

// Who has not answered is asked again; at its deadline an operation is given up, and its timestamp is never taken again.
func TestRepeatsAndGivingUp(t *testing.T) {
	k := newTalk(t, 3)
	k.Write(0, 1, 0, 70, k)
	k.answer(1, 1, 0, 0, 0)
	k.answer(2, 1, 0, 0, 0)
	k.stored(2, 1)
	k.out = nil
	if k.Deadline() != 10 {
		t.Errorf("deadline %d", k.Deadline())
	}
	k.Tick(9, k)
	k.says()
	k.Tick(10, k)
	k.says("n1: store c7#1 k0 1.7=70", "n3: store c7#1 k0 1.7=70")
	k.Tick(20, k)
	k.Tick(30, k)
	k.out = nil
	if k.Deadline() != 35 {
		t.Errorf("deadline %d", k.Deadline())
	}
	k.Tick(36, k)
	k.says("#1 given up")
	// Nobody of the next majority has heard of it.
	k.now = 40
	k.Write(k.now, 2, 0, 71, k)
	k.out = nil
	k.answer(1, 2, 0, 0, 0)
	k.answer(3, 2, 0, 0, 0)
	k.says("#2 takes 2.7", "n1: store c7#2 k0 2.7=71", "n2: store c7#2 k0 2.7=71", "n3: store c7#2 k0 2.7=71")
	if k.Stats() != (ClientStats{Abandoned: 1, Repeats: 6}) {
		t.Errorf("%+v", k.Stats())
	}
	k.SetOperationTimeout(0)
	if k.Deadline() != 50 {
		t.Errorf("deadline %d", k.Deadline())
	}
}

func TestWrongClients(t *testing.T) {
	var c Client
	for _, bad := range []ClientConfig{
		{}, {ID: 1, AttemptTimeout: 1}, {ID: 1, Replicas: []uint64{1}}, {Replicas: []uint64{1}, AttemptTimeout: 1},
		{ID: 1, Replicas: make([]uint64, 65), AttemptTimeout: 1}, {ID: 1, Replicas: []uint64{1}, AttemptTimeout: 1, OperationTimeout: -time.Second},
	} {
		if c.Reset(bad) == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("two operations at a time were accepted")
		}
	}()
	k := newTalk(t, 1)
	k.Read(0, 1, 0, k)
	k.Read(0, 2, 0, k)
}

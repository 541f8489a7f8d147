package workload

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"raftsim/raft/client"
	"raftsim/raft/statemachine"
	"raftsim/raft/statemachine/lock"
	"raftsim/sim"
)

// Lock is the lock service as an application. Its clients do what the recipe says: make a child, renew while they wait, read the
// children again when their watch has fired, write with their token while they hold the lock, release it. What is drawn is not a
// command but an intent, since the command depends on where in the recipe the client is.
//
// A client believes that it holds a lock from the answer that shows its child as the first until it releases the lock or is told
// otherwise. It does not look at its clock, so its belief may outlast its lease: two may believe at a time, which is no error of the
// service. That the old one's writes are refused once the new one has written is what the service owes.
type Lock struct{}

// intent is what a client is about to do.
type intent uint8

const (
	intentStep    intent = iota + 1 // what the recipe says next
	intentRelease                   // give the lock up, if it holds it; else as step
	intentStall                     // do nothing for two TTLs, then go on believing what it believed
	intentDie                       // do nothing for two TTLs, then begin a new life
	intentLook                      // read the children, as somebody else
	intentRead                      // read the protected resource
)

func intentNames() [7]string {
	return [7]string{"none", "step", "release", "stall", "die", "look", "read"}
}

// Name implements Application.
func (Lock) Name() string { return "lock" }

// NewMachine implements Application.
func (Lock) NewMachine() statemachine.StateMachine { return lock.New() }

// NewSession implements Application.
func (Lock) NewSession() Session { return new(lockSession) }

// A choice is 1 + intent + 8*read + 64*lock, read being the kind of read of look and read. The lock of the others counts for a client
// that wants none yet.
func chooseLock(i intent, read client.ReadKind, number int) int64 {
	return 1 + int64(i) + 8*int64(read) + 64*int64(number)
}

func chosenLock(choice int64) (i intent, read client.ReadKind, number uint64) {
	return intent((choice - 1) % 8), client.ReadKind((choice - 1) / 8 % 8), uint64(choice-1) / 64
}

// AppendChoice implements Application: "step k1", "look-leader k0".
func (Lock) AppendChoice(dst []byte, choice int64) []byte {
	i, read, number := chosenLock(choice)
	name := "none"
	if names := intentNames(); int(i) < len(names) {
		name = names[i]
	}
	dst = append(dst, name...)
	if read != client.ReadLog {
		dst = append(append(dst, '-'), read.String()...)
	}
	return strconv.AppendUint(append(dst, " k"...), number, 10)
}

// ParseChoice implements Application.
func (Lock) ParseChoice(s string) (int64, error) {
	word, number, ok := strings.Cut(s, " k")
	word, way, special := strings.Cut(word, "-")
	read := client.ReadLog
	if special {
		at := slices.Index(client.ReadKindNames(), way)
		read = client.ReadKind(max(at, 0))
		ok = ok && readsLocks(read)
	}
	n, err := strconv.ParseUint(number, 10, 32)
	names := intentNames()
	i := intent(max(slices.Index(names[:], word), 0))
	if !ok || err != nil || i == 0 || special && i != intentLook && i != intentRead {
		return 0, fmt.Errorf("%q is no operation: write step, release, stall, die, look or read and a lock, like: step k1; or a read that is not in the log, like: look-leader k1 (leader, lease, follower)", s)
	}
	return chooseLock(i, read, int(n)), nil
}

// readsLocks reports whether this is a way outside the log that promises the present state.
func readsLocks(k client.ReadKind) bool {
	return k == client.ReadLeader || k == client.ReadLease || k == client.ReadFollower
}

// CheckChoice implements Application.
func (Lock) CheckChoice(p Plan, choice int64) error {
	i, read, number := chosenLock(choice)
	outside := read != client.ReadLog
	if choice < 1 || i < intentStep || i > intentRead || outside && (!readsLocks(read) || i != intentLook && i != intentRead) || number >= uint64(p.Keys) {
		return fmt.Errorf("operation %s: there are locks k0..k%d", Lock{}.AppendChoice(nil, choice), p.Keys-1)
	}
	return nil
}

// drawLock draws a choice: one word for the lock, one for hot or not, one for the intent, one for the kind of read.
func drawLock(p *Plan, w *sim.Words) int64 {
	hot := w.Chance(p.Hot)
	number := int(w.Below(uint64(p.Keys)))
	if hot {
		number = 0
	}
	i := intentRead
	at := w.Below(64)
	for _, o := range [...]struct {
		weight uint64
		intent intent
	}{{36, intentStep}, {14, intentRelease}, {2, intentStall}, {2, intentDie}, {6, intentLook}} {
		if at < o.weight {
			i = o.intent
			break
		}
		at -= o.weight
	}
	read := p.Reads.draw(w)
	if i != intentLook && i != intentRead || !readsLocks(read) {
		read = client.ReadLog
	}
	return chooseLock(i, read, number)
}

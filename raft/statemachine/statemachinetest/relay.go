package statemachinetest

import (
	"bytes"
	"fmt"

	"raftsim/raft/statemachine"
)

// relay is a replica that lives from snapshot to snapshot: after every command its state goes over to the other of two
// instances, which still holds an older one.
type relay struct {
	machine, spare statemachine.StateMachine
	buf            []byte
}

// step applies a command, compares with instances that never saw a snapshot, and hands over.
func (r *relay) step(index uint64, command, want []byte, hash uint64, others ...statemachine.StateMachine) error {
	got, err := applyCalm(r.machine, index, command)
	if err != nil {
		return fmt.Errorf("on an instance made from a snapshot: %w", err)
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("result %x, on an instance made from a snapshot %x", want, got)
	}
	if got := r.machine.Hash(); got != hash {
		return fmt.Errorf("hash %016x, of an instance made from a snapshot %016x", hash, got)
	}
	snapshot, err := r.snapshot(r.machine, hash)
	if err != nil {
		return err
	}
	for _, m := range others {
		other, err := r.snapshot(m, hash)
		if err != nil {
			return err
		}
		if !bytes.Equal(snapshot, other) {
			return fmt.Errorf("snapshots of equal states differ: %x, of an instance that itself was made from a snapshot %x", other, snapshot)
		}
	}
	if err := refuse(r.spare, snapshot); err != nil {
		return err
	}
	given := bytes.Clone(snapshot)
	if err := restore(r.spare, given); err != nil {
		return fmt.Errorf("snapshot %x: %w", snapshot, err)
	}
	if !bytes.Equal(given, snapshot) {
		return fmt.Errorf("snapshot %x: Restore wrote to it: %x", snapshot, given)
	}
	poison(given)
	if got := r.spare.Hash(); got != hash {
		return fmt.Errorf("snapshot %x: hash %016x, restored %016x", snapshot, hash, got)
	}
	again, err := r.snapshot(r.spare, hash)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, snapshot) {
		return fmt.Errorf("snapshot %x, of the restored state %x", snapshot, again)
	}
	r.machine, r.spare = r.spare, r.machine
	return nil
}

// snapshot returns a private copy of what a machine appends, which may not change it.
func (r *relay) snapshot(m statemachine.StateMachine, hash uint64) ([]byte, error) {
	snapshotter := m.(statemachine.Snapshotter)
	out, err := rough("AppendSnapshot", nil, &r.buf, func(_, dst []byte) []byte { return snapshotter.AppendSnapshot(dst) })
	if err != nil {
		return nil, err
	}
	if got := m.Hash(); got != hash {
		return nil, fmt.Errorf("AppendSnapshot changed the hash from %016x to %016x", hash, got)
	}
	return out, nil
}

// refuse damages a snapshot in a few ways. Each may be accepted, as another state; one that is refused may not change anything.
func refuse(m statemachine.StateMachine, snapshot []byte) error {
	n := len(snapshot)
	for _, bad := range [][]byte{nil, snapshot[:n/2], append(bytes.Clone(snapshot), 0), flipped(snapshot, n/3), flipped(snapshot, n-1)} {
		before, hash := m.(statemachine.Snapshotter).AppendSnapshot(nil), m.Hash()
		given := bytes.Clone(bad)
		err := restore(m, given)
		poison(given)
		if err == nil {
			continue
		}
		if _, panicked := err.(panicError); panicked {
			return fmt.Errorf("damaged snapshot %x: %w", bad, err)
		}
		if after := m.(statemachine.Snapshotter).AppendSnapshot(nil); m.Hash() != hash || !bytes.Equal(before, after) {
			return fmt.Errorf("damaged snapshot %x: refused (%w), but the state changed", bad, err)
		}
	}
	return nil
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	if at >= 0 && at < len(b) {
		b[at] ^= 0x55
	}
	return b
}

// panicError is a panic of the machine.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("machine: Restore panicked: %v", e.value) }

func restore(m statemachine.StateMachine, b []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicError{p}
		}
	}()
	return m.(statemachine.Snapshotter).Restore(b)
}

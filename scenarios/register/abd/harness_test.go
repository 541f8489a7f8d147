package abd

import (
	"fmt"
	"testing"

	"raftsim/raft/vfs"
)

// machine hosts one replica on a file system in memory: syncs are done when the test says so.
type machine struct {
	t       testing.TB
	mem     vfs.Mem
	replica *Replica
	pending []vfs.Completion
	sent    []string
	halted  error
	moments int
	dies    int // at this moment, counted from 1; 0: never
	touched int // calls after its death
}

func newMachine(t testing.TB) *machine {
	m := &machine{t: t}
	m.start()
	return m
}

func (m *machine) config() Config { return Config{FileBytes: 4 * recordSize, MaxWaiting: 3} }

func (m *machine) start() {
	m.t.Helper()
	var err error
	m.moments, m.dies, m.pending = 0, 0, nil
	if m.replica, err = Start(m.config(), &m.mem, m); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) dead() bool { return m.dies > 0 && m.moments >= m.dies }

// Moment implements Host.
func (m *machine) Moment(Moment) bool {
	m.touch()
	m.moments++
	return !m.dead()
}

// Send implements Host.
func (m *machine) Send(msg *Message) {
	m.touch()
	m.sent = append(m.sent, string(msg.AppendText(nil)))
}

// Halt implements Host.
func (m *machine) Halt(err error) {
	m.touch()
	m.halted = err
}

func (m *machine) touch() {
	if m.dead() {
		m.touched++
	}
}

// sync lets the first n syncs under way be done; -1: all there are now.
func (m *machine) sync(n int) {
	m.pending = append(m.pending, m.mem.Completions()...)
	if n < 0 {
		n = len(m.pending)
	}
	done := m.pending[:n]
	m.pending = m.pending[n:]
	for _, c := range done {
		if !m.dead() {
			m.replica.HandleSync(c.Ticket, c.Err)
		}
	}
}

// took returns what was sent since it was last called.
func (m *machine) took() string {
	text := fmt.Sprint(m.sent)
	m.sent = nil
	return text
}

func query(client, operation, key uint64) *Message {
	return &Message{Kind: Query, Client: client, Operation: operation, Key: key}
}

func store(client, operation, key, counter, writer, value uint64) *Message {
	return &Message{Kind: Store, Client: client, Operation: operation, Key: key, Version: Version{Timestamp{counter, writer}, value}}
}

func (m *machine) files() string {
	names, err := m.mem.List()
	if err != nil {
		m.t.Fatal(err)
	}
	return fmt.Sprint(names)
}

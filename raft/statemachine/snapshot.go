package statemachine

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
)

// The form of a snapshot of Sessions, numbers little endian:
//
//	"raftsess" version:1 checksum:8 (of all that follows)
//	ttl:8 applied:8 logTime:8 sessions:4, each session, in the order of ids
//	the machine's own snapshot, to the end
//
// A session is id:8 client:8 opened:8 done:8 ack:8 active:8 answers:1 waiting:1, then the answers (seq:8 length:4 bytes) and the
// waiting commands (seq:8 prev:8 length:4 bytes) in the order of numbers.
const (
	snapshotMagic   = "raftsess"
	snapshotVersion = 1

	snapshotChecksum = len(snapshotMagic) + 1
	snapshotBody     = snapshotChecksum + 8
	snapshotHeader   = snapshotBody + 3*8 + 4

	snapshotSession = 6*8 + 2 // the least a session takes
)

// Why a snapshot is not restored.
const (
	ErrSnapshotShort    = codecError("statemachine: snapshot cut short")
	ErrSnapshotFormat   = codecError("statemachine: not a snapshot of sessions, or of another version")
	ErrSnapshotChecksum = codecError("statemachine: snapshot damaged: wrong checksum")
	ErrSnapshotTTL      = codecError("statemachine: snapshot of sessions with another TTL")
	ErrSnapshotOld      = codecError("statemachine: snapshot of an earlier state than the present one")
	ErrSnapshotState    = codecError("statemachine: snapshot of a state that no log leads to")
	ErrSnapshotTrailing = codecError("statemachine: bytes after the end of the snapshot")
	ErrNoSnapshots      = codecError("statemachine: the machine has no snapshots")
)

// Snapshots reports whether the machine is a Snapshotter.
func (s *Sessions) Snapshots() bool {
	_, ok := s.machine.(Snapshotter)
	return ok
}

// AppendSnapshot appends everything that the log has led to: sessions with answers, waiting commands and last activity, log time,
// the applied index, and the machine. Equal states at one index give equal bytes, whatever led to them. A machine that is no Snapshotter
// is a panic. Cost: the size of the state, and sorting the sessions.
func (s *Sessions) AppendSnapshot(dst []byte) []byte {
	machine, ok := s.machine.(Snapshotter)
	if !ok {
		panic(fmt.Sprintf("statemachine: snapshot of a %T, which has none", s.machine))
	}
	start := len(dst)
	dst = append(append(dst, snapshotMagic...), snapshotVersion)
	dst = binary.LittleEndian.AppendUint64(dst, 0)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.ttl))
	dst = binary.LittleEndian.AppendUint64(dst, s.applied)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(s.logTime))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(s.count))

	s.order = s.order[:0]
	for slot := s.list[0].newer; slot != 0; slot = s.list[slot].newer {
		s.order = append(s.order, slot)
	}
	slices.SortFunc(s.order, func(a, b int32) int { return cmp.Compare(s.list[a].id, s.list[b].id) })
	for _, slot := range s.order {
		dst = s.list[slot].append(dst)
	}
	dst = machine.AppendSnapshot(dst)
	binary.LittleEndian.PutUint64(dst[start+snapshotChecksum:], xxhash.Sum64(dst[start+snapshotBody:]))
	return dst
}

func (c *session) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, c.id)
	dst = binary.LittleEndian.AppendUint64(dst, c.client)
	dst = binary.LittleEndian.AppendUint64(dst, c.opened)
	dst = binary.LittleEndian.AppendUint64(dst, c.done)
	dst = binary.LittleEndian.AppendUint64(dst, c.ack)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(c.active))
	dst = append(dst, byte(len(c.answers)), byte(len(c.waiting)))
	for i := range c.answers {
		dst = binary.LittleEndian.AppendUint64(dst, c.answers[i].seq)
		dst = appendBytes(dst, c.answers[i].result)
	}
	for i := range c.waiting {
		dst = binary.LittleEndian.AppendUint64(dst, c.waiting[i].seq)
		dst = binary.LittleEndian.AppendUint64(dst, c.waiting[i].prev)
		dst = appendBytes(dst, c.waiting[i].command)
	}
	return dst
}

func appendBytes(dst, b []byte) []byte {
	if uint64(len(b)) > math.MaxUint32 {
		panic(fmt.Sprintf("statemachine: snapshot of an answer or command of %d bytes", len(b)))
	}
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(b))), b...)
}

// Restore replaces everything by what a snapshot holds; Apply goes on with the entry after it. On an error nothing has
// changed, provided the machine keeps to its contract. The TTL must be that of the snapshot: replicas that differ in it would
// end sessions at different entries. A snapshot of an earlier index than the present one is refused: it would undo commands
// whose answers were given. b is not kept. Memory: O(len(b)).
func (s *Sessions) Restore(b []byte) error {
	machine, ok := s.machine.(Snapshotter)
	if !ok {
		return fmt.Errorf("%w: %T", ErrNoSnapshots, s.machine)
	}
	h, err := s.checkHeader(b)
	if err != nil {
		return err
	}
	rest, err := s.checkSessions(h)
	if err != nil {
		return err
	}
	if err := machine.Restore(rest); err != nil {
		return fmt.Errorf("statemachine: the machine's part of the snapshot: %w", err)
	}
	s.forget()
	s.applied, s.logTime = h.applied, h.logTime
	d := decoder{rest: h.rest}
	for range h.sessions {
		s.scratch.decode(&d, &h)
		s.adopt(&s.scratch)
	}
	s.scratch = session{} // what it holds belongs to the snapshot
	s.sortByActivity()
	return nil
}

// snapshotHead is the part of a snapshot before the sessions, with what follows it.
type snapshotHead struct {
	ttl      int64
	applied  uint64
	logTime  int64
	sessions int
	rest     []byte
}

func (s *Sessions) checkHeader(b []byte) (snapshotHead, error) {
	if len(b) < snapshotHeader {
		return snapshotHead{}, ErrSnapshotShort
	}
	if string(b[:len(snapshotMagic)]) != snapshotMagic || b[len(snapshotMagic)] != snapshotVersion {
		return snapshotHead{}, ErrSnapshotFormat
	}
	if binary.LittleEndian.Uint64(b[snapshotChecksum:]) != xxhash.Sum64(b[snapshotBody:]) {
		return snapshotHead{}, ErrSnapshotChecksum
	}
	d := decoder{rest: b[snapshotBody:]}
	h := snapshotHead{ttl: int64(d.uint64()), applied: d.uint64(), logTime: int64(d.uint64())}
	count := uint64(d.uint32())
	h.rest = d.rest
	switch {
	case h.ttl != s.ttl:
		return snapshotHead{}, fmt.Errorf("%w: %v, here %v", ErrSnapshotTTL, time.Duration(h.ttl), time.Duration(s.ttl))
	case h.applied < s.applied:
		return snapshotHead{}, fmt.Errorf("%w: applied to %d, here to %d", ErrSnapshotOld, h.applied, s.applied)
	case h.logTime < 0:
		return snapshotHead{}, ErrSnapshotState
	case count > uint64(len(h.rest))/snapshotSession:
		return snapshotHead{}, ErrSnapshotShort
	}
	h.sessions = int(count)
	return h, nil
}

// checkSessions looks at every session without keeping one, and returns what follows the last.
func (s *Sessions) checkSessions(h snapshotHead) (rest []byte, err error) {
	d := decoder{rest: h.rest}
	clients := make([]uint64, 0, h.sessions)
	var before uint64
	for range h.sessions {
		c := &s.scratch
		if !c.decode(&d, &h) {
			if d.short {
				return nil, ErrSnapshotShort
			}
			return nil, ErrSnapshotState
		}
		if c.id <= before {
			return nil, fmt.Errorf("%w: session %d after session %d", ErrSnapshotState, c.id, before)
		}
		before = c.id
		clients = append(clients, c.client)
	}
	slices.Sort(clients)
	for i := 1; i < len(clients); i++ {
		if clients[i] == clients[i-1] {
			return nil, fmt.Errorf("%w: client %d has two sessions", ErrSnapshotState, clients[i])
		}
	}
	return d.rest, nil
}

// decode reads one session, whose bytes alias the snapshot, and reports whether it is one that a log can lead to.
func (c *session) decode(d *decoder, h *snapshotHead) bool {
	*c = session{answers: c.answers[:0], waiting: c.waiting[:0]}
	c.id, c.client, c.opened = d.uint64(), d.uint64(), d.uint64()
	c.done, c.ack, c.active = d.uint64(), d.uint64(), int64(d.uint64())
	answers, waits := int(d.byte()), int(d.byte())
	if d.short || c.id == 0 || c.id > h.applied || c.client == 0 || c.opened == 0 ||
		c.done < c.opened || c.ack < c.opened || c.done < c.ack-1 || c.done >= c.ack && c.done-c.ack >= Window ||
		c.active < 0 || c.active > h.logTime || h.ttl > 0 && h.logTime-c.active > h.ttl ||
		answers > Window || waits > Window {
		return false
	}
	before := max(c.ack-1, c.opened)
	for range answers {
		a := answer{seq: d.uint64(), result: d.bytes()}
		if d.short || a.seq <= before || a.seq > c.done {
			return false
		}
		before = a.seq
		c.answers = append(c.answers, a)
	}
	before = c.done
	for i := range waits {
		w := waiting{seq: d.uint64(), prev: d.uint64(), command: d.bytes()}
		if d.short || w.seq <= before || w.seq-c.ack >= Window || w.prev == 0 || w.prev >= w.seq || i == 0 && w.prev <= c.done {
			return false
		}
		before = w.seq
		c.waiting = append(c.waiting, w)
	}
	return true
}

// adopt adds a copy of a decoded session, which has no hashes and whose bytes belong to the snapshot.
func (s *Sessions) adopt(from *session) {
	slot := s.add(from.client, from.id, from.opened)
	c := &s.list[slot]
	c.done, c.ack, c.active = from.done, from.ack, from.active
	for i := range from.answers {
		a := c.next()
		a.seq = from.answers[i].seq
		a.result = append(a.result[:0], from.answers[i].result...)
		a.hash = c.answerHash(a)
		s.sum += a.hash
	}
	for i := range from.waiting {
		w := &from.waiting[i]
		s.sum += c.keep(w.seq, w.prev, w.command)
	}
	s.refresh(c)
}

// sortByActivity puts the circle in order after sessions were added in the order of their ids.
func (s *Sessions) sortByActivity() {
	s.order = s.order[:0]
	for slot := s.list[0].newer; slot != 0; slot = s.list[slot].newer {
		s.order = append(s.order, slot)
	}
	slices.SortFunc(s.order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(s.list[a].active, s.list[b].active), cmp.Compare(s.list[a].id, s.list[b].id))
	})
	s.list[0].older, s.list[0].newer = 0, 0
	for _, slot := range s.order {
		s.link(slot)
	}
}

// decoder reads fields from the front of some bytes. The first failure sticks.
type decoder struct {
	rest  []byte
	short bool
}

// take returns the next n bytes, or nil when there are not as many.
func (d *decoder) take(n uint64) []byte {
	if d.short || n > uint64(len(d.rest)) {
		d.short = true
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint32() uint32 {
	if b := d.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) uint64() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// bytes reads a length and as many bytes.
func (d *decoder) bytes() []byte { return d.take(uint64(d.uint32())) }

package lock

import "encoding/binary"

// Status is what became of a command.
type Status uint8

const (
	StatusInvalid  Status = iota // no command
	StatusListed                 // the children of the lock
	StatusAlive                  // renewed
	StatusGone                   // there is no such owner: it has expired, or never was
	StatusReleased               // the owner has no child with that number
	StatusWritten                // the token was honoured
	StatusRefused                // the token is smaller than the largest seen, or was never given out
	StatusResource               // the protected resource
)

// Result is an answer.
type Result struct {
	Status   Status
	Now      int64    // log time at which it was made
	Own      uint64   // StatusListed: the number of the asking owner's child, 0 for none
	Children []Child  // StatusListed: in order
	Fired    []uint64 // StatusAlive: locks whose children have changed since the owner read them
	Token    uint64   // StatusRefused, StatusResource: the largest that came with a write
	Value    uint64   // StatusResource
}

// Child is one child of a lock.
type Child struct{ Number, Owner uint64 }

// DecodeResult reads the answer to a command into r, reusing its slices.
func DecodeResult(b []byte, r *Result) error {
	*r = Result{Children: r.Children[:0], Fired: r.Fired[:0]}
	if len(b) == 1 && Status(b[0]) == StatusInvalid {
		return nil
	}
	d := decoder{rest: b}
	r.Status = Status(d.byte())
	r.Now = int64(d.word())
	switch r.Status {
	case StatusListed:
		r.Own = d.word()
		for range d.count(16) {
			r.Children = append(r.Children, Child{Number: d.word(), Owner: d.word()})
		}
	case StatusAlive:
		for range d.count(8) {
			r.Fired = append(r.Fired, d.word())
		}
	case StatusRefused:
		r.Token = d.word()
	case StatusResource:
		r.Token, r.Value = d.word(), d.word()
	case StatusGone, StatusReleased, StatusWritten:
	default:
		d.bad = true
	}
	if d.bad || len(d.rest) > 0 || r.Now < 0 {
		return ErrResult
	}
	return nil
}

// decoder takes numbers off the front of bytes. Once bad, it stays so and gives zeros.
type decoder struct {
	rest []byte
	bad  bool
}

func (d *decoder) byte() byte {
	if len(d.rest) < 1 || d.bad {
		d.bad = true
		return 0
	}
	v := d.rest[0]
	d.rest = d.rest[1:]
	return v
}

func (d *decoder) word() uint64 {
	if len(d.rest) < 8 || d.bad {
		d.bad = true
		return 0
	}
	v := binary.LittleEndian.Uint64(d.rest)
	d.rest = d.rest[8:]
	return v
}

// count reads how many elements follow, of at least size bytes each: no more than there are bytes for.
func (d *decoder) count(size int) int {
	if len(d.rest) < 4 || d.bad {
		d.bad = true
		return 0
	}
	n := binary.LittleEndian.Uint32(d.rest)
	d.rest = d.rest[4:]
	if uint64(n)*uint64(size) > uint64(len(d.rest)) {
		d.bad = true
		return 0
	}
	return int(n)
}

package statemachine

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"time"
)

// EnvelopeKind is what a client wants of the log.
type EnvelopeKind uint8

// The numbers are part of the log's format.
const (
	// EnvelopeCommand carries a command of a session.
	EnvelopeCommand EnvelopeKind = 1
	// EnvelopeOpen opens a session, whose id is the index of the entry.
	EnvelopeOpen EnvelopeKind = 2
)

func (k EnvelopeKind) String() string {
	switch k {
	case EnvelopeCommand:
		return "command"
	case EnvelopeOpen:
		return "open"
	}
	return fmt.Sprintf("EnvelopeKind(%d)", uint8(k))
}

// Envelope is what the log stores for a client. Clients and their numbers count from 1; a number is used for one thing only
// in a client's life, be it a command, the opening of a session, or something the log never sees.
type Envelope struct {
	Kind   EnvelopeKind
	Client uint64
	Seq    uint64
	// Stamp is the local clock of the leader that proposed the entry, in nanoseconds. The largest one so far is log time.
	Stamp int64

	// The rest is for commands; of an opening it is zero.

	// Session is the id of the client's session.
	Session uint64
	// Prev is the number of the command before this one, or of the opening: this one is not executed before that one is, or
	// is void. 1 <= Prev < Seq.
	Prev uint64
	// Ack is the lowest number whose answer the client still wants: cached answers below it go, and what was not executed
	// below it is void and never will be. 1 <= Ack <= Seq.
	Ack     uint64
	Command []byte
}

// EnvelopeOverhead is how many bytes an envelope adds to its command at most. It is 23 while numbers are below 2^32 and the
// client's window is below 256.
const EnvelopeOverhead = wideCommand

// The layout of an envelope, little endian. The narrow one serves all but the longest-lived clusters; the wide one is marked by a bit
// of the kind and only allowed where the narrow one does not do.
//
//	         kind  stamp  client  seq  session  seq-prev  seq-ack  command
//	narrow      1      8       4    4        4         1        1
//	wide        1      8       8    8        8         8        8
//
// An opening ends after its seq.
const (
	wide          = 0x80
	narrowOpen    = 1 + 8 + 2*4
	narrowCommand = narrowOpen + 4 + 2
	wideOpen      = 1 + 8 + 2*8
	wideCommand   = wideOpen + 3*8
)

// Why an envelope does not decode.
const (
	ErrEnvelopeShort    = codecError("statemachine: envelope cut short")
	ErrEnvelopeKind     = codecError("statemachine: envelope of an unknown kind")
	ErrEnvelopeWide     = codecError("statemachine: envelope wider than it has to be")
	ErrEnvelopeClient   = codecError("statemachine: envelope without a client")
	ErrEnvelopeSeq      = codecError("statemachine: envelope without a sequence number")
	ErrEnvelopeSession  = codecError("statemachine: command without a session")
	ErrEnvelopePrev     = codecError("statemachine: command whose predecessor is not between 1 and its own number")
	ErrEnvelopeAck      = codecError("statemachine: command that acknowledges nothing, or itself")
	ErrEnvelopeTrailing = codecError("statemachine: bytes after the end of an opening")
)

// narrow reports whether the narrow layout can hold e.
func (e *Envelope) narrow() bool {
	if e.Kind != EnvelopeCommand {
		return (e.Client|e.Seq)>>32 == 0
	}
	return (e.Client|e.Seq|e.Session)>>32 == 0 && ((e.Seq-e.Prev)|(e.Seq-e.Ack))>>8 == 0
}

// AppendEnvelope appends the one encoding of e. It does not judge e: one that breaks a rule is refused by DecodeEnvelope. Of a kind other
// than EnvelopeCommand only client, seq and stamp are written.
func AppendEnvelope(dst []byte, e *Envelope) []byte {
	narrow := e.narrow()
	kind := byte(e.Kind)
	if !narrow {
		kind |= wide
	}
	dst = append(dst, kind)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(e.Stamp))
	if narrow {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Client))
		dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Seq))
		if e.Kind != EnvelopeCommand {
			return dst
		}
		dst = binary.LittleEndian.AppendUint32(dst, uint32(e.Session))
		dst = append(dst, byte(e.Seq-e.Prev), byte(e.Seq-e.Ack))
	} else {
		dst = binary.LittleEndian.AppendUint64(dst, e.Client)
		dst = binary.LittleEndian.AppendUint64(dst, e.Seq)
		if e.Kind != EnvelopeCommand {
			return dst
		}
		dst = binary.LittleEndian.AppendUint64(dst, e.Session)
		dst = binary.LittleEndian.AppendUint64(dst, e.Seq-e.Prev)
		dst = binary.LittleEndian.AppendUint64(dst, e.Seq-e.Ack)
	}
	return append(dst, e.Command...)
}

// DecodeEnvelope sets all of e from b. The command aliases b and may be empty. On an error e is unchanged. The empty entry
// of a new leader is no envelope: it gives ErrEnvelopeShort.
func DecodeEnvelope(b []byte, e *Envelope) error {
	if len(b) == 0 {
		return ErrEnvelopeShort
	}
	var client, seq, session, back, unacked uint64
	var rest []byte
	switch b[0] {
	case byte(EnvelopeCommand):
		if len(b) < narrowCommand {
			return ErrEnvelopeShort
		}
		client = uint64(binary.LittleEndian.Uint32(b[9:]))
		seq = uint64(binary.LittleEndian.Uint32(b[13:]))
		session = uint64(binary.LittleEndian.Uint32(b[17:]))
		back, unacked = uint64(b[21]), uint64(b[22])
		rest = b[narrowCommand:]
	case byte(EnvelopeCommand) | wide:
		if len(b) < wideCommand {
			return ErrEnvelopeShort
		}
		client = binary.LittleEndian.Uint64(b[9:])
		seq = binary.LittleEndian.Uint64(b[17:])
		session = binary.LittleEndian.Uint64(b[25:])
		back = binary.LittleEndian.Uint64(b[33:])
		unacked = binary.LittleEndian.Uint64(b[41:])
		rest = b[wideCommand:]
		if (client|seq|session)>>32 == 0 && (back|unacked)>>8 == 0 {
			return ErrEnvelopeWide
		}
	default:
		return decodeOpen(b, e)
	}
	switch {
	case client == 0:
		return ErrEnvelopeClient
	case seq == 0:
		return ErrEnvelopeSeq
	case session == 0:
		return ErrEnvelopeSession
	case back == 0 || back >= seq:
		return ErrEnvelopePrev
	case unacked >= seq:
		return ErrEnvelopeAck
	}
	e.Kind = EnvelopeCommand
	e.Client = client
	e.Seq = seq
	e.Stamp = int64(binary.LittleEndian.Uint64(b[1:]))
	e.Session = session
	e.Prev = seq - back
	e.Ack = seq - unacked
	e.Command = rest
	return nil
}

// decodeOpen is DecodeEnvelope for everything but commands.
func decodeOpen(b []byte, e *Envelope) error {
	var client, seq uint64
	size := narrowOpen
	switch b[0] {
	case byte(EnvelopeOpen):
		if len(b) < narrowOpen {
			return ErrEnvelopeShort
		}
		client = uint64(binary.LittleEndian.Uint32(b[9:]))
		seq = uint64(binary.LittleEndian.Uint32(b[13:]))
	case byte(EnvelopeOpen) | wide:
		size = wideOpen
		if len(b) < wideOpen {
			return ErrEnvelopeShort
		}
		client = binary.LittleEndian.Uint64(b[9:])
		seq = binary.LittleEndian.Uint64(b[17:])
		if (client|seq)>>32 == 0 {
			return ErrEnvelopeWide
		}
	default:
		return ErrEnvelopeKind
	}
	switch {
	case client == 0:
		return ErrEnvelopeClient
	case seq == 0:
		return ErrEnvelopeSeq
	case len(b) != size:
		return ErrEnvelopeTrailing
	}
	*e = Envelope{Kind: EnvelopeOpen, Client: client, Seq: seq, Stamp: int64(binary.LittleEndian.Uint64(b[1:]))}
	return nil
}

// AppendText appends the envelope's canonical line: command c5 #12 after #11 ack #12 session 3 at 1.5s: 9 bytes.
func (e *Envelope) AppendText(dst []byte) []byte {
	dst = strconv.AppendUint(append(append(dst, e.Kind.String()...), " c"...), e.Client, 10)
	dst = strconv.AppendUint(append(dst, " #"...), e.Seq, 10)
	if e.Kind == EnvelopeCommand {
		dst = strconv.AppendUint(append(dst, " after #"...), e.Prev, 10)
		dst = strconv.AppendUint(append(dst, " ack #"...), e.Ack, 10)
		dst = strconv.AppendUint(append(dst, " session "...), e.Session, 10)
	}
	dst = append(append(dst, " at "...), time.Duration(e.Stamp).String()...)
	if e.Kind == EnvelopeCommand {
		dst = fmt.Appendf(dst, ": %d bytes", len(e.Command))
	}
	return dst
}

func (e *Envelope) String() string { return string(e.AppendText(nil)) }

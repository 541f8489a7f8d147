package statemachine

import "pgregory.net/rapid"

// Few keys, short values and few tombstones, so that commands meet.

func drawValue(t *rapid.T, label string) []byte {
	return rapid.SliceOfN(rapid.ByteRange('a', 'c'), 0, 3).Draw(t, label)
}

func drawCell(t *rapid.T, label string) Cell {
	if rapid.Bool().Draw(t, label+" present") {
		return Cell{Present: true, Value: drawValue(t, label)}
	}
	return Cell{Tombstone: rapid.Uint64Range(0, 3).Draw(t, label+" tombstone")}
}

func drawCommand(t *rapid.T) Command {
	c := Command{
		Op:  Op(rapid.ByteRange(byte(OpGet), byte(OpAppend)).Draw(t, "op")),
		Key: rapid.Uint64Range(1, 4).Draw(t, "key"),
	}
	switch c.Op {
	case OpPut, OpAppend:
		c.Value = drawValue(t, "value")
	case OpDelete:
		c.Tombstone = rapid.Uint64Range(1, 3).Draw(t, "tombstone")
	case OpCAS:
		c.Expect = drawCell(t, "expect")
		c.Value = drawValue(t, "value")
	}
	return c
}

func drawResult(t *rapid.T) Result {
	r := Result{Kind: ResultKind(rapid.ByteRange(byte(ResultFound), byte(ResultInvalid)).Draw(t, "kind"))}
	switch r.Kind {
	case ResultFound:
		r.Cell = Cell{Present: true, Value: drawValue(t, "value")}
	case ResultMissing:
		r.Cell = Cell{Tombstone: rapid.Uint64().Draw(t, "tombstone")}
	case ResultFailed:
		r.Cell = drawCell(t, "seen")
	}
	return r
}

// drawHostile draws bytes that are often almost right: a good encoding, cut, grown or with one byte changed.
func drawHostile(t *rapid.T, good []byte) []byte {
	b := append([]byte(nil), good...)
	switch rapid.IntRange(0, 4).Draw(t, "damage") {
	case 0:
		return b
	case 1:
		return b[:rapid.IntRange(0, len(b)).Draw(t, "cut")]
	case 2:
		return append(b, rapid.SliceOfN(rapid.Byte(), 1, 12).Draw(t, "tail")...)
	case 3:
		if len(b) > 0 {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "flip")
		}
		return b
	}
	return rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes")
}

// drawEnvelope draws envelopes that decode, of numbers on both sides of what the narrow layout holds.
func drawEnvelope(t *rapid.T) Envelope {
	number := rapid.OneOf(rapid.Uint64Range(1, 9), rapid.Uint64Range(1<<32-2, 1<<32+2), rapid.Uint64Min(1))
	e := Envelope{
		Kind:   EnvelopeKind(rapid.ByteRange(1, 2).Draw(t, "kind")),
		Client: number.Draw(t, "client"),
		Seq:    number.Draw(t, "seq"),
		Stamp:  rapid.Int64().Draw(t, "stamp"),
	}
	if e.Kind == EnvelopeOpen || e.Seq == 1 {
		e.Kind = EnvelopeOpen
		return e
	}
	near := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64Range(254, 258), rapid.Uint64())
	e.Session = number.Draw(t, "session")
	e.Prev = e.Seq - 1 - near.Draw(t, "prev")%(e.Seq-1)
	e.Ack = e.Seq - near.Draw(t, "ack")%e.Seq
	e.Command = drawValue(t, "command")
	return e
}

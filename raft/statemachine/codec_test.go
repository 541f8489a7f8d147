package statemachine

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// The bytes below are the format of logs and replies: a change here breaks logs on disk.
func TestFormat(t *testing.T) {
	present := Cell{Present: true, Value: []byte("ab")}
	for _, tc := range []struct {
		name string
		got  []byte
		want string
	}{
		{"get", AppendGet(nil, 3), "\x01\x03\x00\x00\x00\x00\x00\x00\x00"},
		{"put", AppendPut(nil, 3, []byte("ab")), "\x02\x03\x00\x00\x00\x00\x00\x00\x00ab"},
		{"delete", AppendDelete(nil, 3, 7), "\x03\x03\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00"},
		{"cas present", AppendCAS(nil, 3, present, []byte("c")),
			"\x04\x03\x00\x00\x00\x00\x00\x00\x00\x01\x02\x00\x00\x00abc"},
		{"cas missing", AppendCAS(nil, 3, Cell{Tombstone: 7}, []byte("c")),
			"\x04\x03\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00c"},
		{"append", AppendAppend(nil, 3, []byte("ab")), "\x05\x03\x00\x00\x00\x00\x00\x00\x00ab"},
		{"found", AppendResult(nil, Result{ResultFound, present}), "\x01\x01\x02\x00\x00\x00ab"},
		{"missing", AppendResult(nil, Result{ResultMissing, Cell{Tombstone: 7}}), "\x02\x00\x07\x00\x00\x00\x00\x00\x00\x00"},
		{"ok", AppendResult(nil, Result{Kind: ResultOK}), "\x03"},
		{"failed", AppendResult(nil, Result{ResultFailed, present}), "\x04\x01\x02\x00\x00\x00ab"},
		{"invalid", AppendResult(nil, Result{Kind: ResultInvalid}), "\x05"},
		{"command of a session", AppendEnvelope(nil, &Envelope{
			Kind: EnvelopeCommand, Client: 5, Seq: 9, Stamp: 258, Session: 3, Prev: 7, Ack: 8, Command: []byte("ab")}),
			"\x01\x02\x01\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x09\x00\x00\x00\x03\x00\x00\x00\x02\x01ab"},
		{"command, wide", AppendEnvelope(nil, &Envelope{
			Kind: EnvelopeCommand, Client: 5, Seq: 9 + 256, Stamp: -1, Session: 3, Prev: 264, Ack: 9, Command: []byte("ab")}),
			"\x81\xff\xff\xff\xff\xff\xff\xff\xff\x05\x00\x00\x00\x00\x00\x00\x00\x09\x01\x00\x00\x00\x00\x00\x00" +
				"\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00ab"},
		{"opening", AppendEnvelope(nil, &Envelope{Kind: EnvelopeOpen, Client: 5, Seq: 9, Stamp: 258}),
			"\x02\x02\x01\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x09\x00\x00\x00"},
		{"opening, wide", AppendEnvelope(nil, &Envelope{Kind: EnvelopeOpen, Client: 1 << 32, Seq: 9, Stamp: 258}),
			"\x82\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00"},
	} {
		if string(tc.got) != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

func TestRejected(t *testing.T) {
	command := func(b []byte) error { _, err := DecodeCommand(b); return err }
	result := func(b []byte) error { _, err := DecodeResult(b); return err }
	envelope := func(b []byte) error { return DecodeEnvelope(b, new(Envelope)) }
	wrong := func(change func(e *Envelope)) error {
		e := goodEnvelope()
		change(&e)
		return envelope(AppendEnvelope(nil, &e))
	}
	get, del := AppendGet(nil, 3), AppendDelete(nil, 3, 7)
	cas := AppendCAS(nil, 3, Cell{Present: true, Value: []byte("ab")}, nil)
	casMissing := AppendCAS(nil, 3, Cell{Tombstone: 7}, nil)
	good := goodEnvelope()
	env := AppendEnvelope(nil, &good)
	open := AppendEnvelope(nil, &Envelope{Kind: EnvelopeOpen, Client: 5, Seq: 9})
	widened := append([]byte{0x81}, make([]byte, 48)...)
	widened[9], widened[17], widened[25], widened[33] = 5, 9, 3, 1
	wideOpened := append([]byte{0x82}, make([]byte, 24)...)
	wideOpened[9], wideOpened[17] = 5, 9
	for _, tc := range []struct {
		name string
		got  error
		want error
	}{
		{"no command", command(nil), ErrCommandShort},
		{"command without its key", command(get[:8]), ErrCommandShort},
		{"get with more", command(append(get[:9:9], 0)), ErrCommandTrailing},
		{"operation 0", command(make([]byte, 9)), ErrCommandOp},
		{"operation 6", command(append([]byte{6}, make([]byte, 8)...)), ErrCommandOp},
		{"delete cut", command(del[:16]), ErrCommandShort},
		{"delete with more", command(append(del[:17:17], 0)), ErrCommandTrailing},
		{"delete with tombstone 0", command(AppendDelete(nil, 3, 0)), ErrCommandTombstone},
		{"cas without a cell", command(cas[:9]), ErrCellShort},
		{"cas with a cut length", command(cas[:13]), ErrCellShort},
		{"cas with a cut value", command(cas[:15]), ErrCellShort},
		{"cas with a cut tombstone", command(casMissing[:17]), ErrCellShort},
		{"cas with an unknown cell", command(append(cas[:9:9], 2)), ErrCellTag},
		{"cas with a length of 4 GiB", command(append(cas[:9:9], 1, 255, 255, 255, 255, 0)), ErrCellShort},
		{"no result", result(nil), ErrResultShort},
		{"result 0", result([]byte{0}), ErrResultKind},
		{"result 6", result([]byte{6}), ErrResultKind},
		{"ok with more", result([]byte{3, 0}), ErrResultTrailing},
		{"found without a cell", result([]byte{1}), ErrCellShort},
		{"found with more", result([]byte{1, 1, 0, 0, 0, 0, 9}), ErrResultTrailing},
		{"found, but missing", result([]byte{1, 0, 0, 0, 0, 0, 0, 0, 0, 0}), ErrResultCell},
		{"missing, but found", result([]byte{2, 1, 0, 0, 0, 0}), ErrResultCell},
		{"no envelope", envelope(nil), ErrEnvelopeShort},
		{"envelope cut", envelope(env[:22]), ErrEnvelopeShort},
		{"wide envelope cut", envelope(widened[:48]), ErrEnvelopeShort},
		{"wide envelope that need not be", envelope(widened), ErrEnvelopeWide},
		{"opening cut", envelope(open[:16]), ErrEnvelopeShort},
		{"wide opening cut", envelope(wideOpened[:24]), ErrEnvelopeShort},
		{"wide opening that need not be", envelope(wideOpened), ErrEnvelopeWide},
		{"opening with more", envelope(append(open[:17:17], 0)), ErrEnvelopeTrailing},
		{"opening of no client", envelope(AppendEnvelope(nil, &Envelope{Kind: EnvelopeOpen, Seq: 9})), ErrEnvelopeClient},
		{"opening of no number", envelope(AppendEnvelope(nil, &Envelope{Kind: EnvelopeOpen, Client: 5})), ErrEnvelopeSeq},
		{"envelope of kind 0", envelope(append([]byte{0}, env[1:]...)), ErrEnvelopeKind},
		{"envelope of kind 3", envelope(append([]byte{3}, env[1:]...)), ErrEnvelopeKind},
		{"envelope of no client", wrong(func(e *Envelope) { e.Client = 0 }), ErrEnvelopeClient},
		{"envelope of no number", wrong(func(e *Envelope) { e.Seq, e.Prev, e.Ack = 0, 0, 0 }), ErrEnvelopeSeq},
		{"envelope of no session", wrong(func(e *Envelope) { e.Session = 0 }), ErrEnvelopeSession},
		{"its own predecessor", wrong(func(e *Envelope) { e.Prev = e.Seq }), ErrEnvelopePrev},
		{"predecessor 0", wrong(func(e *Envelope) { e.Prev = 0 }), ErrEnvelopePrev},
		{"predecessor after it", wrong(func(e *Envelope) { e.Prev = e.Seq + 1 }), ErrEnvelopePrev},
		{"acknowledges itself", wrong(func(e *Envelope) { e.Ack = e.Seq + 1 }), ErrEnvelopeAck},
		{"acknowledges nothing", wrong(func(e *Envelope) { e.Ack = 0 }), ErrEnvelopeAck},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, tc.got, tc.want)
		}
	}
}

func TestCodecRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		command := drawCommand(t)
		decoded, err := DecodeCommand(AppendCommand(nil, command))
		if diff := cmp.Diff(command, decoded, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v decodes to %v, %v\n%s", command, decoded, err, diff)
		}
		parsed, err := ParseCommand(command.String())
		if diff := cmp.Diff(command, parsed, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v parses to %v, %v\n%s", command, parsed, err, diff)
		}
		result := drawResult(t)
		gotResult, err := DecodeResult(AppendResult(nil, result))
		if diff := cmp.Diff(result, gotResult, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v decodes to %v, %v\n%s", result, gotResult, err, diff)
		}
		envelope := drawEnvelope(t)
		gotEnvelope := Envelope{Seq: 99, Session: 99, Prev: 99, Ack: 99, Command: []byte("99")}
		err = DecodeEnvelope(AppendEnvelope(nil, &envelope), &gotEnvelope)
		if diff := cmp.Diff(envelope, gotEnvelope, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v decodes to %v, %v\n%s", &envelope, &gotEnvelope, err, diff)
		}
		if n := len(AppendEnvelope(nil, &envelope)) - len(envelope.Command); n > EnvelopeOverhead {
			t.Fatalf("%v: overhead of %d bytes", &envelope, n)
		}
		gotResult, err = ParseResult(result.String())
		if diff := cmp.Diff(result, gotResult, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v parses to %v, %v\n%s", result, gotResult, err, diff)
		}
	})
}

// Whatever decodes encodes to the same bytes: no two encodings of one thing, and no byte that is not looked at.
func TestCodecHostile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawHostile(t, AppendCommand(nil, drawCommand(t)))
		if c, err := DecodeCommand(b); err == nil && !bytes.Equal(AppendCommand(nil, c), b) {
			t.Fatalf("%x decodes to %v, which encodes to %x", b, c, AppendCommand(nil, c))
		}
		b = drawHostile(t, AppendResult(nil, drawResult(t)))
		if r, err := DecodeResult(b); err == nil && !bytes.Equal(AppendResult(nil, r), b) {
			t.Fatalf("%x decodes to %v, which encodes to %x", b, r, AppendResult(nil, r))
		}
		e := drawEnvelope(t)
		b = drawHostile(t, AppendEnvelope(nil, &e))
		into := Envelope{Seq: 99}
		if err := DecodeEnvelope(b, &into); err == nil && !bytes.Equal(AppendEnvelope(nil, &into), b) {
			t.Fatalf("%x decodes to %v", b, &into)
		} else if err != nil && !cmp.Equal(into, Envelope{Seq: 99}) {
			t.Fatalf("%x: refused and decoded", b)
		}
	})
}

func TestParseRejects(t *testing.T) {
	for _, line := range []string{
		"", "got k3", "get", "get 3", "get k03", "get k3 ", "get k3 more", `put k3`, `put k3 v`, `put k3 "v`, `put k3 "v" "w"`, `put k3 "v"w`, `put k3 "v" `, `put  k3 "v"`, "put k3 `v`",
		"delete k3", "delete k3 7", "delete k3 #0", `cas k3 "a" "b"`, `cas k3 value "a"`, `cas k3 missing "b"`, `cas k3 missing #0`,
		"get k18446744073709551616",
	} {
		if c, err := ParseCommand(line); err == nil {
			t.Errorf("%q parses to %v", line, c)
		}
	}
	for _, line := range []string{"", "OK", "ok ", "found", "value", "value v", "missing 7", "failed", `failed "v"`, `value "a" "b"`} {
		if r, err := ParseResult(line); err == nil {
			t.Errorf("%q parses to %v", line, r)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(AppendCAS(nil, 3, Cell{Present: true, Value: []byte("ab")}, []byte("c")))
	f.Add(AppendResult(nil, Result{ResultFailed, Cell{Tombstone: 7}}))
	good := goodEnvelope()
	f.Add(AppendEnvelope(nil, &good))
	f.Add(AppendEnvelope(nil, &Envelope{Kind: EnvelopeOpen, Client: 1 << 40, Seq: 9}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := DecodeCommand(b); err == nil && !bytes.Equal(AppendCommand(nil, c), b) {
			t.Errorf("%x decodes to %v", b, c)
		}
		if r, err := DecodeResult(b); err == nil && !bytes.Equal(AppendResult(nil, r), b) {
			t.Errorf("%x decodes to %v", b, r)
		}
		var e Envelope
		if err := DecodeEnvelope(b, &e); err == nil && !bytes.Equal(AppendEnvelope(nil, &e), b) {
			t.Errorf("%x decodes to %v", b, &e)
		}
	})
}

func goodEnvelope() Envelope {
	return Envelope{Kind: EnvelopeCommand, Client: 5, Seq: 9, Stamp: 1500, Session: 3, Prev: 7, Ack: 8, Command: []byte("ab")}
}

func TestEnvelopeText(t *testing.T) {
	e := goodEnvelope()
	if got, want := e.String(), "command c5 #9 after #7 ack #8 session 3 at 1.5µs: 2 bytes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	e = Envelope{Kind: EnvelopeOpen, Client: 5, Seq: 1, Stamp: 2e9}
	if got, want := e.String(), "open c5 #1 at 2s"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

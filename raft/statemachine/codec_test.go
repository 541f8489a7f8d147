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
		{"envelope", AppendEnvelope(nil, 5, 9, []byte("ab")),
			"\x01\x05\x00\x00\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00\x00ab"},
	} {
		if string(tc.got) != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

func TestRejected(t *testing.T) {
	command := func(b []byte) error { _, err := DecodeCommand(b); return err }
	result := func(b []byte) error { _, err := DecodeResult(b); return err }
	envelope := func(b []byte) error { _, _, _, err := DecodeEnvelope(b); return err }
	get, del := AppendGet(nil, 3), AppendDelete(nil, 3, 7)
	cas := AppendCAS(nil, 3, Cell{Present: true, Value: []byte("ab")}, nil)
	casMissing := AppendCAS(nil, 3, Cell{Tombstone: 7}, nil)
	env := AppendEnvelope(nil, 5, 9, nil)
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
		{"envelope cut", envelope(env[:16]), ErrEnvelopeShort},
		{"envelope of kind 2", envelope(append([]byte{2}, env[1:]...)), ErrEnvelopeKind},
		{"envelope of no client", envelope(AppendEnvelope(nil, 0, 9, nil)), ErrEnvelopeClient},
		{"envelope of no number", envelope(AppendEnvelope(nil, 5, 0, nil)), ErrEnvelopeSeq},
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
		b = drawHostile(t, AppendEnvelope(nil, 5, 9, []byte("ab")))
		if client, seq, command, err := DecodeEnvelope(b); err == nil && !bytes.Equal(AppendEnvelope(nil, client, seq, command), b) {
			t.Fatalf("%x decodes to client %d seq %d command %x", b, client, seq, command)
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
	f.Add(AppendEnvelope(nil, 5, 9, AppendDelete(nil, 3, 7)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := DecodeCommand(b); err == nil && !bytes.Equal(AppendCommand(nil, c), b) {
			t.Errorf("%x decodes to %v", b, c)
		}
		if r, err := DecodeResult(b); err == nil && !bytes.Equal(AppendResult(nil, r), b) {
			t.Errorf("%x decodes to %v", b, r)
		}
		if client, seq, command, err := DecodeEnvelope(b); err == nil && !bytes.Equal(AppendEnvelope(nil, client, seq, command), b) {
			t.Errorf("%x decodes to client %d seq %d command %x", b, client, seq, command)
		}
	})
}

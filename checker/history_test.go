package checker

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// value makes the bytes of a value of these ids.
func value(ids ...uint64) []byte {
	var b []byte
	for _, id := range ids {
		b = binary.LittleEndian.AppendUint64(b, id)
	}
	return b
}

func TestCellsChain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.Uint64(), 1, 8).Draw(t, "ids")
		whole := CellHash(value(ids...))
		cell := MissingHash(rapid.Uint64().Draw(t, "tombstone")) // an append to a missing key is a put
		for _, id := range ids {
			cell = AppendHash(cell, id)
		}
		if cell != whole {
			t.Fatalf("%x by appends is %x, at once %x", ids, cell, whole)
		}
		if !present(whole) {
			t.Fatal("a value looks missing")
		}
	})
}

func TestCellsDiffer(t *testing.T) {
	seen := map[uint64]string{}
	add := func(name string, cell uint64) {
		if other, ok := seen[cell]; ok {
			t.Errorf("%s and %s are the same cell", name, other)
		}
		seen[cell] = name
	}
	add("never", MissingHash(0))
	add("missing 1", MissingHash(1))
	add("missing 2", MissingHash(2))
	add("empty", CellHash(nil))
	add("1", CellHash(value(1)))
	add("2", CellHash(value(2)))
	add("1 2", CellHash(value(1, 2)))
	add("2 1", CellHash(value(2, 1)))
	add("1 1", CellHash(value(1, 1)))
	add("0", CellHash(value(0)))
	add("0 0", CellHash(value(0, 0)))
	add("a zero byte", CellHash([]byte{0}))
	add("two zero bytes", CellHash([]byte{0, 0}))
	add("1 and a byte", CellHash(append(value(1), 2)))
	if present(MissingHash(1)) || present(MissingHash(0)) || !present(CellHash(nil)) {
		t.Error("present is not the low bit")
	}
}

// These numbers are the same on every machine.
func TestCellsArePinned(t *testing.T) {
	for _, tc := range []struct{ got, want uint64 }{
		{CellHash(value(1)), 0xd3e5fe21268cc063},
		{MissingHash(1), 0xc126cb3651dd3f52},
		{mix(1, 2), 0x35eb01bf6e42e217},
	} {
		if tc.got != tc.want {
			t.Errorf("got %#x, want %#x", tc.got, tc.want)
		}
	}
}

func TestHistoryRefuses(t *testing.T) {
	put := func(client, seq uint64, v []byte) Invocation {
		return Invocation{Client: client, Seq: seq, Kind: OpPut, Value: v}
	}
	for _, tc := range []struct {
		name string
		do   func(h *History) error
		want string
	}{
		{"a repeated operation", func(h *History) error { return h.Invoke(put(1, 1, value(2))) }, "c1#1 was invoked before"},
		{"a ragged value", func(h *History) error { return h.Invoke(put(1, 2, []byte("abc"))) }, "one or more ids"},
		{"an empty value", func(h *History) error { return h.Invoke(put(1, 2, nil)) }, "one or more ids"},
		{"a long append", func(h *History) error {
			return h.Invoke(Invocation{Client: 1, Seq: 2, Kind: OpAppend, Value: value(1, 2)})
		}, "an append adds one id"},
		{"a delete without id", func(h *History) error { return h.Invoke(Invocation{Client: 1, Seq: 2, Kind: OpDelete}) }, "tombstone"},
		{"another kind", func(h *History) error { return h.Invoke(Invocation{Client: 1, Seq: 2, Kind: 9}) }, "op(9)"},
		{"an answer to nothing", func(h *History) error { return h.Return(Completion{Client: 1, Seq: 2}) }, "was not invoked"},
		{"a second answer", func(h *History) error {
			_ = h.Return(Completion{Client: 1, Seq: 1})
			return h.Return(Completion{Client: 1, Seq: 1})
		}, "returned twice"},
	} {
		var h History
		if err := h.Invoke(put(1, 1, value(1))); err != nil {
			t.Fatal(err)
		}
		if err := tc.do(&h); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h := History{Limit: 2}
	var full *BoundError
	for i := range uint64(2) {
		if err := h.Invoke(Invocation{Seq: i, Kind: OpGet}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Invoke(Invocation{Seq: 9, Kind: OpGet}); !errors.As(err, &full) || full.Bound != 2 || !strings.Contains(err.Error(), "History.Limit") {
		t.Errorf("operations: %v", err)
	}
	if err := h.Return(Completion{Seq: 1, Seen: SeenValue(make([]byte, 8*200))}); !errors.As(err, &full) || full.Bound != 128 {
		t.Errorf("words: %v", err)
	}
	h.Reset()
	if err := h.Invoke(Invocation{Seq: 9, Kind: OpGet}); err != nil || h.Len() != 1 {
		t.Errorf("after a reset: %v", err)
	}
}

func TestHistoryLines(t *testing.T) {
	var h History
	script(t, &h, `
		c1#1 put 3 1f ; c1#1 ok
		c1#2 cas 3 1f>20 ; c1#2 swapped
		c1#3 cas 3 1f>21 ; c1#3 saw 20
		c1#4 append 3 22 ; c1#4 ok
		c1#5 get 3 ; c1#5 saw 1.2.3.4.5.6
		c1#6 delete 3 7 ; c1#6 ok
		c1#7 get 3 ; c1#7 saw !7
		c1#8 get 4 ; c1#8 saw never
		c1#9 cas 3 !7>23`)
	want := []string{
		"c1#1 put k3 v:1f -> ok [step 1, 2]",
		"c1#2 cas k3 v:1f to v:20 -> swapped [step 3, 4]",
		"c1#3 cas k3 v:1f to v:21 -> saw v:20 [step 5, 6]",
		"c1#4 append k3 +22 -> ok [step 7, 8]",
		"c1#5 get k3 -> v:(2).3.4.5.6 [step 9, 10]",
		"c1#6 delete k3 leaving missing:7 -> ok [step 11, 12]",
		"c1#7 get k3 -> missing:7 [step 13, 14]",
		"c1#8 get k4 -> never [step 15, 16]",
		"c1#9 cas k3 missing:7 to v:23 -> unknown [step 17, ...]",
	}
	for i := range want {
		if got := string(h.Describe(nil, h.At(i))); got != want[i] {
			t.Errorf("got  %s\nwant %s", got, want[i])
		}
	}
	if h.Lookup(1, 7) != h.At(6) || h.Lookup(2, 7) != nil {
		t.Error("lookup finds another operation")
	}
}

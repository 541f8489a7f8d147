package sim

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestKeyTableAgainstMap(t *testing.T) {
	key := rapid.OneOf(drawKey(toySpecs()[0], 3), drawKey(toySpecs()[0], 0),
		rapid.Custom(func(t *rapid.T) Key { // words that meet the constants of the hash
			return Key{Hi: rapid.Uint64Min(1).Draw(t, "hi"), Lo: rapid.SampledFrom([]uint64{0, 1, 0xe7037ed1a0b428db, 1 << 63}).Draw(t, "lo")}
		}))
	rapid.Check(t, func(t *rapid.T) {
		var table keyTable
		for range rapid.IntRange(1, 3).Draw(t, "resets") {
			table.reset(rapid.IntRange(0, 40).Draw(t, "room"))
			twin := make(map[Key]int32)
			for _, k := range rapid.SliceOfN(key, 0, 120).Draw(t, "keys") {
				if want, there := twin[k]; there != (table.find(k) >= 0) || there && table.find(k) != want {
					t.Fatalf("find %v: %d, want %d, %v", k, table.find(k), want, there)
				}
				_, there := twin[k]
				if table.insert(k, int32(len(twin))) == there {
					t.Fatalf("insert %v: it is there: %v", k, there)
				}
				if !there {
					twin[k] = int32(len(twin))
				}
			}
			if table.count != len(twin) {
				t.Fatalf("count %d, want %d", table.count, len(twin))
			}
			for k, want := range twin {
				if got := table.find(k); got != want {
					t.Fatalf("find %v: %d, want %d", k, got, want)
				}
			}
		}
	})
}

// Keys of one run differ in few bits; the table must spread them all the same.
func TestKeyTableSpreadsNeighbours(t *testing.T) {
	for _, c := range []struct {
		name string
		key  func(i uint32) Key
	}{
		{"ordinals", func(i uint32) Key { return MakeKey(1, Subject{A: 1, B: 2, Ordinal: i}) }},
		{"epochs", func(i uint32) Key { return MakeKey(1, Subject{A: 1, B: 2, Epoch: uint64(i)}) }},
		{"operations of clients", func(i uint32) Key { return MakeKey(1, Subject{A: 1, Epoch: PairedEpoch(uint64(i%16), uint64(i/16))}) }},
		{"links", func(i uint32) Key { return MakeKey(1, Subject{A: ProcID(i % 64), B: ProcID(i / 64)}) }},
		{"purposes and kinds", func(i uint32) Key {
			return MakeKey(Purpose(1+i%3), Subject{A: 1, B: 2, Kind: uint8(i / 3 % 8), Ordinal: i / 24})
		}},
	} {
		var table keyTable
		table.reset(0)
		const n = 4000
		for i := range uint32(n) {
			table.insert(c.key(i), 0)
		}
		// Probes until a key is found: about 1.3 on average at this load for a good hash.
		mask := uint64(len(table.slots) - 1)
		probes, longest := 0, uint64(0)
		for i := range uint32(n) {
			k := c.key(i)
			length := uint64(1)
			for at := hashKey(k) & mask; table.slots[at].key != k; at = (at + 1) & mask {
				length++
			}
			probes += int(length)
			longest = max(longest, length)
		}
		if probes > 2*n || longest > 40 {
			t.Errorf("%s: %d probes for %d keys, the longest %d", c.name, probes, n, longest)
		}
	}
}

func TestOrdinalsAgainstMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type name struct {
			space uint8
			s     Subject
		}
		var o Ordinals
		twin := make(map[name]uint32)
		for range rapid.IntRange(0, 100).Draw(t, "calls") {
			n := name{uint8(rapid.IntRange(1, 3).Draw(t, "space")), Subject{
				A: ProcID(rapid.IntRange(0, 2).Draw(t, "a")), B: ProcID(rapid.IntRange(0, 2).Draw(t, "b")),
				Kind: uint8(rapid.IntRange(0, 1).Draw(t, "kind")), Epoch: rapid.Uint64Range(0, 2).Draw(t, "epoch"),
			}}
			asked := n.s
			asked.Ordinal = rapid.Uint32Range(0, 3).Draw(t, "ignored")
			want := n.s
			want.Ordinal = twin[n]
			twin[n]++
			if got := o.Next(n.space, asked).WithPurpose(9); got != MakeKey(9, want) {
				t.Fatalf("%+v: got %+v, want %+v", n, got.Subject(), want)
			}
		}
	})
}

// An old epoch that comes back goes on counting where it stopped; Reset forgets.
func TestOrdinalsContinue(t *testing.T) {
	var o Ordinals
	next := func(epoch uint64) uint32 { return o.Next(1, Subject{A: 1, B: 2, Epoch: epoch}).Subject().Ordinal }
	got := []uint32{next(3), next(3), next(4), next(3), next(4)}
	for i, want := range []uint32{0, 1, 0, 2, 1} {
		if got[i] != want {
			t.Fatalf("ordinals %v", got)
		}
	}
	o.Reset()
	if next(3) != 0 {
		t.Error("Reset kept a count")
	}
}

func TestKeysPack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Subject{
			A: ProcID(rapid.Uint16Range(0, MaxKeyProc).Draw(t, "a")), B: ProcID(rapid.Uint16Range(0, MaxKeyProc).Draw(t, "b")),
			Kind: rapid.Uint8().Draw(t, "kind"), Epoch: rapid.Uint64().Draw(t, "epoch"), Ordinal: rapid.Uint32Range(0, MaxKeyOrdinal).Draw(t, "ordinal"),
		}
		p, q := Purpose(rapid.Uint8().Draw(t, "p")), Purpose(rapid.Uint8().Draw(t, "q"))
		k := MakeKey(p, s)
		if k.Purpose() != p || k.Subject() != s || k.WithPurpose(q) != MakeKey(q, s) {
			t.Fatalf("%v of %d %+v", k, p, s)
		}
		n := rapid.Uint32Range(0, MaxKeyOrdinal).Draw(t, "n")
		s.Ordinal = n
		if k.WithOrdinal(n) != MakeKey(p, s) {
			t.Fatalf("ordinal %d of %v", n, k)
		}
	})
}

// What does not fit is a panic that says so, never another key.
func TestKeysThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func()
		want string
	}{
		{"A", func() { MakeKey(1, Subject{A: MaxKeyProc + 1}) }, "does not fit a key"},
		{"B", func() { MakeKey(1, Subject{B: MaxKeyProc + 1}) }, "does not fit a key"},
		{"ordinal", func() { MakeKey(1, Subject{Ordinal: MaxKeyOrdinal + 1}) }, "does not fit a key"},
		{"another ordinal", func() { MakeKey(1, Subject{}).WithOrdinal(MaxKeyOrdinal + 1) }, "does not fit a key"},
		{"first of a pair", func() { PairedEpoch(1<<24, 0) }, "does not fit (24 and 40 bits)"},
		{"second of a pair", func() { PairedEpoch(0, 1<<40) }, "does not fit (24 and 40 bits)"},
	} {
		if got := panics(c.do); !strings.Contains(got, c.want) {
			t.Errorf("%s: panic %q", c.name, got)
		}
	}
}

package sim

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// The first words of three keys, pinned: every seed file in the world depends on them.
func TestPinnedWords(t *testing.T) {
	for _, c := range []struct {
		seed uint64
		key  Key
		want [4]uint64
	}{
		{0, MakeKey(1, Subject{}), [4]uint64{0x93c6307d199502a1, 0x587be6603f725fdc, 0x2f6bc039e2bb003, 0xd88ed82dd4960609}},
		{42, MakeKey(3, Subject{A: 1, B: 2, Kind: 1, Epoch: 3, Ordinal: 4}), [4]uint64{0x8d2cccbe155fb686, 0x339cf549f514b589, 0xbd0d96f9fc977d04, 0xd9fe781f00844d47}},
		{1<<64 - 1, MakeKey(255, Subject{A: MaxKeyProc, B: MaxKeyProc, Kind: 255, Epoch: 1<<64 - 1, Ordinal: MaxKeyOrdinal}), [4]uint64{0x8b5339806e1d38cc, 0xd131a7eba51b6cb3, 0xdb5eaa6b11bc1cae, 0x35276013365cbf4c}},
	} {
		w := KeyedWords(c.seed, c.key)
		got := [4]uint64{w.Next(), w.Next(), w.Next(), w.Next()}
		if got != c.want {
			t.Errorf("seed %d, key %v: words %#x, want %#x", c.seed, c.key, got, c.want)
		}
	}
}

func TestPinnedMix(t *testing.T) {
	for _, c := range []struct{ a, b, c, want uint64 }{
		{0, 0, 0, 0x7db8c4d2d1062361},
		{1, 0, 0, 0xce7d875f4fbe375},
		{0, 1, 0, 0x5caf23da05ac118b},
		{0, 0, 1, 0x14d773aad828f504},
		{1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 0x25fc44d690f90bfb},
	} {
		if got := mix(c.a, c.b, c.c); got != c.want {
			t.Errorf("mix(%#x, %#x, %#x) = %#x, want %#x", c.a, c.b, c.c, got, c.want)
		}
	}
}

func TestPinnedDigestWords(t *testing.T) {
	var d Digest
	sums := []uint64{d.Sum()}
	d.Word(0)
	sums = append(sums, d.Sum())
	d.Word(1<<64 - 1)
	sums = append(sums, d.Sum())
	d.Bytes(nil)
	sums = append(sums, d.Sum())
	d.Bytes([]byte("token"))
	sums = append(sums, d.Sum())
	want := []uint64{0, 0xddc7aa7ae41b3b8d, 0xa8c70b5e032de103, 0x533b3e7880ec2e3e, 0xd753b4897005b604}
	for i := range want {
		if sums[i] != want[i] {
			t.Errorf("sum %d is %#x, want %#x", i, sums[i], want[i])
		}
	}
}

// The words against PCG XSL-RR 128/64 as O'Neill's paper defines it, computed with big integers.
func TestWordsAgainstSlowTwin(t *testing.T) {
	number := func(s string) *big.Int {
		n, _ := new(big.Int).SetString(s, 10)
		return n
	}
	multiplier, increment := number("47026247687942121848144207491837523525"), number("117397592171526113268558934119004209487")
	modulus := new(big.Int).Lsh(big.NewInt(1), 128)
	word := new(big.Int).Lsh(big.NewInt(1), 64)
	rapid.Check(t, func(t *rapid.T) {
		seed, k := rapid.Uint64().Draw(t, "seed"), drawKey(toySpecs()[0], 0).Draw(t, "key")
		start := new(big.Int).SetUint64(mix(seed, k.Hi, k.Lo))
		state := new(big.Int).Add(new(big.Int).Mul(start, word), start)
		w := KeyedWords(seed, k)
		for range 5 {
			state.Mul(state, multiplier).Add(state, increment).Mod(state, modulus)
			high, low := new(big.Int).DivMod(state, word, new(big.Int))
			x := new(big.Int).Xor(high, low).Uint64()
			turn := high.Uint64() >> 58
			want := x>>turn | x<<(64-turn)
			if got := w.Next(); got != want {
				t.Fatalf("word %#x, want %#x", got, want)
			}
		}
	})
}

// Whatever is drawn takes exactly one word and lies within its bounds.
func TestDrawsStayWithinBoundsAndTakeOneWord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := drawKey(toySpecs()[0], 0).Draw(t, "key")
		w, twin := KeyedWords(1, k), KeyedWords(1, k)
		for range 10 {
			switch rapid.IntRange(0, 2).Draw(t, "which") {
			case 0:
				n := rapid.OneOf(rapid.Uint64Range(0, 5), rapid.Uint64()).Draw(t, "n")
				if got := w.Below(n); got >= n && n != 0 || n == 0 && got != 0 {
					t.Fatalf("Below(%d) = %d", n, got)
				}
			case 1:
				low, high := rapid.Int64().Draw(t, "low"), rapid.Int64().Draw(t, "high")
				got := w.Between(low, high)
				if high < low && got != low || high >= low && (got < low || got > high) {
					t.Fatalf("Between(%d, %d) = %d", low, high, got)
				}
			case 2:
				den := rapid.Uint64Range(0, maxRatioPart).Draw(t, "den")
				num := rapid.Uint64Range(0, max(den, 1)).Draw(t, "num")
				got := w.Chance(Ratio{num, den})
				if got && num == 0 || !got && num == max(den, 1) {
					t.Fatalf("Chance(%d/%d) = %v", num, den, got)
				}
			}
			twin.Next()
		}
		if w != twin {
			t.Fatal("ten draws took more or less than ten words")
		}
	})
}

func TestBelowIsUniform(t *testing.T) {
	const n, draws = 10, 100_000
	w := KeyedWords(7, MakeKey(1, Subject{}))
	var cells [n]int64
	for range draws {
		cells[w.Below(n)]++
	}
	// Chi-square with 9 degrees of freedom exceeds 33.7 once in 10,000.
	if sum := squares(cells[:], draws/n); sum > 33*draws/n {
		t.Errorf("cells %v", cells)
	}
}

// squares returns the sum of the squared distances from expected; divided by expected it is chi-square.
func squares(cells []int64, expected int64) (sum int64) {
	for _, c := range cells {
		sum += (c - expected) * (c - expected)
	}
	return sum
}

// The first words of keys that differ in one field only are independent: of 8 classes of the one and 8 classes of the other every
// pair is equally frequent. The raw key, folded into the seed without mixing, fails (the last row, which must).
func TestNeighboursAreUncorrelated(t *testing.T) {
	first := func(seed uint64, k Key) uint64 { w := KeyedWords(seed, k); return w.Next() }
	subject := func(i uint32) Subject { return Subject{A: 1, B: 2, Kind: 1, Epoch: 3, Ordinal: i} }
	raw := func(seed uint64, k Key) uint64 {
		var w Words
		w.pcg.Seed(seed ^ k.Hi ^ k.Lo)
		return w.Next()
	}
	for _, c := range []struct {
		name   string
		x, y   func(i uint32) uint64
		skewed bool
	}{
		{"ordinal", func(i uint32) uint64 { return first(1, MakeKey(1, subject(2*i))) }, func(i uint32) uint64 { return first(1, MakeKey(1, subject(2*i+1))) }, false},
		{"purpose", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { return first(1, MakeKey(2, subject(i))) }, false},
		{"sender", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { s := subject(i); s.A++; return first(1, MakeKey(1, s)) }, false},
		{"receiver", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { s := subject(i); s.B++; return first(1, MakeKey(1, s)) }, false},
		{"direction", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { s := subject(i); s.A, s.B = s.B, s.A; return first(1, MakeKey(1, s)) }, false},
		{"kind", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { s := subject(i); s.Kind++; return first(1, MakeKey(1, s)) }, false},
		{"epoch", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { s := subject(i); s.Epoch++; return first(1, MakeKey(1, s)) }, false},
		{"epoch and ordinal", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 { s := subject(i + 1); s.Epoch--; return first(1, MakeKey(1, s)) }, false},
		{"seed", func(i uint32) uint64 { return first(uint64(i), MakeKey(1, subject(0))) }, func(i uint32) uint64 { return first(uint64(i)+1, MakeKey(1, subject(0))) }, false},
		{"seed against ordinal", func(i uint32) uint64 { return first(uint64(i), MakeKey(1, subject(0))) }, func(i uint32) uint64 { return first(0, MakeKey(1, subject(i))) }, false},
		{"first and second word", func(i uint32) uint64 { return first(1, MakeKey(1, subject(i))) }, func(i uint32) uint64 {
			w := KeyedWords(1, MakeKey(1, subject(i)))
			w.Next()
			return w.Next()
		}, false},
		{"seed against ordinal, seeded by the raw key", func(i uint32) uint64 { return raw(uint64(i), MakeKey(1, subject(0))) }, func(i uint32) uint64 { return raw(0, MakeKey(1, subject(i))) }, true},
	} {
		const n, expected = 32_000, 32_000 / 64
		var cells [64]int64
		for i := range uint32(n) {
			cells[c.x(i)>>61<<3|c.y(i)>>61]++
		}
		// Chi-square with 63 degrees of freedom exceeds 112 once in 10,000.
		if got := squares(cells[:], expected) / expected; (got > 112) != c.skewed {
			t.Errorf("%s: chi-square %d", c.name, got)
		}
	}
}

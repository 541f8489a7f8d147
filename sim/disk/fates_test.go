package disk

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"raftsim/sim"
)

func TestLinesRoundTrip(t *testing.T) {
	v := vocabulary(t)
	for _, line := range []string{
		"torn n1 t1 #0 = all",
		"torn n2 t3 #1 = bytes 1",
		"torn n2 t3 #1 = bytes 999",
		"torn n2 t3 #1 = sectors 250",
		"torn n2 t3 #1 ~400 = sectors 999",
		"torn n2 t3 #1 = calm",
		"slow-sync n3 #17 = 1.5s",
		"slow-sync n3 #17 = calm",
	} {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if got := v.Line(d); got != line {
			t.Errorf("%q prints as %q", line, got)
		}
		if err := v.CheckValue(d); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestTornFormatIsStrict(t *testing.T) {
	for _, s := range []string{"", "none", "bytes", "bytes 0", "bytes 1000", "bytes -1", "bytes 07", "bytes 1 2", "sectors 1000", "halves 3", "all 1", "500"} {
		if v, err := (TornFormat{}).Parse(s); err == nil {
			t.Errorf("%q parses as %+v", s, v)
		}
	}
}

// Every value that noise makes is a departure, prints, and parses back to itself.
func TestDrawsAreLegal(t *testing.T) {
	const least, most = 3 * time.Millisecond, 100 * time.Millisecond
	slow := DrawSlowSync(least, most)
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		w := sim.KeyedWords(seed, sim.MakeKey(Torn, sim.Subject{A: 1}))
		v := DrawTorn(&w)
		text := string(TornFormat{}.Append(nil, v))
		if back, err := (TornFormat{}).Parse(text); err != nil || back != v || v.Calm() {
			t.Fatalf("drew %+v, printed %q, parsed %+v, %v", v, text, back, err)
		}
		if d := time.Duration(slow(&w).For); d < least || d > most {
			t.Fatalf("drew a delay of %v, want %v to %v", d, least, most)
		}
	})
}

// The families come up as often as their comment says: counted over fixed seeds, so that the test is the same every time.
func TestDrawTornFamilies(t *testing.T) {
	var all, bytes, sectors int
	const n = 4000
	for seed := range uint64(n) {
		w := sim.KeyedWords(seed, sim.MakeKey(Torn, sim.Subject{A: 1}))
		switch k := keep(DrawTorn(&w).N); {
		case k == keepAll:
			all++
		case k < keepAll:
			bytes++
		default:
			sectors++
		}
	}
	for _, c := range []struct {
		name      string
		got, want int
	}{{"all", all, n / 4}, {"sectors", sectors, n / 4}, {"bytes", bytes, n / 2}} {
		if c.got < c.want*9/10 || c.got > c.want*11/10 {
			t.Errorf("%s: %d of %d, want about %d", c.name, c.got, n, c.want)
		}
	}
}

func TestShareIsEven(t *testing.T) {
	for _, n := range []int64{0, 1, 2, 4, 9, 99} {
		count := make([]int, n+1)
		for k := keep(0); k < 1000; k++ {
			count[k.share(keepBytes, n)]++
			if got, want := (k+keepSectors).share(keepSectors, n), k.share(keepBytes, n); k > 0 && got != want {
				t.Fatalf("%d sectors of %d, but %d bytes", got, n, want)
			}
			if k.share(keepSectors, n) != 0 {
				t.Fatalf("%d counts sectors", k)
			}
		}
		for kept, c := range count {
			if even := int(1000 / (n + 1)); c < even || c > even+1 {
				t.Errorf("of %d, %d are kept by %d values of k, want about %d", n, kept, c, even)
			}
		}
	}
}

package sim

import (
	"fmt"
	"testing"
)

// TestKnobWords pins first words: a change of them is a change of what every seed means. Names and seeds have words of their own.
func TestKnobWords(t *testing.T) {
	for _, test := range []struct {
		seed uint64
		name string
		want uint64
	}{
		{0, "", 0xbac62caf39292696},
		{1, "cluster.nodes", 0x3c052cc833d77dba},
		{1, "cluster.forward", 0x1bc316b41be2ba45},
		{1 << 63, "cluster.nodes", 0xe35bc3bd640f1660},
	} {
		w := KnobWords(test.seed, test.name)
		if got := w.Next(); got != test.want {
			t.Errorf("the first word of %q, seed %d, is %#x, want %#x", test.name, test.seed, got, test.want)
		}
	}
	seen := make(map[uint64]string)
	for seed := range uint64(100) {
		for i := range 100 {
			name := fmt.Sprintf("knob.%d", i)
			w := KnobWords(seed, name)
			x, who := w.Next(), fmt.Sprintf("%q of seed %d", name, seed)
			if other, taken := seen[x]; taken {
				t.Errorf("%s begins like %s", who, other)
			}
			seen[x] = who
		}
	}
}

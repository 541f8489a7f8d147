package server

import (
	"testing"

	"pgregory.net/rapid"
)

// The term of every entry that was not forgotten is the one it was added with.
func TestTermsOfAppliedEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got terms
		twin := []uint64{0} // by index
		got.add(0, 0)
		forgotten := 0
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if rapid.IntRange(0, 4).Draw(t, "forget") == 0 {
				forgotten = rapid.IntRange(forgotten, len(twin)-1).Draw(t, "up to")
				got.forget(uint64(forgotten))
			} else {
				term := max(twin[len(twin)-1]+rapid.SampledFrom([]uint64{0, 0, 0, 1, 2}).Draw(t, "rise"), 1)
				got.add(uint64(len(twin)), term)
				twin = append(twin, term)
			}
			for i := forgotten; i < len(twin); i++ {
				if got.at(uint64(i)) != twin[i] {
					t.Fatalf("entry %d has term %d, want %d: %v", i, got.at(uint64(i)), twin[i], got)
				}
			}
		}
	})
}

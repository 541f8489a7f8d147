package disk

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A set of extents holds the bytes that an array of booleans holds, and is the shortest list of them.
func TestExtentsEqualBitmap(t *testing.T) {
	const size = 40
	rapid.Check(t, func(t *rapid.T) {
		var x extents
		var bits [size]bool
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if rapid.IntRange(0, 9).Draw(t, "clip") == 0 {
				n := rapid.Int64Range(0, size).Draw(t, "size")
				x = x.clip(n)
				clear(bits[n:])
			} else {
				from := rapid.Int64Range(0, size).Draw(t, "from")
				to := min(size, from+rapid.Int64Range(0, 6).Draw(t, "length"))
				x = x.add(from, to)
				for i := from; i < to; i++ {
					bits[i] = true
				}
			}
			var want extents
			for i := int64(0); i < size; i++ {
				if n := len(want); bits[i] && n > 0 && want[n-1].to == i {
					want[n-1].to++
				} else if bits[i] {
					want = append(want, extent{i, i + 1})
				}
			}
			if !slices.Equal(x, want) {
				t.Fatalf("extents %v, want %v", x, want)
			}
		}
	})
}

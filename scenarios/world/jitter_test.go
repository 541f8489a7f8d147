package world

import "testing"

// In the calm world too no two servers keep step: whose slots are the same in one term has others in the next. Up to n7 the slots
// follow from id + term.
func TestCalmSlots(t *testing.T) {
	for a := uint64(1); a <= 31; a++ {
		for b := a + 1; b <= 31; b++ {
			same := 0
			for term := range uint64(8) {
				if calmSlot(a, term) == calmSlot(b, term) {
					same++
				}
			}
			if same > 4 || a < 8 && b < 8 && same > 0 {
				t.Errorf("n%d and n%d have the same slot in %d of 8 terms", a, b, same)
			}
		}
		for term := range uint64(16) {
			if a < 8 && calmSlot(a, term) != (a+term)%8 {
				t.Errorf("n%d, term %d: slot %d", a, term, calmSlot(a, term))
			}
		}
	}
}

package sim

import "github.com/cespare/xxhash/v2"

// knobPurpose keys the draws that make a case of a seed. No run asks about it, so no noise shares words with a knob.
const knobPurpose Purpose = 64

// KnobWords returns the words for drawing the knob called name when a case is made of a seed. Each name has words of its own, so
// a new knob changes no other. Names are one space for the whole project: two knobs of one name would be drawn alike.
func KnobWords(seed uint64, name string) Words {
	return KeyedWords(seed, Key{Hi: uint64(knobPurpose) << 56, Lo: xxhash.Sum64String(name)})
}

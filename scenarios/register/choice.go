package register

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftsim/scenarios/register/abd"
	"raftsim/sim"
)

// PurposeOperation is the fate of operation k of a client: which one, and after how long a pause.
const PurposeOperation sim.Purpose = 80

// A choice is 1 + 2*key for a read, 2 + 2*key for a write.
func choose(write bool, key uint64) int64 {
	if write {
		return 2 + 2*int64(key)
	}
	return 1 + 2*int64(key)
}

func chosen(choice int64) (write bool, key uint64) { return choice%2 == 0, uint64(choice-1) / 2 }

// draw chooses an operation: one word for hot or not, one for the key, one for what is done to it.
func (c *Config) draw(w *sim.Words) int64 {
	hot, key, write := w.Chance(c.Hot), w.Below(uint64(c.Keys)), w.Below(2) == 1
	if hot {
		key = 0
	}
	return choose(write, key)
}

// calm chooses operation k of a client in the calm world: clients go round the keys, writing every other time.
func (c *Config) calm(client, k uint64) int64 { return choose(k%2 == 0, (client+k/2)%uint64(c.Keys)) }

// final chooses operation k of a client in the quiet end: a write, then a read of every key.
func (c *Config) final(client, k uint64) (choice int64, ok bool) {
	switch keys := uint64(c.Keys); {
	case k == 0:
		return choose(true, client%keys), true
	case k <= keys:
		return choose(false, k-1), true
	}
	return 0, false
}

// choiceFormat prints a choice with the pause before it: "write k1 after 12ms". The pause may be 0.
type choiceFormat struct{}

// Form implements sim.ValueFormat.
func (choiceFormat) Form() string {
	return "read or write a key after a pause, like: write k1 after 12ms"
}

// Append implements sim.ValueFormat.
func (choiceFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, "calm"...)
	}
	write, key := chosen(v.N)
	dst = append(append(dst, operationName(write)...), " k"...)
	dst = append(strconv.AppendUint(dst, key, 10), " after "...)
	return append(dst, time.Duration(v.For).String()...)
}

// Parse implements sim.ValueFormat.
func (f choiceFormat) Parse(s string) (sim.Value, error) {
	if s == "calm" {
		return sim.Value{}, nil
	}
	choice, pause, ok := strings.Cut(s, " after ")
	d, err := time.ParseDuration(pause)
	word, digits, found := strings.Cut(choice, " k")
	key, wrong := strconv.ParseUint(digits, 10, 32)
	if write := word == operationName(true); ok && err == nil && d >= 0 && found && wrong == nil && key < abd.MaxKeys && (write || word == operationName(false)) {
		return sim.Value{N: choose(write, key), For: int64(d)}, nil
	}
	return sim.Value{}, fmt.Errorf("value %q: want %s; or calm", s, f.Form())
}

func operationName(write bool) string {
	if write {
		return "write"
	}
	return "read"
}

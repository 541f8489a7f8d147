package faults

import (
	"strconv"

	"raftsim/sim"
)

// Damage of disks. A server whose disk lost something it had promised may no longer help to elect or to commit as if
// it still had it, so damage is legal only where a quorum of every configuration stays undamaged. Which servers may be damaged is
// therefore fixed before the run, by the knobs, and less than half of the first members whatever they say. Explicit
// disturbances are not held to that: DamagedBy says whom they damage.

// Damage is what becomes of bytes on a disk. Files are those that hold durable bytes, by number in the order of their names, the
// last one followed by the first; places are thousandths of a file, or of what is written.
type Damage struct {
	Kind  DamageKind
	File  uint32 // below 256: of a rot, or an unreadable sector
	Place int64  // below 1000: of a rot, an unreadable sector, or the sector that is not written
	Bits  uint8  // of a rot: which bits of the byte change, at least one
	To    int64  // below 1000: where a misdirected sector goes
}

// DamageKind is a way for bytes to be lost.
type DamageKind uint8

const (
	// DamageRot changes bits of one byte.
	DamageRot DamageKind = iota + 1
	// DamageUnreadable makes reads of one sector fail until it is written again.
	DamageUnreadable
	// DamageLoseWrite makes the next sync leave out one sector, and say that all is well.
	DamageLoseWrite
	// DamageMisdirect makes the next sync write one sector in the place of another.
	DamageMisdirect
	// DamageWipe leaves an empty disk. The server is refused when it starts again; an operator may bring it back as a new
	// member, after the membership was without it.
	DamageWipe
)

// damageKinds returns the words for kinds, from DamageRot on; a wipe is a purpose of its own.
func damageKinds() []string { return []string{"rot", "unreadable", "lose-write", "misdirect"} }

// Bounds of what a damage names, exclusive.
const (
	filesMax  = 1 << 8
	placesMax = 1000
)

// value packs w into N of the value of a damage: kind, file, place, and bits or the other place.
func (w Damage) value() int64 {
	more := w.To
	if w.Kind == DamageRot {
		more = int64(w.Bits)
	}
	return int64(w.Kind) | int64(w.File)<<8 | w.Place<<16 | more<<32
}

// damageIn returns what N of the value of a damage holds.
func damageIn(n int64) Damage {
	w := Damage{Kind: DamageKind(n), File: uint32(n >> 8 & 0xff), Place: n >> 16 & 0xffff}
	if w.Kind == DamageRot {
		w.Bits = uint8(n >> 32)
	} else {
		w.To = n >> 32
	}
	return w
}

// DamagedBy returns the servers whose disks ds damage.
func DamagedBy(ds []sim.Disturbance) (s Side) {
	for _, d := range ds {
		if p := d.Key.Purpose(); (p == PurposeDamage || p == PurposeWipe) && !d.Value.Calm() {
			s |= SideOf(d.Key.Subject().A)
		}
	}
	return s
}

// damageable returns the servers that slots may damage: those the knobs name that are members at first, in the order of their
// ids, and less than half of the members.
func (e *Engine) damageable() (s Side) {
	voters, _ := e.world.Members()
	for _, id := range e.world.Servers() {
		if e.knobs.Damageable.Has(id) && voters.Has(id) && 2*(s.Len()+1) < voters.Len() {
			s |= SideOf(id)
		}
	}
	return s
}

// damageFormat is the value of a damage: "at 1.2s rot 3 250 1f" (file, place, bits), "at 1.2s unreadable 3 250",
// "at 1.2s lose-write 250", "at 1.2s misdirect 250 700"; with "for 300ms" where the server loses power for that long first.
type damageFormat struct{ kinds []string }

// Form implements sim.ValueFormat.
func (damageFormat) Form() string {
	return "at 1.2s rot 3 250 1f, at 1.2s unreadable 3 250, at 1.2s lose-write 250 or at 1.2s misdirect 250 700, with \"for 300ms\" behind the time as needed (file, thousandths, bits in hex)"
}

// Append implements sim.ValueFormat.
func (f damageFormat) Append(dst []byte, v sim.Value) []byte {
	if v.Calm() {
		return append(dst, calmWord...)
	}
	dst = appendAt(dst, v)
	if v.For != 0 {
		dst = appendFor(dst, v)
	}
	w, word := damageIn(v.N), "unknown"
	if i := int(w.Kind) - int(DamageRot); i >= 0 && i < len(f.kinds) {
		word = f.kinds[i]
	}
	dst = append(append(dst, ' '), word...)
	if w.Kind == DamageRot || w.Kind == DamageUnreadable {
		dst = strconv.AppendUint(append(dst, ' '), uint64(w.File), 10)
	}
	dst = strconv.AppendInt(append(dst, ' '), w.Place, 10)
	switch w.Kind {
	case DamageRot:
		dst = strconv.AppendUint(append(dst, ' '), uint64(w.Bits), 16)
	case DamageMisdirect:
		dst = strconv.AppendInt(append(dst, ' '), w.To, 10)
	}
	return dst
}

// Parse implements sim.ValueFormat.
func (f damageFormat) Parse(text string) (sim.Value, error) {
	if text == calmWord {
		return sim.Value{}, nil
	}
	p := phraseOf(text)
	v := sim.Value{At: p.at()}
	if len(p.words) > 0 && p.words[0] == "for" {
		v.For = p.length()
	}
	w := Damage{Kind: DamageRot + DamageKind(p.choice(f.kinds))}
	if w.Kind == DamageRot || w.Kind == DamageUnreadable {
		w.File = uint32(p.number(filesMax - 1))
	}
	w.Place = p.number(placesMax - 1)
	switch w.Kind {
	case DamageRot:
		bits, err := strconv.ParseUint(p.next(), 16, 8)
		p.bad = p.bad || err != nil || bits == 0
		w.Bits = uint8(bits)
	case DamageMisdirect:
		w.To = p.number(placesMax - 1)
		p.bad = p.bad || w.To == w.Place
	}
	v.N = w.value()
	return p.end(text, f, v)
}

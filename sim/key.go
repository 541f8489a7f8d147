package sim

import "fmt"

// ProcID names a hosted process. Ids below 4096 fit into keys.
type ProcID uint16

// Purpose says which question a key asks about its subject: lost, doubled and late are three purposes of one message.
// The ranges are dealt out in ARCHITECTURE.md; 0 is never used.
type Purpose uint8

// Subject is what a key names, apart from the purpose. Which fields a purpose uses is in its [Spec]; the others are 0.
type Subject struct {
	A, B    ProcID // process ids, 12 bits each: sender and receiver, or the process and 0
	Kind    uint8  // kind of message or moment
	Epoch   uint64 // term, operation number
	Ordinal uint32 // 24 bits: the how-manieth of its kind, counted by Ordinals
}

// Key names one question about one subject, in two words. It names no time: the fourth append from n1 to n2 in term 3
// stays that when the code around it becomes faster or slower. A key is asked at most once per run.
type Key struct {
	Hi uint64 // purpose:8 | a:12 | b:12 | kind:8 | ordinal:24
	Lo uint64 // epoch
}

// Bounds of the fields of a key.
const (
	MaxKeyProc    = 1<<12 - 1
	MaxKeyOrdinal = 1<<24 - 1
)

// MakeKey packs a key. It panics if a process id or the ordinal does not fit: a truncated key would be another key.
func MakeKey(p Purpose, s Subject) Key {
	if s.A > MaxKeyProc || s.B > MaxKeyProc || s.Ordinal > MaxKeyOrdinal {
		panic(fmt.Sprintf("sim: subject %+v does not fit a key (process ids to %d, ordinals to %d)", s, MaxKeyProc, MaxKeyOrdinal))
	}
	return Key{
		Hi: uint64(p)<<56 | uint64(s.A)<<44 | uint64(s.B)<<32 | uint64(s.Kind)<<24 | uint64(s.Ordinal),
		Lo: s.Epoch,
	}
}

// Purpose returns the purpose of k.
func (k Key) Purpose() Purpose { return Purpose(k.Hi >> 56) }

// WithPurpose returns the key that asks p about the subject of k.
func (k Key) WithPurpose(p Purpose) Key {
	return Key{Hi: k.Hi&^(0xff<<56) | uint64(p)<<56, Lo: k.Lo}
}

// WithOrdinal returns the key of the n-th subject of the kind of k. It panics if n does not fit.
func (k Key) WithOrdinal(n uint32) Key {
	if n > MaxKeyOrdinal {
		panic(fmt.Sprintf("sim: ordinal %d does not fit a key (to %d)", n, MaxKeyOrdinal))
	}
	return Key{Hi: k.Hi&^MaxKeyOrdinal | uint64(n), Lo: k.Lo}
}

// Subject unpacks what k names.
func (k Key) Subject() Subject {
	return Subject{
		A:       ProcID(k.Hi >> 44 & MaxKeyProc),
		B:       ProcID(k.Hi >> 32 & MaxKeyProc),
		Kind:    uint8(k.Hi >> 24),
		Epoch:   k.Lo,
		Ordinal: uint32(k.Hi & MaxKeyOrdinal),
	}
}

// Compare orders keys totally: by purpose, subject ids, kind, ordinal, then epoch.
func (k Key) Compare(l Key) int {
	switch {
	case k.Hi < l.Hi:
		return -1
	case k.Hi > l.Hi:
		return 1
	case k.Lo < l.Lo:
		return -1
	case k.Lo > l.Lo:
		return 1
	}
	return 0
}

// Value is what a disturbance does. The zero value is calm. One shape serves every purpose, and what a purpose does not
// use is 0: a flag is N = 1, a delay is For, a cut is a set or direction in N with its time and its length.
type Value struct {
	N   int64 // a count, a set, a choice
	At  int64 // when, in nanoseconds of virtual time
	For int64 // how long, in nanoseconds
}

// Calm reports whether v changes nothing.
func (v Value) Calm() bool { return v == Value{} }

// Disturbance is a key with its value. Alias says what the subject held when it was recorded (index, entries,
// rejection); no lookup uses it, so two disturbances with one key are the same disturbance.
type Disturbance struct {
	Key   Key
	Value Value
	Alias uint64
}

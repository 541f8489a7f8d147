package checker

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// script feeds a history written as text, one event per step, events parted by ";" or new lines:
//
//	c1#1 get K | put K V | delete K ID | append K ID | cas K S>V        an invocation
//	c1#1 current K [session] | stale K [session]                        a read outside the log
//	c1#1 ok | swapped | saw S                                           an answer, followed by "@I" if it names an index, and "out" if
//	                                                                    its promise was void
//
// A value V is ids in hex parted by dots; a state S is a value, "!ID" for deleted by ID, or "never".
func script(t testing.TB, h *History, text string) {
	t.Helper()
	step := uint64(0)
	for _, event := range strings.FieldsFunc(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		f := strings.Fields(event)
		if len(f) == 0 {
			continue
		}
		step++
		var client, seq uint64
		if _, err := fmt.Sscanf(f[0], "c%d#%d", &client, &seq); err != nil {
			t.Fatalf("%q: %v", event, err)
		}
		in := Invocation{Client: client, Seq: seq, Step: step}
		out := Completion{Client: client, Seq: seq, Step: step}
		if f[len(f)-1] == "out" {
			out.OutOfContract, f = true, f[:len(f)-1]
		}
		if last := f[len(f)-1]; last[0] == '@' {
			if _, err := fmt.Sscan(last[1:], &out.ReadAt); err != nil {
				t.Fatal(err)
			}
			f = f[:len(f)-1]
		}
		if f[len(f)-1] == "session" {
			in.Session, f = true, f[:len(f)-1]
		}
		if len(f) > 2 && f[1] != "saw" {
			in.Key = hex(t, strings.TrimPrefix(f[2], "k"))
		}
		var err error
		switch f[1] {
		case "get":
			in.Kind = OpGet
			err = h.Invoke(in)
		case "current":
			in.Read = ReadCurrent
			err = h.Invoke(in)
		case "stale":
			in.Read = ReadStale
			err = h.Invoke(in)
		case "put":
			in.Kind, in.Value = OpPut, state(t, f[3]).Value
			err = h.Invoke(in)
		case "append":
			in.Kind, in.Value = OpAppend, state(t, f[3]).Value
			err = h.Invoke(in)
		case "delete":
			in.Kind, in.Tombstone = OpDelete, hex(t, f[3])
			err = h.Invoke(in)
		case "cas":
			expect, next, _ := strings.Cut(f[3], ">")
			in.Kind, in.Expect, in.Value = OpCAS, state(t, expect), state(t, next).Value
			err = h.Invoke(in)
		case "ok":
			err = h.Return(out)
		case "swapped":
			out.Swapped = true
			err = h.Return(out)
		case "saw":
			out.Seen = state(t, f[2])
			err = h.Return(out)
		default:
			t.Fatalf("no such event: %q", event)
		}
		if err != nil {
			t.Fatalf("%q: %v", event, err)
		}
	}
}

func state(t testing.TB, text string) Seen {
	t.Helper()
	switch {
	case text == "never":
		return Seen{}
	case text[0] == '!':
		return SeenMissing(hex(t, text[1:]))
	}
	var ids []uint64
	for _, word := range strings.Split(text, ".") {
		ids = append(ids, hex(t, word))
	}
	return SeenValue(value(ids...))
}

func hex(t testing.TB, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// order makes a committed order of text: "c1#1 c2#1", at index 1 and up; "+c3#1" is at the index of the one before it.
func order(t testing.TB, text string) []Execution {
	t.Helper()
	all := []Execution{}
	index := uint64(0)
	for _, f := range strings.Fields(text) {
		if f[0] == '+' {
			f = f[1:]
		} else {
			index++
		}
		e := Execution{Index: index}
		if _, err := fmt.Sscanf(f, "c%d#%d", &e.Client, &e.Seq); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

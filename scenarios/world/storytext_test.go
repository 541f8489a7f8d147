package world

import (
	"strings"
	"testing"

	"raftsim/raft"
)

func TestBreakAt(t *testing.T) {
	for _, tc := range []struct {
		text string
		room int
		want string // lines
	}{
		{"", 5, ""},
		{"abc", 5, "abc"},
		{"abcde", 5, "abcde"},
		{"ab cd ef", 5, "ab cd|ef"},
		{"ab  cd", 3, "ab|cd"},
		{"abcdefgh ij", 5, "abcdefgh|ij"},
		{"abcdefgh", 5, "abcdefgh"},
	} {
		var lines []string
		text := []byte(tc.text)
		for {
			cut := breakAt(text, tc.room)
			lines = append(lines, strings.TrimSpace(string(text[:cut])))
			if cut == len(text) {
				break
			}
			text = []byte(strings.TrimLeft(string(text[cut:]), " "))
		}
		if got := strings.Join(lines, "|"); got != tc.want {
			t.Errorf("%q in %d: %q, want %q", tc.text, tc.room, got, tc.want)
		}
	}
}

func TestShownLog(t *testing.T) {
	log := &shownLog{first: 1}
	for i, term := range []uint64{1, 1, 2, 2, 2, 5} {
		log.append(&raft.Entry{Index: uint64(i + 1), Term: term}, "x")
	}
	for _, tc := range []struct {
		first, last uint64
		want        string
	}{
		{1, 1, "1/t1"}, {1, 2, "1-2/t1"}, {2, 6, "2/t1, 3-5/t2, 6/t5"}, {6, 8, "6/t5, 7-8"}, {7, 7, "7"},
	} {
		if got := log.names(tc.first, tc.last); got != tc.want {
			t.Errorf("%d-%d: %q, want %q", tc.first, tc.last, got, tc.want)
		}
	}
	if got := log.named(2, 3); got != "2/t1 (x), 3/t2 (x)" {
		t.Errorf("named: %q", got)
	}
	log.append(&raft.Entry{Index: 3, Term: 7}, "y") // replaces what follows
	if got := log.names(1, log.last()); got != "1-2/t1, 3/t7" || log.ending() != " with a log up to 3/t7" {
		t.Errorf("after another entry 3: %q,%s", got, log.ending())
	}
	log.restart(9)
	if _, held := log.at(3); held || log.last() != 9 || log.ending() != " with a log that holds nothing after 9" {
		t.Errorf("after a snapshot: ends at %d,%s", log.last(), log.ending())
	}
	log.cut(4)
	log.append(&raft.Entry{Index: 12, Term: 8}, "z") // what was between is not known
	if got := log.names(10, 12); got != "10-11, 12/t8" {
		t.Errorf("after a gap: %q", got)
	}
}

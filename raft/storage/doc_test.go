package storage

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"raftsim/raft"
)

// The sizes, marks and limits that the package comment gives are those of the code: others decode disks by them.
func TestTextNamesTheNumbers(t *testing.T) {
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(strings.ReplaceAll(string(source), "//", " ")), " ")
	for _, want := range []string{
		fmt.Sprintf("of the whole header: %d, and the configuration", headerFixed),
		fmt.Sprintf("%d configuration of the member's bootstrap", headerFixed),
		fmt.Sprintf("of the head: %d + %d*count", recordFixed, recordEntry),
		fmt.Sprintf("%d table count times", recordFixed),
		fmt.Sprintf("for each block of %d bytes of data", snapBlock),
		fmt.Sprintf("length is at most %d", 4*maxSnapshots+1<<20),
		fmt.Sprintf("%d times the index after which it joined", 1<<restartBits),
		fmt.Sprintf("8 bytes %q", headerMagic), fmt.Sprintf("4 bytes %q", recordMagic), fmt.Sprintf("8 bytes %q", snapMagic),
		saveTemp, receiveTemp,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the package comment does not say %q", want)
		}
	}
}

// Of two snapshots the one of the later term counts, whatever its index: what the other one stands for was never committed.
func TestNewestSnapshotIsThatOfTheLatestTerm(t *testing.T) {
	s := newSite(t, 1<<20)
	s.write(batch{hs: hard(3, 1, 0), entries: []raft.Entry{entry(1, 1, "one"), entry(3, 2, "two"), entry(3, 3, "three")}})
	s.save(9, 1, "of a log that is gone")
	s.save(2, 3, "of this log")
	if st := s.open(); st.Snapshot.Index != 2 || st.Snapshot.Term != 3 || len(st.Entries) != 3 || st.Lost != (raft.EntryID{}) {
		t.Errorf("%+v", st)
	}
}

// Without a valid header before what is cut off nothing tells what the disk holds: it is refused, but for one that was never founded.
func TestNoHeaderIsRefused(t *testing.T) {
	s := newSite(t, 1<<20)
	s.write(story()...)
	for _, name := range s.names() {
		b := s.bytes(name)
		clear(b[:8])
		s.put(name, b)
	}
	var e *CorruptError
	if _, err := s.tryOpen(); !errors.As(err, &e) {
		t.Errorf("no header is left: %v", err)
	}
	s = newSite(t, 1<<20)
	for _, name := range s.names()[1:] {
		s.must(s.mem.Remove(name))
	}
	b := s.bytes(s.names()[0])
	s.put(s.names()[0], b[:len(b)-1])
	if _, err := s.tryOpen(); !errors.Is(err, ErrEmpty) {
		t.Errorf("half a bootstrap: %v", err)
	}
}

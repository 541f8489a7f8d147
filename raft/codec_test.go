package raft

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// jointConf is a configuration with everything in it.
var jointConf = ConfState{Voters: []uint64{1, 3, 4}, Outgoing: []uint64{1, 2, 3}, Learners: []uint64{5}, LearnersNext: []uint64{2}, AutoLeave: true}

// number draws small numbers, zero and the extremes.
var number = rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(1, 300), rapid.Uint64(), rapid.Just(^uint64(0)))

var entryGen = rapid.Custom(func(t *rapid.T) Entry {
	e := Entry{
		Term:  number.Draw(t, "term"),
		Index: number.Draw(t, "index"),
		Type:  EntryType(rapid.IntRange(0, int(entryTypeEnd)-1).Draw(t, "type")),
	}
	if data := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "data"); len(data) > 0 {
		e.Data = data
	}
	return e
})

// confGen draws lists of ids, possible as configurations or not: the codec does not ask.
var confGen = rapid.Custom(func(t *rapid.T) ConfState {
	c := ConfState{AutoLeave: rapid.Bool().Draw(t, "auto")}
	for _, list := range []*[]uint64{&c.Voters, &c.Outgoing, &c.Learners, &c.LearnersNext} {
		if ids := rapid.SliceOfN(number, 0, 4).Draw(t, "ids"); len(ids) > 0 {
			*list = ids
		}
	}
	return c
})

var changeGen = rapid.Custom(func(t *rapid.T) ConfChange {
	c := ConfChange{Transition: ConfTransition(rapid.IntRange(0, int(confTransitionEnd)-1).Draw(t, "transition"))}
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		c.Changes = append(c.Changes, ConfChangeSingle{
			Type: ConfChangeType(rapid.IntRange(0, int(confChangeTypeEnd)-1).Draw(t, "type")), ID: number.Draw(t, "id")})
	}
	c.Result = confGen.Draw(t, "result")
	return c
})

var messageGen = rapid.Custom(func(t *rapid.T) Message {
	m := Message{
		Type:   MessageType(rapid.IntRange(0, int(messageTypeEnd)-1).Draw(t, "type")),
		Reject: rapid.Bool().Draw(t, "reject"),
	}
	numbers := m.numbers()
	for i := range numbers {
		numbers[i] = number.Draw(t, "number")
	}
	m.setNumbers(&numbers)
	m.Transfer, m.Abstaining = rapid.Bool().Draw(t, "transfer"), rapid.Bool().Draw(t, "abstaining")
	if rapid.Bool().Draw(t, "conf?") {
		conf := confGen.Draw(t, "conf")
		m.Conf = &conf
	}
	if data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data"); len(data) > 0 {
		m.Data = data
	}
	if entries := rapid.SliceOfN(entryGen, 0, 4).Draw(t, "entries"); len(entries) > 0 {
		m.Entries = entries
	}
	return m
})

func TestMessageRoundTrip(t *testing.T) {
	reused := Message{Term: 9, Entries: make([]Entry, 3)}
	rapid.Check(t, func(t *rapid.T) {
		m := messageGen.Draw(t, "message")
		b := AppendMessage([]byte("before"), &m)
		if !bytes.HasPrefix(b, []byte("before")) {
			t.Fatal("what was in the buffer is gone")
		}
		b = b[len("before"):]
		if size := EncodedMessageSize(&m); size != len(b) {
			t.Fatalf("EncodedMessageSize says %d of %d bytes", size, len(b))
		}
		if err := DecodeMessage(b, &reused); err != nil {
			t.Fatal(err)
		}
		got := reused
		if len(got.Entries) == 0 {
			got.Entries = nil
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Fatal(diff)
		}
		// Every prefix of an encoding, and every extension, is something else.
		for cut := range b {
			if DecodeMessage(b[:cut], &reused) == nil {
				t.Fatalf("the first %d of %d bytes decode", cut, len(b))
			}
		}
		if DecodeMessage(append(slices.Clone(b), 0), &reused) == nil {
			t.Fatal("a byte too many is accepted")
		}
	})
}

func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := entryGen.Draw(t, "entry")
		b := AppendEntry(nil, &e)
		if size := EncodedEntrySize(&e); size != len(b) {
			t.Fatalf("EncodedEntrySize says %d of %d bytes", size, len(b))
		}
		var got Entry
		if err := DecodeEntry(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Fatal(diff)
		}
		if DecodeEntry(append(slices.Clone(b), 0), &got) == nil {
			t.Fatal("a byte too many is accepted")
		}
	})
}

func TestConfRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		conf, change := confGen.Draw(t, "conf"), changeGen.Draw(t, "change")
		b := AppendConfState(nil, &conf)
		if size := encodedConfStateSize(&conf); size != len(b) {
			t.Fatalf("encodedConfStateSize says %d of %d bytes", size, len(b))
		}
		var gotConf ConfState
		if err := DecodeConfState(b, &gotConf); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(conf, gotConf); diff != "" {
			t.Fatal(diff)
		}
		b = AppendConfChange(nil, &change)
		var got ConfChange
		if err := DecodeConfChange(b, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(change, got); diff != "" {
			t.Fatal(diff)
		}
		for cut := range b {
			if DecodeConfChange(b[:cut], &got) == nil {
				t.Fatalf("the first %d of %d bytes decode", cut, len(b))
			}
		}
		if DecodeConfChange(append(slices.Clone(b), 0), &got) == nil {
			t.Fatal("a byte too many is accepted")
		}
	})
}

// hostile: whatever decodes is the one encoding of what it decodes to.
func hostile(t interface{ Fatalf(string, ...any) }, b []byte) {
	var m Message
	if DecodeMessage(b, &m) == nil {
		if again := AppendMessage(nil, &m); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes, but its message encodes as %x", b, again)
		}
		DescribeMessage(nil, &m)
	}
	if cap(m.Entries) > 2+len(b) {
		t.Fatalf("%d bytes made room for %d entries", len(b), cap(m.Entries))
	}
	var e Entry
	if DecodeEntry(b, &e) == nil {
		if again := AppendEntry(nil, &e); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes, but its entry encodes as %x", b, again)
		}
		DescribeEntry(nil, &e)
	}
	var conf ConfState
	if DecodeConfState(b, &conf) == nil {
		if again := AppendConfState(nil, &conf); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes, but its configuration encodes as %x", b, again)
		}
		_ = conf.Validate() // judges whatever comes
	}
	var change ConfChange
	if DecodeConfChange(b, &change) == nil {
		if again := AppendConfChange(nil, &change); !bytes.Equal(again, b) {
			t.Fatalf("%x decodes, but its change encodes as %x", b, again)
		}
	}
}

func TestHostileBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hostile(t, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
	})
	rapid.Check(t, func(t *rapid.T) { // near the truth
		m := messageGen.Draw(t, "message")
		b := AppendMessage(nil, &m)
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "to")
		}
		hostile(t, b)
	})
}

// FuzzDecodeMessage feeds bytes to every reader of the format.
func FuzzDecodeMessage(f *testing.F) {
	for _, m := range []Message{
		{Type: MsgVoteResp, From: 1, To: 2, Term: 3, Reject: true},
		{Type: MsgApp, From: 1, To: 2, Term: 300, LogTerm: 2, Index: 70000, Entries: entriesOf(70001, 2, 300)},
		{Type: MsgSnap, From: 1, To: 4, Term: 4, Index: 9, LogTerm: 3, Offset: 2, Length: 3, Size: 5, Data: []byte("abc"), Conf: &jointConf},
		{Type: MsgVote, From: 1, To: 4, Term: 4, Transfer: true, Abstaining: true},
		{Type: MsgReadIndex, From: 1, To: 4, Term: 4, Context: 1<<40 | 7},
	} {
		f.Add(AppendMessage(nil, &m))
	}
	f.Add(AppendConfState(nil, &jointConf))
	f.Add(AppendConfChange(nil, &ConfChange{Changes: []ConfChangeSingle{{ConfChangeRemove, 2}, {ConfChangeAddVoter, 4}}, Result: jointConf}))
	f.Fuzz(func(t *testing.T, b []byte) { hostile(t, b) })
}

// TestHostileCount: a count of entries that the bytes cannot hold costs no memory.
func TestHostileCount(t *testing.T) {
	b := []byte{byte(MsgApp), 0, 0, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}
	var m Message
	if err := DecodeMessage(b, &m); err != ErrCorrupt || cap(m.Entries) != 0 {
		t.Errorf("error %v, room for %d entries", err, cap(m.Entries))
	}
}

// TestNumbersAreMinimal: one number has one encoding.
func TestNumbersAreMinimal(t *testing.T) {
	for _, b := range [][]byte{
		{byte(EntryNormal), 0x81, 0x00, 1, 0},
		{byte(EntryNormal), 0x80, 0x00, 1, 0},
		{byte(EntryNormal), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 1, 0},
	} {
		var e Entry
		if err := DecodeEntry(b, &e); err != ErrCorrupt {
			t.Errorf("%x decodes as %v", b, e)
		}
	}
}

// TestWireFormat pins the bytes: they are part of recorded runs and of files on disk.
func TestWireFormat(t *testing.T) {
	m := Message{Type: MsgAppResp, Reject: true, From: 2, To: 1, Term: 300, LogTerm: 1, Index: 9, RejectHint: 6, Round: 4}
	want := []byte{0x81, 0x9f, 0x01, 0, 2, 1, 0xac, 0x02, 1, 9, 6, 4}
	if got := AppendMessage(nil, &m); !bytes.Equal(got, want) {
		t.Errorf("message is %x, want %x", got, want)
	}
	e := Entry{Term: 3, Index: 200, Data: []byte("hi")}
	want = []byte{0, 3, 0xc8, 0x01, 2, 'h', 'i'}
	if got := AppendEntry(nil, &e); !bytes.Equal(got, want) {
		t.Errorf("entry is %x, want %x", got, want)
	}
}

func TestNamesAndLines(t *testing.T) {
	want := []string{"app", "app-resp", "heartbeat", "heartbeat-resp", "vote", "vote-resp", "pre-vote", "pre-vote-resp",
		"snap", "snap-resp", "timeout-now", "read-index", "read-index-resp"}
	if diff := cmp.Diff(want, MessageTypeNames()); diff != "" {
		t.Error(diff)
	}
	for _, tc := range []struct {
		m    Message
		want string
	}{
		{Message{Type: MsgApp, From: 1, To: 2, Term: 3, Index: 4, LogTerm: 2, Commit: 3, Round: 7, Entries: []Entry{
			{Term: 3, Index: 5, Data: []byte("x")}, {Term: 3, Index: 6}}}, `n1>n2 app t3 after 4/2 commit 3 round 7 [5/3 "x" 6/3 ""]`},
		{Message{Type: MsgAppResp, From: 2, To: 1, Term: 3, Reject: true, Index: 9, RejectHint: 6, LogTerm: 2, Epoch: 5},
			"n2>n1 app-resp t3 rejected 9 hint 6/2 epoch 5"},
		{Message{Type: MsgAppResp, From: 2, To: 1, Term: 3, Index: 9}, "n2>n1 app-resp t3 upto 9"},
		{Message{Type: MsgHeartbeat, From: 1, To: 3, Term: 3, Round: 1}, "n1>n3 heartbeat t3 commit 0 round 1"},
		{Message{Type: MsgHeartbeatResp, From: 1, To: 3, Term: 3, Reject: true}, "n1>n3 heartbeat-resp t3 rejected"},
		{Message{Type: MsgPreVote, From: 1, To: 3, Term: 4, Index: 6, LogTerm: 3, Commit: 5, CommitTerm: 3}, "n1>n3 pre-vote t4 last 6/3 commit 5/3"},
		{Message{Type: MsgVoteResp, From: 3, To: 1, Term: 4}, "n3>n1 vote-resp t4 granted commit 0/0"},
		{Message{Type: MsgVote, From: 1, To: 3, Term: 4, Index: 6, LogTerm: 3, Transfer: true, Epoch: 9},
			"n1>n3 vote t4 last 6/3 commit 0/0 transfer epoch 9"},
		{Message{Type: MsgAppResp, From: 2, To: 1, Term: 3, Reject: true, Abstaining: true},
			"n2>n1 app-resp t3 rejected 0 hint 0/0 abstaining"},
		{Message{Type: MsgSnap, From: 1, To: 4, Term: 4, Index: 9, LogTerm: 3, Offset: 100, Length: 50, Size: 250, Conf: &jointConf, Round: 8},
			"n1>n4 snap t4 of 9/3 bytes 100+50 of 250 (1 3 4)&&(1 2 3) learners (5) next (2) auto round 8"},
		{Message{Type: MsgSnapResp, From: 4, To: 1, Term: 4, Index: 9, LogTerm: 3, Offset: 150}, "n4>n1 snap-resp t4 of 9/3 has 150"},
		{Message{Type: MsgTimeoutNow, From: 1, To: 4, Term: 4}, "n1>n4 timeout-now t4"},
		{Message{Type: MsgReadIndex, From: 4, To: 1, Term: 4, Context: 17}, "n4>n1 read-index t4 read 17"},
		{Message{Type: MsgReadIndexResp, From: 1, To: 4, Term: 4, Context: 17, Index: 9}, "n1>n4 read-index-resp t4 read 17 at 9"},
		{Message{Type: MsgReadIndexResp, From: 1, To: 4, Term: 4, Context: 17, Reject: true}, "n1>n4 read-index-resp t4 read 17 rejected"},
		{Message{Type: 99}, "none>none unknown t0"},
	} {
		if got := string(DescribeMessage(nil, &tc.m)); got != tc.want {
			t.Errorf("line is  %s\nwant %s", got, tc.want)
		}
	}
	change := ConfChange{Transition: ConfTransitionJoint, Result: jointConf, Changes: []ConfChangeSingle{
		{ConfChangeAddVoter, 4}, {ConfChangeAddLearner, 2}, {ConfChangeRemove, 6}}}
	e := Entry{Term: 1, Index: 2, Type: EntryConfChange, Data: AppendConfChange(nil, &change)}
	if got, want := string(DescribeEntry(nil, &e)),
		"2/1 conf-change voter n4 learner n2 remove n6 joint -> (1 3 4)&&(1 2 3) learners (5) next (2) auto"; got != want {
		t.Errorf("line is  %s\nwant %s", got, want)
	}
	if got := string(DescribeConfChange(nil, &ConfChange{})); got != "leave" {
		t.Errorf("line is %s", got)
	}
	status := Status{ID: 4, Role: StateFollower, Learner: true, Abstaining: true, Transferee: 2}
	if got, want := string(DescribeStatus(nil, status)),
		"n4 follower t0 vote none lead none commit 0 applied 0 last 0/0 learner abstaining transfer to n2"; got != want {
		t.Errorf("line is  %s\nwant %s", got, want)
	}
	long := Entry{Term: 1, Index: 2, Type: EntryConfChange, Data: bytes.Repeat([]byte("ab"), 20)}
	if got, want := string(DescribeEntry(nil, &long)), `2/1 conf-change "abababababababababababab"+16`; got != want {
		t.Errorf("line is  %s\nwant %s", got, want)
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	m := Message{Type: MsgApp, From: 1, To: 2, Term: 300, LogTerm: 2, Index: 7, Commit: 5, Round: 3, Entries: entriesOf(8, 2, 300)}
	b := AppendMessage(nil, &m)
	var got Message
	line := make([]byte, 0, 500)
	if err := DecodeMessage(b, &got); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		b = AppendMessage(b[:0], &m)
		_ = DecodeMessage(b, &got)
		line = DescribeMessage(line[:0], &got)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

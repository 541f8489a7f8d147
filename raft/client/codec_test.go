package client

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func goodRequest() Request {
	return Request{
		Kind: KindCommand, Client: 5, Seq: 12, Attempt: 2, Hops: 1, Origin: 3, Session: 7, Prev: 10, Ack: 11, Command: []byte("ab"),
	}
}

func goodRead() Request {
	return Request{Kind: KindRead, Read: ReadStale, Client: 5, Seq: 12, Attempt: 2, Index: 40, Command: []byte("ab")}
}

func goodOpen() Request { return Request{Kind: KindOpen, Client: 5, Seq: 12, Attempt: 2} }

func goodReply() Reply {
	return Reply{Client: 5, Seq: 12, Attempt: 2, Status: ReplyOK, Leader: 3, Index: 40, Result: []byte("ab")}
}

func TestFormat(t *testing.T) {
	request, read, open, reply := goodRequest(), goodRead(), goodOpen(), goodReply()
	opened := Reply{Client: 5, Seq: 12, Attempt: 2, Status: ReplyOK, Index: 7, Session: 7}
	const zeros = "\x00\x00\x00\x00\x00\x00\x00"
	const ids = "\x05" + zeros + "\x0c" + zeros + "\x02\x00\x00\x00"
	for _, tc := range []struct{ name, got, want, text, wantText string }{
		{"command", string(AppendRequest(nil, &request)), "\x01" + ids + "\x01\x03" + zeros + "\x07" + zeros + "\x0a" + zeros + "\x0b" + zeros + "ab",
			request.String(), "command c5 #12 try 2 from n3 session 7 after #10 ack #11: 2 bytes"},
		{"read", string(AppendRequest(nil, &read)), "\x03" + ids + "\x00\x00" + zeros + "\x04\x28" + zeros + "ab",
			read.String(), "read stale c5 #12 try 2 index 40: 2 bytes"},
		{"open", string(AppendRequest(nil, &open)), "\x02" + ids + "\x00\x00" + zeros, open.String(), "open c5 #12 try 2"},
		{"reply", string(AppendReply(nil, &reply)), ids + "\x01\x03" + zeros + "\x28" + zeros + "\x00" + zeros + "ab",
			reply.String(), "reply c5 #12 try 2 ok, leader n3, index 40: 2 bytes"},
		{"opened", string(AppendReply(nil, &opened)), ids + "\x01\x00" + zeros + "\x07" + zeros + "\x07" + zeros,
			opened.String(), "reply c5 #12 try 2 ok, index 7, session 7"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
		if tc.text != tc.wantText {
			t.Errorf("%s: %q, want %q", tc.name, tc.text, tc.wantText)
		}
	}
	reply = Reply{Client: 5, Seq: 12, Attempt: 2, Status: ReplyBusy}
	if got, want := reply.String(), "reply c5 #12 try 2 busy"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for i, name := range ReadKindNames() {
		if got := ReadKind(i).String(); got != name {
			t.Errorf("read kind %d: %q, want %q", i, got, name)
		}
	}
}

func TestRejected(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(r *Request)
		want   error
	}{
		{"no session", func(r *Request) { r.Session = 0 }, ErrSession},
		{"no predecessor", func(r *Request) { r.Prev = 0 }, ErrPrev},
		{"its own predecessor", func(r *Request) { r.Prev = r.Seq }, ErrPrev},
		{"no acknowledgement", func(r *Request) { r.Ack = 0 }, ErrAck},
		{"acknowledges itself", func(r *Request) { r.Ack = r.Seq + 1 }, ErrAck},
		{"kind 0", func(r *Request) { r.Kind = 0 }, ErrKind},
		{"kind 5", func(r *Request) { r.Kind = 5 }, ErrKind},
		{"who", func(r *Request) { *r = goodOpen(); r.Kind = KindWho }, nil},
		{"who with more", func(r *Request) { *r = goodOpen(); r.Kind, r.Command = KindWho, []byte("x") }, ErrTrailing},
		{"through a front", func(r *Request) { r.Via = 2049 }, nil},
		{"a read", func(r *Request) { *r = goodRead() }, nil},
		{"a read of the log", func(r *Request) { *r = goodRead(); r.Read, r.Index = ReadLog, 0 }, ErrRead},
		{"a read of kind 6", func(r *Request) { *r = goodRead(); r.Read, r.Index = 6, 0 }, ErrRead},
		{"a leader's read with an index", func(r *Request) { *r = goodRead(); r.Read = ReadLeader }, ErrIndex},
		{"an opening", func(r *Request) { *r = goodOpen() }, nil},
		{"an opening with more", func(r *Request) { *r = goodOpen(); r.Command = []byte("x") }, ErrTrailing},
		{"good", func(*Request) {}, nil},
		{"no command", func(r *Request) { r.Command = nil }, nil},
		{"from a client", func(r *Request) { r.Hops, r.Origin = 0, 0 }, nil},
		{"no client", func(r *Request) { r.Client = 0 }, ErrClient},
		{"no number", func(r *Request) { r.Seq = 0 }, ErrSeq},
		{"no attempt", func(r *Request) { r.Attempt = 0 }, ErrAttempt},
		{"forwarded twice", func(r *Request) { r.Hops = 2 }, ErrHops},
		{"forwarded by nobody", func(r *Request) { r.Origin = 0 }, ErrOrigin},
		{"from a client and a server", func(r *Request) { r.Hops = 0 }, ErrOrigin},
	} {
		r := goodRequest()
		tc.change(&r)
		into := Request{Seq: 99}
		if err := DecodeRequest(AppendRequest(nil, &r), &into); err != tc.want {
			t.Errorf("request, %s: %v, want %v", tc.name, err, tc.want)
		} else if err != nil && into.Seq != 99 {
			t.Errorf("request, %s: refused and decoded", tc.name)
		}
	}
	for _, tc := range []struct {
		name   string
		change func(r *Reply)
		want   error
	}{
		{"good", func(*Reply) {}, nil},
		{"no leader", func(r *Reply) { r.Leader = 0 }, nil},
		{"redirect", func(r *Reply) { r.Status, r.Index, r.Result = ReplyRedirect, 0, nil }, nil},
		{"busy", func(r *Reply) { r.Status, r.Index, r.Result = ReplyBusy, 0, nil }, nil},
		{"unavailable", func(r *Reply) { r.Status, r.Index, r.Result = ReplyUnavailable, 0, nil }, nil},
		{"no client", func(r *Reply) { r.Client = 0 }, ErrClient},
		{"no number", func(r *Reply) { r.Seq = 0 }, ErrSeq},
		{"no attempt", func(r *Reply) { r.Attempt = 0 }, ErrAttempt},
		{"status 0", func(r *Reply) { r.Status = 0 }, ErrStatus},
		{"expired", func(r *Reply) { r.Status, r.Result = ReplyExpired, nil }, nil},
		{"dropped", func(r *Reply) { r.Status, r.Index, r.Result = ReplyDropped, 0, nil }, nil},
		{"dropped with an index", func(r *Reply) { r.Status, r.Result = ReplyDropped, nil }, ErrIndex},
		{"opened", func(r *Reply) { r.Session, r.Result = 7, nil }, nil},
		{"opened with a result", func(r *Reply) { r.Session = 7 }, ErrOpened},
		{"expired with a session", func(r *Reply) { r.Status, r.Session, r.Result = ReplyExpired, 7, nil }, ErrOpened},
		{"too large", func(r *Reply) { r.Status, r.Index, r.Result = ReplyTooLarge, 0, nil }, nil},
		{"status 9", func(r *Reply) { r.Status = 9 }, ErrStatus},
		{"who", func(r *Reply) { r.Status, r.Index, r.Result, r.Term = ReplyWho, 0, nil, 6 }, nil},
		{"who with a result", func(r *Reply) { r.Status = ReplyWho }, ErrResult},
		{"through a front", func(r *Reply) { r.Via = 2049 }, nil},
		{"redirect to nowhere", func(r *Reply) { r.Status, r.Leader, r.Index, r.Result = ReplyRedirect, 0, 0, nil }, ErrLeader},
		{"busy with a result", func(r *Reply) { r.Status, r.Index = ReplyBusy, 0 }, ErrResult},
	} {
		r := goodReply()
		tc.change(&r)
		into := Reply{Seq: 99}
		if err := DecodeReply(AppendReply(nil, &r), &into); err != tc.want {
			t.Errorf("reply, %s: %v, want %v", tc.name, err, tc.want)
		} else if err != nil && into.Seq != 99 {
			t.Errorf("reply, %s: refused and decoded", tc.name)
		}
	}
	command, read := goodRequest(), goodRead()
	for n := range requestHeader + commandHeader {
		if err := DecodeRequest(AppendRequest(nil, &command)[:n], new(Request)); err != ErrShort {
			t.Errorf("command of %d bytes: %v", n, err)
		}
	}
	for n := range requestHeader + readHeader {
		if err := DecodeRequest(AppendRequest(nil, &read)[:n], new(Request)); err != ErrShort {
			t.Errorf("read of %d bytes: %v", n, err)
		}
	}
	for n := range replyHeader {
		if err := DecodeReply(make([]byte, n), new(Reply)); err != ErrShort {
			t.Errorf("reply of %d bytes: %v", n, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := Request{
			Kind:    Kind(rapid.ByteRange(1, 4).Draw(t, "kind")),
			Client:  rapid.Uint64Min(1).Draw(t, "client"),
			Seq:     rapid.Uint64Min(2).Draw(t, "seq"),
			Attempt: rapid.Uint32Min(1).Draw(t, "attempt"),
			Hops:    rapid.Uint8Range(0, 1).Draw(t, "hops"),
		}
		if rapid.Bool().Draw(t, "through a front") {
			request.Via = rapid.Uint64Min(1).Draw(t, "via")
		}
		if request.Kind == KindCommand || request.Kind == KindRead {
			request.Command = rapid.SliceOf(rapid.Byte()).Draw(t, "command")
		}
		switch request.Kind {
		case KindCommand:
			request.Session = rapid.Uint64Min(1).Draw(t, "session")
			request.Prev = rapid.Uint64Range(1, request.Seq-1).Draw(t, "prev")
			request.Ack = rapid.Uint64Range(1, request.Seq).Draw(t, "ack")
		case KindRead:
			request.Read = ReadKind(rapid.ByteRange(1, 4).Draw(t, "read"))
			if request.Read == ReadStale {
				request.Index = rapid.Uint64().Draw(t, "index")
			}
		}
		if request.Hops > 0 {
			request.Origin = rapid.Uint64Min(1).Draw(t, "origin")
		}
		gotRequest := goodRequest()
		gotRequest.Read, gotRequest.Index = ReadStale, 99
		err := DecodeRequest(AppendRequest(nil, &request), &gotRequest)
		if diff := cmp.Diff(request, gotRequest, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		reply := Reply{
			Client: request.Client, Seq: request.Seq, Attempt: request.Attempt,
			Status: ReplyStatus(rapid.ByteRange(1, 8).Draw(t, "status")),
			Leader: rapid.Uint64Min(1).Draw(t, "leader"),
			Via:    request.Via,
		}
		switch reply.Status {
		case ReplyOK:
			reply.Index = rapid.Uint64().Draw(t, "applied")
			if request.Kind == KindOpen {
				reply.Session = rapid.Uint64Min(1).Draw(t, "opened")
			} else {
				reply.Result = request.Command
			}
		case ReplyWho:
			reply.Term = rapid.Uint64().Draw(t, "term")
		case ReplyExpired:
			reply.Index = rapid.Uint64().Draw(t, "applied")
		}
		var gotReply Reply
		err = DecodeReply(AppendReply(nil, &reply), &gotReply)
		if diff := cmp.Diff(reply, gotReply, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

// Whatever decodes encodes to the same bytes: no two encodings of one thing, and no byte that is not looked at.
func checkHostile(t interface{ Errorf(string, ...any) }, b []byte) {
	var request Request
	if err := DecodeRequest(b, &request); err == nil && !bytes.Equal(AppendRequest(nil, &request), b) {
		t.Errorf("%x decodes to %v", b, &request)
	}
	var reply Reply
	if err := DecodeReply(b, &reply); err == nil && !bytes.Equal(AppendReply(nil, &reply), b) {
		t.Errorf("%x decodes to %v", b, &reply)
	}
	var beacon Beacon
	if err := DecodeBeacon(b, &beacon); err == nil && !bytes.Equal(AppendBeacon(nil, &beacon), b) {
		t.Errorf("%x decodes to %v", b, &beacon)
	}
}

func TestHostile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := rapid.SampledFrom([]Request{goodRequest(), goodRead(), goodOpen(), {Kind: KindWho, Client: 5, Seq: 1, Attempt: 1, Via: 2049}}).Draw(t, "request")
		reply := goodReply()
		b := AppendRequest(nil, &request)
		if rapid.Bool().Draw(t, "beacon") {
			b = AppendBeacon(nil, &Beacon{Leader: 3, Term: 4})
		}
		if rapid.Bool().Draw(t, "reply") {
			b = AppendReply(nil, &reply)
		}
		for range rapid.IntRange(0, 3).Draw(t, "flips") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.Byte().Draw(t, "flip")
		}
		b = append(b[:rapid.IntRange(0, len(b)).Draw(t, "cut")], rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "tail")...)
		checkHostile(t, b)
	})
}

func FuzzDecode(f *testing.F) {
	request, read, open, reply := goodRequest(), goodRead(), goodOpen(), goodReply()
	f.Add(AppendRequest(nil, &request))
	f.Add(AppendRequest(nil, &read))
	f.Add(AppendRequest(nil, &open))
	f.Add(AppendReply(nil, &reply))
	f.Fuzz(func(t *testing.T, b []byte) { checkHostile(t, b) })
}

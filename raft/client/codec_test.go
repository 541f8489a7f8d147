package client

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

func goodRequest() Request {
	return Request{Client: 5, Seq: 12, Attempt: 2, Hops: 1, Origin: 3, Command: []byte("ab")}
}

func goodReply() Reply {
	return Reply{Client: 5, Seq: 12, Attempt: 2, Status: ReplyOK, Leader: 3, Result: []byte("ab")}
}

func TestFormat(t *testing.T) {
	request, reply := goodRequest(), goodReply()
	const ids = "\x05\x00\x00\x00\x00\x00\x00\x00\x0c\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00"
	if got, want := string(AppendRequest(nil, &request)), ids+"\x01\x03\x00\x00\x00\x00\x00\x00\x00ab"; got != want {
		t.Errorf("request %q, want %q", got, want)
	}
	if got, want := string(AppendReply(nil, &reply)), ids+"\x01\x03\x00\x00\x00\x00\x00\x00\x00ab"; got != want {
		t.Errorf("reply %q, want %q", got, want)
	}
	if got, want := request.String(), "request c5 #12 try 2 from n3: 2 bytes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := reply.String(), "reply c5 #12 try 2 ok, leader n3: 2 bytes"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	reply.Status, reply.Leader = ReplyBusy, 0
	if got, want := reply.String(), "reply c5 #12 try 2 busy"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRejected(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(r *Request)
		want   error
	}{
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
		{"redirect", func(r *Reply) { r.Status, r.Result = ReplyRedirect, nil }, nil},
		{"busy", func(r *Reply) { r.Status, r.Result = ReplyBusy, nil }, nil},
		{"unavailable", func(r *Reply) { r.Status, r.Result = ReplyUnavailable, nil }, nil},
		{"no client", func(r *Reply) { r.Client = 0 }, ErrClient},
		{"no number", func(r *Reply) { r.Seq = 0 }, ErrSeq},
		{"no attempt", func(r *Reply) { r.Attempt = 0 }, ErrAttempt},
		{"status 0", func(r *Reply) { r.Status = 0 }, ErrStatus},
		{"status 5", func(r *Reply) { r.Status = 5 }, ErrStatus},
		{"redirect to nowhere", func(r *Reply) { r.Status, r.Leader, r.Result = ReplyRedirect, 0, nil }, ErrLeader},
		{"busy with a result", func(r *Reply) { r.Status = ReplyBusy }, ErrResult},
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
	for n := range requestHeader {
		if err := DecodeRequest(make([]byte, n), new(Request)); err != ErrShort {
			t.Errorf("request of %d bytes: %v", n, err)
		}
		if err := DecodeReply(make([]byte, n), new(Reply)); err != ErrShort {
			t.Errorf("reply of %d bytes: %v", n, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request := Request{
			Client:  rapid.Uint64Min(1).Draw(t, "client"),
			Seq:     rapid.Uint64Min(1).Draw(t, "seq"),
			Attempt: rapid.Uint32Min(1).Draw(t, "attempt"),
			Hops:    rapid.Uint8Range(0, 1).Draw(t, "hops"),
			Command: rapid.SliceOf(rapid.Byte()).Draw(t, "command"),
		}
		if request.Hops > 0 {
			request.Origin = rapid.Uint64Min(1).Draw(t, "origin")
		}
		var gotRequest Request
		err := DecodeRequest(AppendRequest(nil, &request), &gotRequest)
		if diff := cmp.Diff(request, gotRequest, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
		reply := Reply{
			Client: request.Client, Seq: request.Seq, Attempt: request.Attempt,
			Status: ReplyStatus(rapid.ByteRange(1, 4).Draw(t, "status")),
			Leader: rapid.Uint64Min(1).Draw(t, "leader"),
		}
		if reply.Status == ReplyOK {
			reply.Result = request.Command
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
}

func TestHostile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		request, reply := goodRequest(), goodReply()
		b := AppendRequest(nil, &request)
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
	request, reply := goodRequest(), goodReply()
	f.Add(AppendRequest(nil, &request))
	f.Add(AppendReply(nil, &reply))
	f.Fuzz(func(t *testing.T, b []byte) { checkHostile(t, b) })
}

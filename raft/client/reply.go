package client

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// ReplyStatus is what became of one attempt. There is none for "failed": a request that may be in some log gets no
// reply until it is applied, since nobody can know that it will not be. Every status but ReplyOK is about this attempt alone; an
// earlier one may have had, or may yet have, its effect.
type ReplyStatus uint8

// The numbers are part of the format; 0 is no status.
const (
	// ReplyOK: committed and applied, Result is the state machine's answer; or read, or opened.
	ReplyOK ReplyStatus = 1
	// ReplyRedirect: not accepted, this attempt is in no log; Leader is whom the server believes in.
	ReplyRedirect ReplyStatus = 2
	// ReplyBusy: not accepted, a queue is full.
	ReplyBusy ReplyStatus = 3
	// ReplyUnavailable: not accepted, the server knows no leader, or could not confirm one.
	ReplyUnavailable ReplyStatus = 4
	// ReplyExpired: the command's session is gone. This attempt had no effect and no attempt in this session can have one
	// any more.
	ReplyExpired ReplyStatus = 5
	// ReplyDropped: accepted, but this attempt never had an effect and never will: its place in the log went to an entry of
	// another term, or the session did not take it.
	ReplyDropped ReplyStatus = 6
	// ReplyTooLarge: not accepted, and never will be by this server: the command or query has more bytes than it takes. To try
	// again is no use.
	ReplyTooLarge ReplyStatus = 7
	// ReplyWho answers KindWho: in Term, the term of whoever answers, Leader is whom it believes to lead, 0 nobody.
	ReplyWho ReplyStatus = 8
)

func (s ReplyStatus) String() string {
	switch s {
	case ReplyOK:
		return "ok"
	case ReplyRedirect:
		return "redirect"
	case ReplyBusy:
		return "busy"
	case ReplyUnavailable:
		return "unavailable"
	case ReplyExpired:
		return "expired"
	case ReplyDropped:
		return "dropped"
	case ReplyTooLarge:
		return "too-large"
	case ReplyWho:
		return "who"
	}
	return fmt.Sprintf("ReplyStatus(%d)", uint8(s))
}

// Reply answers one attempt.
type Reply struct {
	Client  uint64
	Seq     uint64
	Attempt uint32 // the attempt this answers
	Status  ReplyStatus
	Leader  uint64 // whom the server believes to lead: a hint, 0 unknown; set in a redirect
	Index   uint64 // ReplyOK, ReplyExpired: the server had applied the log up to here when it answered
	Session uint64 // ReplyOK to the opening of a session: its id; else 0
	Result  []byte // ReplyOK to anything else

	Term uint64 // ReplyWho; else 0
	Via  uint64 // the front it goes back through, as the request said
}

// replyHeader is what comes before the result: client, seq, attempt, status, leader, index (or the term of a ReplyWho), session, little
// endian. Via is behind it if there is one.
const replyHeader = 8 + 8 + 4 + 1 + 8 + 8 + 8

// AppendReply appends the one encoding of r. It does not judge r: one that breaks a rule of DecodeReply is refused there.
func AppendReply(dst []byte, r *Reply) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, r.Client)
	dst = binary.LittleEndian.AppendUint64(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, r.Attempt)
	dst = append(dst, withVia(byte(r.Status), r.Via))
	dst = binary.LittleEndian.AppendUint64(dst, r.Leader)
	if r.Status == ReplyWho {
		dst = binary.LittleEndian.AppendUint64(dst, r.Term)
	} else {
		dst = binary.LittleEndian.AppendUint64(dst, r.Index)
	}
	dst = binary.LittleEndian.AppendUint64(dst, r.Session)
	if r.Via != 0 {
		dst = binary.LittleEndian.AppendUint64(dst, r.Via)
	}
	return append(dst, r.Result...)
}

// DecodeReply sets all of r from b. Result aliases b and may be empty. On an error r is unchanged.
func DecodeReply(b []byte, r *Reply) error {
	if len(b) < replyHeader {
		return ErrShort
	}
	d := Reply{
		Client:  binary.LittleEndian.Uint64(b),
		Seq:     binary.LittleEndian.Uint64(b[8:]),
		Attempt: binary.LittleEndian.Uint32(b[16:]),
		Status:  ReplyStatus(b[20] &^ viaBit),
		Leader:  binary.LittleEndian.Uint64(b[21:]),
		Index:   binary.LittleEndian.Uint64(b[29:]),
		Session: binary.LittleEndian.Uint64(b[37:]),
		Result:  b[replyHeader:],
	}
	if b[20]&viaBit != 0 {
		if len(d.Result) < 8 {
			return ErrShort
		}
		if d.Via, d.Result = binary.LittleEndian.Uint64(d.Result), d.Result[8:]; d.Via == 0 {
			return ErrVia
		}
	}
	if d.Status == ReplyWho {
		d.Term, d.Index = d.Index, 0
	}
	switch {
	case d.Client == 0:
		return ErrClient
	case d.Seq == 0:
		return ErrSeq
	case d.Attempt == 0:
		return ErrAttempt
	case d.Status < ReplyOK || d.Status > ReplyWho:
		return ErrStatus
	case d.Status == ReplyRedirect && d.Leader == 0:
		return ErrLeader
	case d.Status != ReplyOK && d.Status != ReplyExpired && d.Index != 0:
		return ErrIndex
	case d.Session != 0 && (d.Status != ReplyOK || len(d.Result) != 0):
		return ErrOpened
	case d.Status != ReplyOK && len(d.Result) != 0:
		return ErrResult
	}
	*r = d
	return nil
}

// AppendText appends the reply's canonical line:
//
//	reply c5 #12 try 2 redirect, leader n3
//	reply c5 #12 try 2 ok, leader n3, index 40: 9 bytes
//	reply c5 #1 try 1 ok, index 17, session 17
func (r *Reply) AppendText(dst []byte) []byte {
	dst = appendAttempt(append(dst, "reply"...), r.Client, r.Seq, r.Attempt)
	if r.Via != 0 {
		dst = appendVia(dst, r.Via)
	}
	dst = append(append(dst, ' '), r.Status.String()...)
	if r.Leader != 0 {
		dst = strconv.AppendUint(append(dst, ", leader n"...), r.Leader, 10)
	}
	if r.Status == ReplyWho {
		dst = strconv.AppendUint(append(dst, ", term "...), r.Term, 10)
	}
	if r.Index != 0 {
		dst = strconv.AppendUint(append(dst, ", index "...), r.Index, 10)
	}
	if r.Session != 0 {
		return strconv.AppendUint(append(dst, ", session "...), r.Session, 10)
	}
	if r.Status == ReplyOK {
		dst = fmt.Appendf(dst, ": %d bytes", len(r.Result))
	}
	return dst
}

func (r *Reply) String() string { return string(r.AppendText(nil)) }

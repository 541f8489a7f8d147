package client

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// ReplyStatus is what became of one attempt. There is none for "failed": a request that may be in some log gets no
// reply until it is applied, since nobody can know that it will not be.
type ReplyStatus uint8

// The numbers are part of the format; 0 is no status.
const (
	// ReplyOK: committed and applied; Result is the state machine's answer.
	ReplyOK ReplyStatus = 1
	// ReplyRedirect: not accepted, this attempt is in no log; Leader is whom the server believes in.
	ReplyRedirect ReplyStatus = 2
	// ReplyBusy: not accepted, a queue is full.
	ReplyBusy ReplyStatus = 3
	// ReplyUnavailable: not accepted, the server knows no leader.
	ReplyUnavailable ReplyStatus = 4
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
	Result  []byte // ReplyOK only
}

// replyHeader is what comes before the result: client, seq, attempt, status, leader, little endian.
const replyHeader = 8 + 8 + 4 + 1 + 8

// AppendReply appends the one encoding of r. It does not judge r: one that breaks a rule of DecodeReply is refused there.
func AppendReply(dst []byte, r *Reply) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, r.Client)
	dst = binary.LittleEndian.AppendUint64(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, r.Attempt)
	dst = append(dst, byte(r.Status))
	dst = binary.LittleEndian.AppendUint64(dst, r.Leader)
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
		Status:  ReplyStatus(b[20]),
		Leader:  binary.LittleEndian.Uint64(b[21:]),
		Result:  b[replyHeader:],
	}
	switch {
	case d.Client == 0:
		return ErrClient
	case d.Seq == 0:
		return ErrSeq
	case d.Attempt == 0:
		return ErrAttempt
	case d.Status < ReplyOK || d.Status > ReplyUnavailable:
		return ErrStatus
	case d.Status == ReplyRedirect && d.Leader == 0:
		return ErrLeader
	case d.Status != ReplyOK && len(d.Result) != 0:
		return ErrResult
	}
	*r = d
	return nil
}

// AppendText appends the reply's canonical line: reply c5 #12 try 2 redirect, leader n3.
func (r *Reply) AppendText(dst []byte) []byte {
	dst = appendAttempt(append(dst, "reply"...), r.Client, r.Seq, r.Attempt)
	dst = append(append(dst, ' '), r.Status.String()...)
	if r.Leader != 0 {
		dst = strconv.AppendUint(append(dst, ", leader n"...), r.Leader, 10)
	}
	if r.Status == ReplyOK {
		dst = fmt.Appendf(dst, ": %d bytes", len(r.Result))
	}
	return dst
}

func (r *Reply) String() string { return string(r.AppendText(nil)) }

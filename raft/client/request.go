package client

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// MaxHops is how often a request may be forwarded: once, by the server that received it from the client. Two servers that
// each believe the other leads therefore cannot send it round in circles.
const MaxHops = 1

// Request is one attempt of an operation. All attempts of an operation have the same (Client, Seq), which is how the
// servers know them for one operation.
type Request struct {
	Client  uint64 // who asks, from 1
	Seq     uint64 // the client's number for the operation, from 1
	Attempt uint32 // from 1, rising within an operation
	Hops    uint8  // 0 as sent by the client, 1 as forwarded by a server
	Origin  uint64 // the server that must answer when Hops is 1; 0 as sent by the client
	Command []byte // for the state machine
}

// requestHeader is what comes before the command: client, seq, attempt, hops, origin, little endian.
const requestHeader = 8 + 8 + 4 + 1 + 8

// codecError says why bytes do not decode. A constant of this type is an error that costs no allocation and that no
// one can reassign.
type codecError string

func (e codecError) Error() string { return string(e) }

// Why a request or a reply does not decode.
const (
	ErrShort   = codecError("client: message shorter than its header")
	ErrClient  = codecError("client: message without a client")
	ErrSeq     = codecError("client: message without a sequence number")
	ErrAttempt = codecError("client: message without an attempt")
	ErrHops    = codecError("client: request forwarded more than once")
	ErrOrigin  = codecError("client: request whose hops and origin disagree")
	ErrStatus  = codecError("client: reply of an unknown status")
	ErrLeader  = codecError("client: redirect to nowhere")
	ErrResult  = codecError("client: result in a reply that has none")
)

// AppendRequest appends the one encoding of r. It does not judge r: one that breaks a rule of DecodeRequest is refused there.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, r.Client)
	dst = binary.LittleEndian.AppendUint64(dst, r.Seq)
	dst = binary.LittleEndian.AppendUint32(dst, r.Attempt)
	dst = append(dst, r.Hops)
	dst = binary.LittleEndian.AppendUint64(dst, r.Origin)
	return append(dst, r.Command...)
}

// DecodeRequest sets all of r from b. Command aliases b and may be empty. On an error r is unchanged.
func DecodeRequest(b []byte, r *Request) error {
	if len(b) < requestHeader {
		return ErrShort
	}
	d := Request{
		Client:  binary.LittleEndian.Uint64(b),
		Seq:     binary.LittleEndian.Uint64(b[8:]),
		Attempt: binary.LittleEndian.Uint32(b[16:]),
		Hops:    b[20],
		Origin:  binary.LittleEndian.Uint64(b[21:]),
		Command: b[requestHeader:],
	}
	switch {
	case d.Client == 0:
		return ErrClient
	case d.Seq == 0:
		return ErrSeq
	case d.Attempt == 0:
		return ErrAttempt
	case d.Hops > MaxHops:
		return ErrHops
	case (d.Hops == 0) != (d.Origin == 0):
		return ErrOrigin
	}
	*r = d
	return nil
}

// AppendText appends the request's canonical line: request c5 #12 try 2 from n3: 9 bytes.
func (r *Request) AppendText(dst []byte) []byte {
	dst = appendAttempt(append(dst, "request"...), r.Client, r.Seq, r.Attempt)
	if r.Hops != 0 || r.Origin != 0 {
		dst = strconv.AppendUint(append(dst, " from n"...), r.Origin, 10)
	}
	return fmt.Appendf(dst, ": %d bytes", len(r.Command))
}

func (r *Request) String() string { return string(r.AppendText(nil)) }

func appendAttempt(dst []byte, client, seq uint64, attempt uint32) []byte {
	dst = strconv.AppendUint(append(dst, " c"...), client, 10)
	dst = strconv.AppendUint(append(dst, " #"...), seq, 10)
	return strconv.AppendUint(append(dst, " try "...), uint64(attempt), 10)
}

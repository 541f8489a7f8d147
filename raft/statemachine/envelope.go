package statemachine

import "encoding/binary"

// EnvelopeOverhead is how many bytes an envelope adds to its command.
const EnvelopeOverhead = 1 + 8 + 8

// envelopeCommand is the only kind of envelope there is; the byte leaves room for others (ending a session).
const envelopeCommand = 1

// Why an envelope does not decode.
const (
	ErrEnvelopeShort  = codecError("statemachine: envelope shorter than its header")
	ErrEnvelopeKind   = codecError("statemachine: envelope of an unknown kind")
	ErrEnvelopeClient = codecError("statemachine: envelope without a client")
	ErrEnvelopeSeq    = codecError("statemachine: envelope without a sequence number")
)

// AppendEnvelope appends what the log stores for a client's command: kind, client, seq (little endian), command. Clients
// and sequence numbers count from 1; an envelope with a zero can be written but does not decode.
func AppendEnvelope(dst []byte, client, seq uint64, command []byte) []byte {
	dst = append(dst, envelopeCommand)
	dst = binary.LittleEndian.AppendUint64(dst, client)
	dst = binary.LittleEndian.AppendUint64(dst, seq)
	return append(dst, command...)
}

// DecodeEnvelope takes an envelope apart. The command aliases b and may be empty. The empty entry of a new leader is no
// envelope: it gives ErrEnvelopeShort.
func DecodeEnvelope(b []byte) (client, seq uint64, command []byte, err error) {
	if len(b) < EnvelopeOverhead {
		return 0, 0, nil, ErrEnvelopeShort
	}
	if b[0] != envelopeCommand {
		return 0, 0, nil, ErrEnvelopeKind
	}
	client = binary.LittleEndian.Uint64(b[1:])
	seq = binary.LittleEndian.Uint64(b[9:])
	if client == 0 {
		return 0, 0, nil, ErrEnvelopeClient
	}
	if seq == 0 {
		return 0, 0, nil, ErrEnvelopeSeq
	}
	return client, seq, b[EnvelopeOverhead:], nil
}

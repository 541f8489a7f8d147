package client

import (
	"encoding/binary"
	"fmt"
)

// Beacon is how a leader tells those in front of the cluster that it leads: when it is elected, and with every heartbeat interval. It
// promises nothing: a leader that has been deposed and does not know it goes on. Whoever hears two believes the higher term.
type Beacon struct {
	Leader uint64
	Term   uint64
}

const beaconBytes = 16

// AppendBeacon appends the one encoding of b: leader and term, little endian.
func AppendBeacon(dst []byte, b *Beacon) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, b.Leader), b.Term)
}

// DecodeBeacon sets all of b. On an error b is unchanged.
func DecodeBeacon(bytes []byte, b *Beacon) error {
	if len(bytes) < beaconBytes {
		return ErrShort
	}
	d := Beacon{Leader: binary.LittleEndian.Uint64(bytes), Term: binary.LittleEndian.Uint64(bytes[8:])}
	switch {
	case len(bytes) > beaconBytes:
		return ErrTrailing
	case d.Leader == 0:
		return ErrLeader
	}
	*b = d
	return nil
}

func (b *Beacon) String() string { return fmt.Sprintf("beacon n%d t%d", b.Leader, b.Term) }

package raft

import "encoding/binary"

// The format of configurations and their changes, on the wire, in entries and in snapshots:
//
//	conf   = flags:1 (1: leaves by itself) four lists of ids: voters, outgoing, learners, learners next
//	list   = count id...
//	change = transition:1 count (type:1 id)... conf

const autoLeaveFlag = 1

// AppendConfState appends the encoding of c to dst.
func AppendConfState(dst []byte, c *ConfState) []byte {
	flags := byte(0)
	if c.AutoLeave {
		flags = autoLeaveFlag
	}
	dst = append(dst, flags)
	for _, list := range [...][]uint64{c.Voters, c.Outgoing, c.Learners, c.LearnersNext} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, id := range list {
			dst = binary.AppendUvarint(dst, id)
		}
	}
	return dst
}

// DecodeConfState sets c to the configuration that b encodes. It does not ask whether such a configuration is possible. The
// error is ErrCorrupt.
func DecodeConfState(b []byte, c *ConfState) error {
	if b, ok := decodeConfState(b, c); !ok || len(b) != 0 {
		return ErrCorrupt
	}
	return nil
}

func decodeConfState(b []byte, c *ConfState) (rest []byte, ok bool) {
	*c = ConfState{}
	if len(b) == 0 || b[0]&^autoLeaveFlag != 0 {
		return nil, false
	}
	c.AutoLeave = b[0] == autoLeaveFlag
	b = b[1:]
	for _, list := range [...]*[]uint64{&c.Voters, &c.Outgoing, &c.Learners, &c.LearnersNext} {
		var count uint64
		if count, b, ok = uvarint(b); !ok || count > uint64(len(b)) {
			return nil, false
		}
		for range count {
			var id uint64
			if id, b, ok = uvarint(b); !ok {
				return nil, false
			}
			*list = append(*list, id)
		}
	}
	return b, true
}

// AppendConfChange appends the encoding of c, the data of an EntryConfChange, to dst.
func AppendConfChange(dst []byte, c *ConfChange) []byte {
	dst = append(dst, byte(c.Transition))
	dst = binary.AppendUvarint(dst, uint64(len(c.Changes)))
	for _, change := range c.Changes {
		dst = append(dst, byte(change.Type))
		dst = binary.AppendUvarint(dst, change.ID)
	}
	return AppendConfState(dst, &c.Result)
}

// DecodeConfChange sets c to the change that b encodes. The error is ErrCorrupt.
func DecodeConfChange(b []byte, c *ConfChange) error {
	*c = ConfChange{}
	if len(b) == 0 || ConfTransition(b[0]) >= confTransitionEnd {
		return ErrCorrupt
	}
	c.Transition = ConfTransition(b[0])
	count, b, ok := uvarint(b[1:])
	if !ok || count > uint64(len(b)/2) {
		return ErrCorrupt
	}
	for range count {
		if len(b) == 0 || ConfChangeType(b[0]) >= confChangeTypeEnd {
			return ErrCorrupt
		}
		single := ConfChangeSingle{Type: ConfChangeType(b[0])}
		if single.ID, b, ok = uvarint(b[1:]); !ok {
			return ErrCorrupt
		}
		c.Changes = append(c.Changes, single)
	}
	return DecodeConfState(b, &c.Result)
}

func encodedConfStateSize(c *ConfState) int {
	size := 1
	for _, list := range [...][]uint64{c.Voters, c.Outgoing, c.Learners, c.LearnersNext} {
		size += uvarintSize(uint64(len(list)))
		for _, id := range list {
			size += uvarintSize(id)
		}
	}
	return size
}

package raft

import "strconv"

// One canonical line each for messages, entries and Readies. An entry is called index/term everywhere.

// maxDescribedData is how many bytes of an entry's data are shown.
const maxDescribedData = 24

// DescribeMessage appends the line of m to dst, without a line end. Numbers that are zero are left out, except where zero says
// something.
//
//	n1>n2 app t3 after 4/2 commit 3 round 7 [5/3 "x" 6/3 ""]
//	n2>n1 app-resp t3 rejected 9 hint 6/2 round 7
//	n1>n3 vote t4 last 6/3 commit 5/3
//	n1>n4 snap t4 of 9/3 bytes 0+100 of 250 (1 2 3) learners (4) round 8
//	n2>n1 read-index t4 read 17
func DescribeMessage(dst []byte, m *Message) []byte {
	dst = appendNode(dst, m.From)
	dst = append(dst, '>')
	dst = appendNode(dst, m.To)
	dst = append(dst, ' ')
	dst = append(dst, m.Type.String()...)
	dst = appendNumber(dst, " t", m.Term)
	switch m.Type {
	case MsgApp:
		dst = appendIdentity(dst, " after ", m.Index, m.LogTerm)
		dst = appendNumber(dst, " commit ", m.Commit)
	case MsgAppResp:
		if m.Reject {
			dst = appendNumber(dst, " rejected ", m.Index)
			dst = appendIdentity(dst, " hint ", m.RejectHint, m.LogTerm)
		} else {
			dst = appendNumber(dst, " upto ", m.Index)
		}
	case MsgHeartbeat:
		dst = appendNumber(dst, " commit ", m.Commit)
	case MsgHeartbeatResp:
		dst = appendVerdict(dst, m.Reject, "", " rejected")
	case MsgVote, MsgPreVote:
		dst = appendIdentity(dst, " last ", m.Index, m.LogTerm)
		dst = appendIdentity(dst, " commit ", m.Commit, m.CommitTerm)
	case MsgVoteResp, MsgPreVoteResp:
		dst = appendVerdict(dst, m.Reject, " granted", " rejected")
		dst = appendIdentity(dst, " commit ", m.Commit, m.CommitTerm)
	case MsgSnap:
		dst = appendIdentity(dst, " of ", m.Index, m.LogTerm)
		dst = appendNumber(dst, " bytes ", m.Offset)
		dst = appendNumber(dst, "+", m.Length)
		dst = appendNumber(dst, " of ", m.Size)
		if m.Conf != nil {
			dst = DescribeConfState(append(dst, ' '), m.Conf)
		}
	case MsgSnapResp:
		dst = appendIdentity(dst, " of ", m.Index, m.LogTerm)
		dst = appendNumber(dst, " has ", m.Offset)
	case MsgReadIndex:
		dst = appendNumber(dst, " read ", m.Context)
	case MsgReadIndexResp:
		dst = appendNumber(dst, " read ", m.Context)
		if m.Reject {
			dst = append(dst, " rejected"...)
		} else {
			dst = appendNumber(dst, " at ", m.Index)
		}
	}
	if m.Transfer {
		dst = append(dst, " transfer"...)
	}
	if m.Abstaining {
		dst = append(dst, " abstaining"...)
	}
	if m.Round != 0 {
		dst = appendNumber(dst, " round ", m.Round)
	}
	if m.Epoch != 0 {
		dst = appendNumber(dst, " epoch ", m.Epoch)
	}
	if len(m.Entries) > 0 {
		dst = append(dst, ' ')
		dst = DescribeEntries(dst, m.Entries)
	}
	return dst
}

// DescribeEntry appends index/term and the quoted data of e to dst; what is too long is cut, with the number of bytes left
// out. A change of the configuration is described instead.
func DescribeEntry(dst []byte, e *Entry) []byte {
	dst = appendIdentity(dst, "", e.Index, e.Term)
	if e.Type != EntryNormal {
		dst = append(dst, ' ')
		dst = append(dst, e.Type.String()...)
	}
	if e.Type == EntryConfChange {
		var c ConfChange
		if DecodeConfChange(e.Data, &c) == nil {
			return DescribeConfChange(append(dst, ' '), &c)
		}
	}
	shown := min(len(e.Data), maxDescribedData)
	dst = append(dst, ' ')
	dst = strconv.AppendQuoteToASCII(dst, string(e.Data[:shown]))
	if left := len(e.Data) - shown; left > 0 {
		dst = append(dst, '+')
		dst = strconv.AppendInt(dst, int64(left), 10)
	}
	return dst
}

// DescribeEntries appends the entries in brackets to dst.
func DescribeEntries(dst []byte, entries []Entry) []byte {
	dst = append(dst, '[')
	for i := range entries {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = DescribeEntry(dst, &entries[i])
	}
	return append(dst, ']')
}

// DescribeStatus appends the line of s to dst.
//
//	n1 leader t3 vote n1 lead n1 commit 5 applied 5 last 6/3
func DescribeStatus(dst []byte, s Status) []byte {
	dst = appendNode(dst, s.ID)
	dst = append(dst, ' ')
	dst = append(dst, s.Role.String()...)
	dst = appendNumber(dst, " t", s.Term)
	dst = append(dst, " vote "...)
	dst = appendNode(dst, s.Vote)
	dst = append(dst, " lead "...)
	dst = appendNode(dst, s.Lead)
	dst = appendNumber(dst, " commit ", s.Commit)
	dst = appendNumber(dst, " applied ", s.Applied)
	dst = appendIdentity(dst, " last ", s.LastIndex, s.LastTerm)
	if s.Learner {
		dst = append(dst, " learner"...)
	}
	if s.Abstaining {
		dst = append(dst, " abstaining"...)
	}
	if s.Transferee != None {
		dst = appendNode(append(dst, " transfer to "...), s.Transferee)
	}
	return dst
}

// DescribeConfState appends s to dst: the voters, and what there is besides.
//
//	(1 2 3)
//	(1 2 3) learners (4)
//	(1 2 4)&&(1 2 3) learners (5) next (3) auto
func DescribeConfState(dst []byte, s *ConfState) []byte {
	dst = appendIDs(dst, s.Voters)
	if s.IsJoint() {
		dst = appendIDs(append(dst, "&&"...), s.Outgoing)
	}
	if len(s.Learners) > 0 {
		dst = appendIDs(append(dst, " learners "...), s.Learners)
	}
	if len(s.LearnersNext) > 0 {
		dst = appendIDs(append(dst, " next "...), s.LearnersNext)
	}
	if s.AutoLeave {
		dst = append(dst, " auto"...)
	}
	return dst
}

// DescribeConfChange appends c to dst, and what it results in if that is known.
//
//	voter n4 remove n2 joint -> (1 3 4)&&(1 2 3) auto
//	leave -> (1 3 4)
func DescribeConfChange(dst []byte, c *ConfChange) []byte {
	if len(c.Changes) == 0 {
		dst = append(dst, "leave"...)
	}
	for i, change := range c.Changes {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, change.Type.String()...)
		dst = appendNode(append(dst, ' '), change.ID)
	}
	if c.Transition != ConfTransitionAuto {
		dst = append(dst, ' ')
		dst = append(dst, c.Transition.String()...)
	}
	if !c.Result.IsEmpty() {
		dst = DescribeConfState(append(dst, " -> "...), &c.Result)
	}
	return dst
}

func appendIDs(dst []byte, ids []uint64) []byte {
	dst = append(dst, '(')
	for i, id := range ids {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = strconv.AppendUint(dst, id, 10)
	}
	return append(dst, ')')
}

func appendNumber(dst []byte, label string, n uint64) []byte {
	return strconv.AppendUint(append(dst, label...), n, 10)
}

func appendIdentity(dst []byte, label string, index, term uint64) []byte {
	return appendNumber(appendNumber(dst, label, index), "/", term)
}

func appendNode(dst []byte, id uint64) []byte {
	if id == None {
		return append(dst, "none"...)
	}
	return appendNumber(dst, "n", id)
}

func appendVerdict(dst []byte, reject bool, granted, rejected string) []byte {
	if reject {
		return append(dst, rejected...)
	}
	return append(dst, granted...)
}

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
// out.
func DescribeEntry(dst []byte, e *Entry) []byte {
	dst = appendIdentity(dst, "", e.Index, e.Term)
	if e.Type != EntryNormal {
		dst = append(dst, ' ')
		dst = append(dst, e.Type.String()...)
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
	return appendIdentity(dst, " last ", s.LastIndex, s.LastTerm)
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

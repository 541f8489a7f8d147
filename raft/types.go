package raft

// None is the id of no server: an absent vote, an unknown leader. No server has it.
const None uint64 = 0

// EntryType says who an entry is for.
type EntryType uint8

const (
	// EntryNormal carries a command for the state machine; with no data it is a leader's no-op.
	EntryNormal EntryType = iota
	// EntryConfChange carries an encoded ConfChange. The configuration it makes is in force at a server from the moment the
	// entry is in its log, committed or not (paper §6), and no longer once it is cut off again.
	EntryConfChange
	entryTypeEnd
)

// String names the type as it appears in transcripts.
func (t EntryType) String() string {
	switch t {
	case EntryNormal:
		return "normal"
	case EntryConfChange:
		return "conf-change"
	}
	return "unknown"
}

// Entry is one slot of the replicated log. (Term, Index) is its identity: two entries that share it are equal and so is
// everything before them (Log Matching, paper §5.3).
type Entry struct {
	Term  uint64
	Index uint64
	Type  EntryType
	Data  []byte // never changed once the entry exists; nil when empty
}

// HardState is what a server must remember across a crash, besides its entries (paper figure 2, persistent state).
//
// Term and Vote must be durable before anything that follows from them leaves the server. Commit is a hint that saves
// work after a restart: losing it is safe, so it rides along when something else is written and is never synced for its own
// sake. The Commit that Ready hands out never names an entry that may be missing from this server's disk.
type HardState struct {
	Term   uint64
	Vote   uint64
	Commit uint64
}

// IsEmpty reports whether h is the state of a server that has never taken part.
func (h HardState) IsEmpty() bool { return h == HardState{} }

// EntryID is the identity of an entry. The zero value is the beginning of every log.
type EntryID struct {
	Index uint64
	Term  uint64
}

// SnapshotMeta says what a snapshot stands for: the effect of all entries up to (Index, Term).
type SnapshotMeta struct {
	Index uint64
	Term  uint64
	// ConfState is the configuration in force after the entry at Index.
	ConfState ConfState
	// Size is the number of bytes of the state.
	Size uint64
}

// Chunk is a piece of a snapshot that is arriving. The host appends Data at Offset of what it has of the snapshot
// (Index, Term), after throwing away the pieces of any other; Offset 0 begins anew.
type Chunk struct {
	Index  uint64
	Term   uint64
	Offset uint64
	Data   []byte
}

// ReadState answers a ReadIndex of this server: once its state machine contains everything up to Index, its state is
// recent enough to answer the read with the given Context.
type ReadState struct {
	Context uint64
	Index   uint64
	// Refused means that this server gave up on the read, which changed nothing; the reader may ask again.
	Refused bool
}

// MessageType is the kind of a Message. The numbers are part of the wire format and of the keys of a recorded run.
type MessageType uint8

const (
	// MsgApp (leader to follower): Entries follow the entry (Index, LogTerm); Commit is the leader's commit index.
	MsgApp MessageType = iota
	// MsgAppResp: Index is the last entry the append verified, or with Reject the Index of the append that did not
	// fit, (RejectHint, LogTerm) being an entry of the follower from which the leader may search on.
	MsgAppResp
	// MsgHeartbeat (leader to follower): Commit is bounded by what the leader knows this follower to hold.
	MsgHeartbeat
	// MsgHeartbeatResp echoes Round and Epoch.
	MsgHeartbeatResp
	// MsgVote (candidate to all): (Index, LogTerm) is the candidate's last entry.
	MsgVote
	// MsgVoteResp grants the vote of Term, or with Reject refuses it.
	MsgVoteResp
	// MsgPreVote asks whether a vote for Term, the sender's next term, would be granted. It changes nobody's term.
	MsgPreVote
	// MsgPreVoteResp carries the asked Term when it grants, the receiver's own Term when it refuses.
	MsgPreVoteResp
	// MsgSnap (leader to follower) carries the bytes at Offset of the snapshot (Index, LogTerm) of Size bytes with configuration
	// Conf. The core of the leader leaves Data empty; its host fills in as many bytes as Length says.
	MsgSnap
	// MsgSnapResp: the follower holds the first Offset bytes of the snapshot (Index, LogTerm). That it holds the state is
	// said by a MsgAppResp.
	MsgSnapResp
	// MsgTimeoutNow (leader to follower) asks the receiver to campaign at once (thesis §3.10).
	MsgTimeoutNow
	// MsgReadIndex asks the leader for a read index; Context is the sender's name for the request.
	MsgReadIndex
	// MsgReadIndexResp: state up to Index is recent enough for the request Context, or with Reject: ask again.
	MsgReadIndexResp
	messageTypeEnd
)

// String names the type as it appears in transcripts and keys.
func (t MessageType) String() string {
	switch t {
	case MsgApp:
		return "app"
	case MsgAppResp:
		return "app-resp"
	case MsgHeartbeat:
		return "heartbeat"
	case MsgHeartbeatResp:
		return "heartbeat-resp"
	case MsgVote:
		return "vote"
	case MsgVoteResp:
		return "vote-resp"
	case MsgPreVote:
		return "pre-vote"
	case MsgPreVoteResp:
		return "pre-vote-resp"
	case MsgSnap:
		return "snap"
	case MsgSnapResp:
		return "snap-resp"
	case MsgTimeoutNow:
		return "timeout-now"
	case MsgReadIndex:
		return "read-index"
	case MsgReadIndexResp:
		return "read-index-resp"
	}
	return "unknown"
}

// MessageTypeNames returns the names of all message types, indexed by type. The slice is the caller's.
func MessageTypeNames() []string {
	names := make([]string, messageTypeEnd)
	for t := range names {
		names[t] = MessageType(t).String()
	}
	return names
}

// Message is everything servers say to each other; unused fields are zero. Which fields mean what is said at each
// MessageType.
type Message struct {
	Type   MessageType
	Reject bool
	// Transfer marks a request for votes that the leader itself asked for: receivers do not protect that leader (thesis
	// §4.2.3).
	Transfer bool
	// Abstaining marks an answer of a server that has lost part of its log, or has never had it: what it acknowledged
	// before counts no more.
	Abstaining bool

	From    uint64
	To      uint64
	Term    uint64
	LogTerm uint64
	Index   uint64
	// Commit is a commit index. Votes and their replies carry the sender's, with the term of that entry in CommitTerm:
	// whoever holds the entry (Commit, CommitTerm) may take it as committed.
	Commit     uint64
	CommitTerm uint64
	RejectHint uint64
	// Round is made by a leader for its appends and heartbeats and echoed: it dates the reply's news from the send.
	Round uint64
	// Epoch is the membership epoch of the receiver in the leader's eyes, echoed: a server that was removed and added
	// again is another member, and replies of the former one must not count (R10).
	Epoch uint64
	// Context names a read of the server that asked for it; the leader echoes it and does nothing else with it (D01).
	Context uint64
	// Offset, Length and Size are about the bytes of a snapshot.
	Offset  uint64
	Length  uint64
	Size    uint64
	Entries []Entry
	Data    []byte
	Conf    *ConfState
}

// Role is what a server is at the moment.
type Role uint8

const (
	// StateFollower answers others and waits for its election deadline.
	StateFollower Role = iota
	// StatePreCandidate asks whether an election could be won, without raising its term.
	StatePreCandidate
	// StateCandidate asks for votes in a term of its own.
	StateCandidate
	// StateLeader replicates its log.
	StateLeader
)

// String names the role as it appears in transcripts.
func (s Role) String() string {
	switch s {
	case StateFollower:
		return "follower"
	case StatePreCandidate:
		return "pre-candidate"
	case StateCandidate:
		return "candidate"
	case StateLeader:
		return "leader"
	}
	return "unknown"
}

// InitialState is what a server starts with: what its storage recovered, or what a bootstrap wrote.
type InitialState struct {
	HardState HardState
	// ConfState is the configuration after the entry Applied, or after the last snapshot: entries behind it change it. It is
	// empty at a server that was made to join: such a one abstains until its log tells it the configuration.
	ConfState ConfState
	// JoinedAfter, of a server that was made to join, is an entry after which a committed configuration did not have this id, and no
	// later one had, committed or not, before the server got its empty disk; 0 for an id that was never used.
	JoinedAfter uint64
	// Snapshot is the last snapshot this server has, which it can send; Index 0 for none. Entries may begin before its end.
	Snapshot SnapshotMeta
	// Lost is the newest entry that was damaged on this server's disk, zero for none. The server does not vote or campaign
	// before its log is again as new as that (it may have helped to commit it).
	Lost EntryID
	// Incarnation rises with every start of this server, also across its removal and return under the same id. Its low 40
	// bits make names.
	Incarnation uint64
	// Offset and OffsetTerm are the identity of the entry before the first one in Entries: (0, 0), or the last entry a
	// snapshot replaced.
	Offset     uint64
	OffsetTerm uint64
	// Entries are all entries after Offset. The core keeps the slice and the data; both must not change afterwards.
	Entries []Entry
	// Applied is the last entry the state machine already contains.
	Applied uint64
}

// Ready is what the core wants done. Its slices are valid until the next call of Raft.Ready, whatever is called in
// between; the host copies what it keeps longer.
type Ready struct {
	// Ticket numbers the Readies that have something to make durable, from 1. It is 0 when there is nothing:
	// then Dependent waits only for the tickets before, and there is nothing to acknowledge.
	Ticket uint64
	// HardStateChanged says that HardState must be made durable: Term or Vote changed, or entries are written anyway and
	// Commit has moved. A change of Commit alone never sets it.
	HardStateChanged bool
	HardState        HardState
	// Entries must be made durable; the first one's index replaces whatever the disk has from there on. They are one page of what is
	// new (Config.MaxBytesPerWrite); the next Ready goes on behind it.
	Entries []Entry
	// Chunks are to be kept until their snapshot is complete; nothing waits for them to be durable.
	Chunks []Chunk
	// Snapshot, if not nil, has arrived completely: it is to be made durable under Ticket, and then to replace the state
	// machine's state, before Advance(Ticket). The log on disk then starts after it: all entries go, those after it too, since
	// a log that holds the snapshot's last entry has no use for it. No later Ready has anything to write until then.
	Snapshot *SnapshotMeta
	// Messages may leave at once, even before the write.
	Messages []Message
	// Dependent may leave only when this and every earlier ticket is durable.
	Dependent []Message
	// Committed is to be applied, in order, once the write was issued. Every entry in it is already durable here.
	Committed []Entry
	// Reads answer ReadIndex.
	Reads []ReadState
}

// Status is a server's view of itself.
type Status struct {
	ID        uint64
	Term      uint64
	Vote      uint64
	Lead      uint64
	Commit    uint64
	Applied   uint64
	LastIndex uint64
	LastTerm  uint64
	// Handed is the last entry of the log that a Ready has handed out to be written.
	Handed uint64
	// Replacing: a snapshot has replaced the log, and no Ready has handed it out yet.
	Replacing bool
	// FirstIndex is the first entry the log holds, or would hold.
	FirstIndex uint64
	// ConfIndex is the entry that made the configuration in force, 0 for the first one.
	ConfIndex uint64
	Role      Role
	// Learner: the server takes part in no election as far as it knows.
	Learner bool
	// Abstaining: see InitialState.Lost and ConfState.
	Abstaining bool
	// Transferee is whom a leader is handing over to.
	Transferee uint64
}

// Error is a sentence that can be compared; the errors of this package's API are constants of it.
type Error string

// Error returns the sentence.
func (e Error) Error() string { return string(e) }

const (
	// ErrNotLeader refuses a proposal: this server does not lead. Forwarding is the host's business.
	ErrNotLeader Error = "raft: not the leader"
	// ErrProposalDropped refuses a proposal at a leader with too many uncommitted entries. The proposal is in no log.
	ErrProposalDropped Error = "raft: proposal dropped"
	// ErrProposalTooLarge refuses a proposal that no message or page could ever carry.
	ErrProposalTooLarge Error = "raft: proposal too large"
	// ErrTransferring refuses a proposal at a leader that is handing over. The proposal is in no log.
	ErrTransferring Error = "raft: leadership is being transferred"
	// ErrNoCommitInTerm refuses a change of the configuration at a leader that has not yet committed an entry of its own
	// term: the configuration before may not be settled (M01, Ongaro 2015).
	ErrNoCommitInTerm Error = "raft: no entry of this term is committed yet"
	// ErrConfChangePending refuses a change of the configuration while the one before is not committed (thesis §4.1).
	ErrConfChangePending Error = "raft: a change of the configuration is not committed yet"
	// ErrUnsupported is for cores that lack a feature.
	ErrUnsupported Error = "raft: not supported by this core"
)

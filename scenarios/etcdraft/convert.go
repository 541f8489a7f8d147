package etcdraft

import (
	"fmt"

	"go.etcd.io/raft/v3/raftpb"

	"raftsim/raft"
)

// kinds pairs the messages that travel. What etcd also sends (proposals, reads, transfers) stays within a server here.
var kinds = [...]struct {
	ours raft.MessageType
	etcd raftpb.MessageType
}{
	{raft.MsgApp, raftpb.MsgApp}, {raft.MsgAppResp, raftpb.MsgAppResp},
	{raft.MsgHeartbeat, raftpb.MsgHeartbeat}, {raft.MsgHeartbeatResp, raftpb.MsgHeartbeatResp},
	{raft.MsgVote, raftpb.MsgVote}, {raft.MsgVoteResp, raftpb.MsgVoteResp},
	{raft.MsgPreVote, raftpb.MsgPreVote}, {raft.MsgPreVoteResp, raftpb.MsgPreVoteResp},
}

// toEtcd copies m: both the message and its data belong to etcd afterwards.
func toEtcd(m *raft.Message) (*raftpb.Message, error) {
	for _, k := range kinds {
		if k.ours != m.Type {
			continue
		}
		e := &raftpb.Message{
			Type: k.etcd.Enum(), From: new(m.From), To: new(m.To), Term: new(m.Term), LogTerm: new(m.LogTerm),
			Index: new(m.Index), Commit: new(m.Commit), Reject: new(m.Reject), RejectHint: new(m.RejectHint),
		}
		for i := range m.Entries {
			e.Entries = append(e.Entries, toEntry(&m.Entries[i]))
		}
		return e, nil
	}
	return nil, fmt.Errorf("etcdraft: %w: message %s", raft.ErrUnsupported, m.Type)
}

func fromEtcd(e *raftpb.Message) raft.Message {
	for _, k := range kinds {
		if k.etcd != e.GetType() {
			continue
		}
		m := raft.Message{
			Type: k.ours, From: e.GetFrom(), To: e.GetTo(), Term: e.GetTerm(), LogTerm: e.GetLogTerm(),
			Index: e.GetIndex(), Commit: e.GetCommit(), Reject: e.GetReject(), RejectHint: e.GetRejectHint(),
		}
		for _, entry := range e.GetEntries() {
			m.Entries = append(m.Entries, fromEntry(entry))
		}
		return m
	}
	panic(fmt.Sprintf("etcdraft: etcd sends a message of type %s, which no feature in use here does", e.GetType()))
}

func toEntry(e *raft.Entry) *raftpb.Entry {
	return &raftpb.Entry{
		Type: raftpb.EntryNormal.Enum(), Term: new(e.Term), Index: new(e.Index), Data: append([]byte(nil), e.Data...),
	}
}

func fromEntry(e *raftpb.Entry) raft.Entry {
	return raft.Entry{Term: e.GetTerm(), Index: e.GetIndex(), Data: e.GetData()}
}

package server

import (
	"fmt"

	"raftsim/raft"
	"raftsim/raft/statemachine"
)

// witness is an observer that writes down the rarer things it is told.
type witness struct {
	lines     []string
	recovered raft.InitialState
	applied   int
}

func (w *witness) note(format string, args ...any) {
	w.lines = append(w.lines, fmt.Sprintf(format, args...))
}

func (w *witness) Recovered(in *raft.InitialState)                     { w.recovered = *in }
func (w *witness) Turn(*raft.Ready, *raft.Status)                      {}
func (w *witness) Applied(*raft.Entry, []statemachine.Outcome, uint64) { w.applied++ }
func (w *witness) Configured(index uint64, conf raft.ConfState) {
	w.note("configured %d %d", index, conf.Voters)
}
func (w *witness) SnapshotTaken(meta raft.SnapshotMeta, hash uint64) {
	w.note("taken %d/%d", meta.Index, meta.Term)
}
func (w *witness) SnapshotSaved(meta raft.SnapshotMeta) { w.note("saved %d/%d", meta.Index, meta.Term) }
func (w *witness) SnapshotInstalled(meta raft.SnapshotMeta, hash uint64) {
	w.note("installed %d/%d", meta.Index, meta.Term)
}
func (w *witness) ReadConfirmed(client, seq, term uint64) {
	w.note("confirmed c%d #%d in term %d", client, seq, term)
}

func (w *witness) Compacted(index uint64) { w.note("compacted %d", index) }

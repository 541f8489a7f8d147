package world

import (
	"errors"
	"fmt"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/storage"
	"raftsim/raft/vfs"
	"raftsim/scenarios/ledger"
)

// diskJudge tells the judges what the disks of servers are sure to hold, by their bytes. It does nothing where a case leaves
// that to the tickets of the servers.
type diskJudge struct {
	books  ledger.Ledger
	on     bool
	image  vfs.Mem        // scratch: what a recovery is tried on
	memory storage.Memory // scratch: what it reads
}

func (j *diskJudge) reset(w *World) {
	j.books.Reset()
	j.books.Judge = &w.judges
	j.on = w.config.DecodeDisks
}

// begin looks at the first state of a disk.
func (j *diskJudge) begin(n *node) {
	if j.on {
		j.books.PowerLost(n.id, n.disk)
	}
}

// synced: a sync of the disk has completed.
func (j *diskJudge) synced(n *node) {
	if j.on {
		j.books.Synced(n.id, n.disk)
	}
}

// died: the process has died, and left the machine running.
func (j *diskJudge) died(n *node) {
	if j.on {
		j.books.Died(n.id, n.disk)
	}
}

// lost: the machine lost its power.
func (j *diskJudge) lost(n *node) {
	if j.on {
		j.books.PowerLost(n.id, n.disk)
	}
}

func (j *diskJudge) wiped(n *node) { j.books.Wiped(n.id) }

// opening: a process is about to read the disk. Damage of which nothing can tell is outside the contract: a server promises to know what it
// has lost as far as the disk shows that anything was there, and what follows the last mark may as well be torn (package
// raft/storage, "What cannot be told"). Such damage is taken back before anybody sees it.
func (j *diskJudge) opening(n *node) {
	if j.books.Untold(n.id, n.disk) {
		n.disk.Repair()
		n.world.counts.DamageWithdrawn++
	}
	if j.on {
		n.tells = j.books.Opening(n.id, n.disk)
	}
}

// recovered: the server has told what it recovered, and what it knows to be lost.
func (j *diskJudge) recovered(n *node, lost raft.EntryID) {
	if !j.on {
		return
	}
	j.books.Recovered(n.id, n.disk)
	if want := n.tells.Lost; lost != want {
		n.world.find(checker.Durability, "damage-not-recognised", n.id, fmt.Sprintf(
			"the server says that it has lost entries up to %d/%d; its disk says %d/%d", lost.Index, lost.Term, want.Index, want.Term))
	}
	if entry := n.tells.Forgotten; entry.Index > 0 {
		n.world.find(checker.Durability, "damage-forgotten", n.id, fmt.Sprintf(
			"entry %d/%d was lost, and nothing says so any more; the log was never as new again", entry.Index, entry.Term))
	}
}

// refused: the server would not start. It says so of a disk of which the format says what is left.
func (j *diskJudge) refused(n *node, err error) {
	if r := &n.tells; j.on && r.Refusal == "" && errors.As(err, new(*storage.CorruptError)) {
		n.world.find(checker.Durability, "refused-needlessly", n.id, err.Error())
	}
}

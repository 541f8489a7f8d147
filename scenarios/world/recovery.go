package world

import (
	"fmt"

	"raftsim/checker"
	"raftsim/raft"
	"raftsim/raft/storage"
)

// compared: the recovery of one commitment in so many is compared.
const compared = 100

// compareRecovery lets the storage recover from what a disk is sure to hold, as if the power failed now and took everything else,
// and holds that against what the judges' own decoder makes of the same bytes. It is done at one new commitment in a hundred, at the
// server that commits: that is where it matters what its disk would say.
func (j *diskJudge) compareRecovery(n *node, index uint64) {
	if !j.on || index*0x9e3779b97f4a7c15>>32%compared != 0 || n.disk.Damaged() {
		return
	}
	w := n.world
	w.counts.RecoveriesCompared++
	fs := &j.image
	for i := range n.disk.DurableFiles() {
		if err := fs.Lend(n.disk.DurableFile(i)); err != nil {
			panic(fmt.Sprintf("world: image of the disk of n%d: %v", n.id, err))
		}
	}
	defer fs.Reset()
	opt := storage.Options{SegmentBytes: w.config.Server.SegmentBytes, Memory: &j.memory}
	log, st, err := storage.Open(fs, n.id, opt, storage.InternalTickets-1)
	image := j.books.Image(n.id)
	switch {
	case err != nil:
		if j.books.Refusal(n.id) == "" {
			w.find(checker.Durability, "image-not-recovered", n.id, fmt.Sprintf("from what its disk is sure to hold: %v", err))
		}
		return
	case st.Lost.Index != 0:
		w.find(checker.Durability, "image-damaged", n.id, fmt.Sprintf("entry %d is said to be damaged on a disk without damage", st.Lost.Index))
	default:
		if diff := differs(&st, image, n.joinedAfter); diff != "" {
			w.find(checker.Durability, "image-differs", n.id, "from what its disk is sure to hold the storage recovers otherwise than the format says: "+diff)
		}
	}
	_ = log.Close() // in memory
}

// differs says in what a recovered state is not what was decoded, or of a server that joined elsewhere; "" if in nothing.
func differs(st *storage.State, image *checker.DiskImage, joinedAfter uint64) string {
	switch {
	case st.HardState.Term != image.Term || st.HardState.Vote != image.Vote:
		return fmt.Sprintf("term %d vote %d, not %d and %d", st.HardState.Term, st.HardState.Vote, image.Term, image.Vote)
	case st.HardState.Commit != image.Commit:
		return fmt.Sprintf("commit index %d, not %d", st.HardState.Commit, image.Commit)
	case st.JoinedAfter != joinedAfter:
		return fmt.Sprintf("joined after entry %d, not %d", st.JoinedAfter, joinedAfter)
	case st.Snapshot.Index != image.SnapshotIndex || st.Snapshot.Term != image.SnapshotTerm:
		return fmt.Sprintf("snapshot of entry %d/%d, not %d/%d", st.Snapshot.Index, st.Snapshot.Term, image.SnapshotIndex, image.SnapshotTerm)
	case st.Offset != image.Offset || st.OffsetTerm != image.OffsetTerm:
		return fmt.Sprintf("a log after entry %d/%d, not %d/%d", st.Offset, st.OffsetTerm, image.Offset, image.OffsetTerm)
	case len(st.Entries) != len(image.Entries):
		return fmt.Sprintf("%d entries, not %d", len(st.Entries), len(image.Entries))
	}
	for i := range st.Entries {
		e, d := &st.Entries[i], &image.Entries[i]
		if e.Term != d.Term || checker.EntryHash(e.Data, e.Type == raft.EntryConfChange) != d.Hash {
			return fmt.Sprintf("another entry %d", e.Index)
		}
	}
	return ""
}

package raft

import (
	"fmt"
	"slices"
)

// confRecord is a configuration together with the entry that made it: it holds from that entry on.
type confRecord struct {
	index   uint64
	state   ConfState // in normal form (see ConfState.normal); shared, never changed
	members []member  // everybody in state, by id
}

type member struct {
	id uint64
	// epoch is the index of the entry that made this a member, through whatever roles it went since; if that is forgotten, the
	// index of the first configuration remembered. Answers are compared with it by the leader that gave it out, within its
	// term, so servers need not agree. It is never above the index of a configuration that has this member without a gap since.
	epoch uint64
}

// epochOf returns since which entry id is a member, 0 if it is none.
func (c *confRecord) epochOf(id uint64) uint64 {
	for _, m := range c.members {
		if m.id == id {
			return m.epoch
		}
	}
	return 0
}

// confHistory is the configurations of a log, oldest first, from one that holds at its beginning to the newest. It is never
// empty, except inside New. The configuration in force is the newest, committed or not (paper §6); when the log is cut, the one
// before is in force again (thesis §4.1).
type confHistory struct{ records []confRecord }

func (h *confHistory) newest() *confRecord { return &h.records[len(h.records)-1] }

// before returns the record before the newest one, nil if that is forgotten.
func (h *confHistory) before() *confRecord {
	if len(h.records) < 2 {
		return nil
	}
	return &h.records[len(h.records)-2]
}

// latestEpochOf returns since which entry id is a member, or was until a configuration that is remembered; 0 if it was none in
// any of them. The cost is one pass over the records.
func (h *confHistory) latestEpochOf(id uint64) (epoch uint64) {
	for i := range h.records {
		epoch = max(epoch, h.records[i].epochOf(id))
	}
	return epoch
}

// at returns the record that holds after the entry at index, nil if that is forgotten.
func (h *confHistory) at(index uint64) *confRecord {
	for i := len(h.records) - 1; i >= 0; i-- {
		if h.records[i].index <= index {
			return &h.records[i]
		}
	}
	return nil
}

// reset forgets everything but one configuration.
func (h *confHistory) reset(index uint64, state ConfState) {
	h.records = nil
	h.add(index, state, index)
}

// add appends the configuration made by the entry at index. Who is new in it is a member since epoch.
func (h *confHistory) add(index uint64, state ConfState, epoch uint64) {
	rec := confRecord{index: index, state: state.normal()}
	for _, list := range [...][]uint64{state.Voters, state.Outgoing, state.Learners} {
		for _, id := range list {
			rec.members = append(rec.members, member{id: id, epoch: epoch})
		}
	}
	slices.SortFunc(rec.members, func(a, b member) int {
		switch {
		case a.id < b.id:
			return -1
		case a.id > b.id:
			return 1
		}
		return 0
	})
	rec.members = slices.Compact(rec.members)
	if len(h.records) > 0 {
		old := h.newest().members
		for i := range rec.members {
			for j := range old {
				if old[j].id == rec.members[i].id {
					rec.members[i].epoch = old[j].epoch
				}
			}
		}
	}
	h.records = append(h.records, rec)
}

// truncate forgets the configurations made by the entry at index and later ones. It reports whether there were any.
func (h *confHistory) truncate(index uint64) bool {
	n := len(h.records)
	for n > 0 && h.records[n-1].index >= index {
		n--
	}
	if n == len(h.records) {
		return false
	}
	if n == 0 {
		panic(fmt.Sprintf("raft: the log is cut from entry %d on, and no configuration from before is known", index))
	}
	h.records = slices.Delete(h.records, n, len(h.records))
	return true
}

// compact forgets the configurations that hold only before the entry at index.
func (h *confHistory) compact(index uint64) {
	n := 0
	for n+1 < len(h.records) && h.records[n+1].index <= index {
		n++
	}
	if n > 0 {
		h.records = slices.Delete(h.records, 0, n)
	}
}

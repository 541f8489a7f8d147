package ledger

// bad judges a place where something should begin and does not: at offset of table[i]. True: it is a hole, and reading goes on behind it.
// False: it is torn, the end of what was written.
//
// It is torn unless something was written when what is here was durable already, as a mark says, or something behind it is a beginning of
// its own together with the snapshot.
func (w *walk) bad(i int, offset uint64) bool {
	here := place{w.table[i].log.number, offset}
	for j := w.next(-1); j >= 0; j = w.next(j) {
		s := &w.table[j].log
		if s.valid && (here.before(s.header.mark) || j > i && s.header.last.index <= w.snapshot.index) || w.marked(j, here) {
			w.holed = true
			return true
		}
	}
	if w.hidden(i, offset) {
		w.refusal = refusedUnreadable
	}
	return false
}

// hidden says whether something behind a place cannot be read: who would cut it off would not know what.
func (w *walk) hidden(i int, offset uint64) bool {
	if w.files[i].unreadable > offset {
		return true
	}
	for j := w.next(i); j >= 0; j = w.next(j) {
		if w.files[j].unreadable > 0 {
			return true
		}
	}
	return false
}

// marked says whether a head in a segment tells that a place was durable.
func (w *walk) marked(i int, here place) bool {
	var h head
	bytes := w.files[i].bytes
	for from := range min(w.limit(i), uint64(len(bytes))) {
		if w.reader.head(bytes, from, w.table[i].log.seed, &h) && here.before(h.mark) {
			return true
		}
	}
	return false
}

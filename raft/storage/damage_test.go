package storage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"raftsim/raft"
	"raftsim/raft/vfs"
)

// place is where a record, or a header, lies on the disk of a story.
type place struct {
	name     string
	from, to int64
	batch    int // number of the batch it holds, -1 for a header
}

// storySite writes a story, each batch with a sync that completes, and says where everything is.
func storySite(t testing.TB, size int64, batches []batch) (*site, []place) {
	t.Helper()
	s := newSite(t, size)
	s.write(batches...)
	var places []place
	n := 0
	for _, name := range s.names() {
		b := s.bytes(name)
		segment, incarnation, _ := ParseSegmentName(name)
		h, ok := decodeHeader(b, s.log.table)
		if !ok {
			t.Fatalf("no header in %s", name)
		}
		places = append(places, place{name, 0, h.length, -1})
		sum := newSummer(member, incarnation, segment)
		for at := h.length; at < int64(len(b)); n++ {
			var r head
			if !decodeHead(b, at, &sum, &r) {
				t.Fatalf("no record at %d of %s", at, name)
			}
			places = append(places, place{name, at, r.end(), n})
			at = r.end()
		}
	}
	if n != len(batches) {
		t.Fatalf("found %d records of %d", n, len(batches))
	}
	return s, places
}

// judge checks what a restart makes of damage somewhere in the record or header p, the last one being the n-th of places.
//
// What lies behind the last mark, the last record and its segment's header if it is the first there, is cut off: it looks like a
// torn write. Anything else must be told, or be repaired from what
// else is there; what is good before it must be kept.
func judge(st State, err error, places []place, n int, batches []batch) error {
	if n == len(places)-1 || n == len(places)-2 && places[n].batch < 0 {
		if err != nil {
			return fmt.Errorf("damage of the last record: %w", err)
		}
		short := batches[:len(batches)-1]
		if diff := sameState(replay(short), st); diff != "" {
			return fmt.Errorf("after damage of the last record (-want +got):\n%s", diff)
		}
		return nil
	}
	if err != nil {
		return err
	}
	want := replay(batches)
	good := 0 // entries of batches before the damage that are still the log's in the end
	for _, p := range places[:n] {
		if p.batch < 0 {
			continue
		}
		b := batches[p.batch]
		for _, e := range b.entries {
			if i := int(e.Index); i == good+1 && i <= len(want.Entries) && want.Entries[i-1].Term == e.Term {
				good++
			}
		}
	}
	switch got := len(st.Entries); {
	case got < good:
		return fmt.Errorf("%d entries kept, %d of those before the damage are good", got, good)
	case st.HardState.Term != want.HardState.Term || st.HardState.Vote != want.HardState.Vote:
		return fmt.Errorf("hard state %+v, want %+v", st.HardState, want.HardState)
	case st.HardState.Commit > want.HardState.Commit:
		return fmt.Errorf("commit index %d, want %d at most", st.HardState.Commit, want.HardState.Commit)
	}
	last := want.Entries[len(want.Entries)-1]
	id := raft.EntryID{Index: last.Index, Term: last.Term}
	if st.Lost == (raft.EntryID{}) {
		if diff := sameState(want, st); diff != "" {
			return fmt.Errorf("nothing is reported lost (-want +got):\n%s", diff)
		}
		return nil
	}
	if st.Lost != id {
		return fmt.Errorf("lost %+v, want %+v", st.Lost, id)
	}
	if diff := cmp.Diff(conf(), st.ConfState); diff != "" {
		return fmt.Errorf("configuration (-want +got):\n%s", diff)
	}
	// What is committed according to the hard state is what was committed.
	for i := range st.HardState.Commit {
		if g, w := st.Entries[i], want.Entries[i]; g.Term != w.Term || !bytes.Equal(g.Data, w.Data) {
			return fmt.Errorf("entry %d of term %d counts as committed, which one of term %d is", g.Index, g.Term, w.Term)
		}
	}
	for i, e := range st.Entries {
		if !slices.ContainsFunc(batches, func(b batch) bool {
			return slices.ContainsFunc(b.entries, func(f raft.Entry) bool {
				return e.Index == f.Index && e.Term == f.Term && e.Type == f.Type && bytes.Equal(e.Data, f.Data)
			})
		}) {
			return fmt.Errorf("entry %d was never written: %+v", i, e)
		}
	}
	return nil
}

// again checks that a second restart finds what the first one did, and that the log, made as new again, forgets that it was not.
func again(s *site, st State) error {
	second, err := s.tryOpen()
	if err != nil {
		return fmt.Errorf("second restart: %w", err)
	}
	if diff := sameState(st, second); diff != "" {
		return fmt.Errorf("second restart (-first +second):\n%s", diff)
	}
	if st.Lost == (raft.EntryID{}) {
		return nil
	}
	first := st.Offset + uint64(len(st.Entries)) + 1
	var back []raft.Entry
	for i := first; i <= st.Lost.Index; i++ {
		back = append(back, entry(st.Lost.Term, i, "once more"))
	}
	s.write(batch{hs: &st.HardState, entries: back[:len(back)-1]})
	if third := s.open(); third.Lost != st.Lost {
		return fmt.Errorf("one entry short of what was lost: %+v lost, want %+v", third.Lost, st.Lost)
	}
	s.write(batch{entries: back[len(back)-1:]})
	if third := s.open(); third.Lost != (raft.EntryID{}) {
		return fmt.Errorf("as new as before, and %+v is still lost", third.Lost)
	}
	return nil
}

// A flipped bit anywhere before the last mark is told, and costs no more than it must; in the last record it may cost that record
// (S09, S21). Never is anything dropped in silence, or invented.
func TestBitRotIsTold(t *testing.T) {
	segmentSizes(t, func(t *testing.T, size int64) {
		told, repaired := 0, 0
		s, places := storySite(t, size, story())
		for n, p := range places {
			b := s.bytes(p.name)
			for at := p.from; at < p.to; at++ {
				c := s.copy()
				rotten := bytes.Clone(b)
				rotten[at] ^= 1 << (at % 8)
				c.put(p.name, rotten)
				st, err := c.tryOpen()
				if refusesHeader(places, n, err) {
					told++
					continue
				}
				if err := judge(st, err, places, n, story()); err != nil {
					t.Fatalf("byte %d of %s (batch %d): %v", at, p.name, p.batch, err)
				}
				if err := again(c, st); err != nil {
					t.Fatalf("byte %d of %s (batch %d): %v", at, p.name, p.batch, err)
				}
				if st.Lost != (raft.EntryID{}) {
					told++
				} else {
					repaired++
				}
			}
		}
		if told == 0 || repaired == 0 {
			t.Errorf("%d times told, %d times repaired", told, repaired)
		}
	})
}

// refusesHeader: no header is left, so the configuration is unknown.
func refusesHeader(places []place, n int, err error) bool {
	headers := 0
	for i, p := range places {
		if p.batch < 0 && i != n {
			headers++
		}
	}
	var c *CorruptError
	return headers == 0 && errors.As(err, &c)
}

// Rot of any stretch, zeroed or overwritten, in any number of places, is never silent as long as the last record is good.
func TestLargerRotIsTold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.SampledFrom([]int64{1, 500, 1 << 20}).Draw(rt, "segment")
		s, places := storySite(t, size, story())
		first, limit := len(places), len(places)-2
		if places[limit].batch < 0 {
			limit-- // behind the last mark, too
		}
		for range rapid.IntRange(1, 3).Draw(rt, "places") {
			n := rapid.IntRange(0, limit).Draw(rt, "place")
			p := places[n]
			b := s.bytes(p.name)
			from := rapid.Int64Range(p.from, p.to-1).Draw(rt, "from")
			end := int64(len(b))
			if last := places[len(places)-1]; last.name == p.name {
				end = last.from
			}
			to := rapid.Int64Range(from+1, end).Draw(rt, "to")
			before := bytes.Clone(b)
			copy(b[from:to], rapid.SliceOfN(rapid.OneOf(rapid.Just(byte(0)), rapid.Byte()), int(to-from), int(to-from)).Draw(rt, "rot"))
			if !bytes.Equal(before, b) {
				first = min(first, n)
				s.put(p.name, b)
			}
		}
		if first == len(places) {
			return
		}
		st, err := s.tryOpen()
		var c *CorruptError
		if errors.As(err, &c) {
			return
		}
		if err := judge(st, err, places, first, story()); err != nil {
			rt.Fatal(err)
		}
		if err := again(s, st); err != nil {
			rt.Fatal(err)
		}
	})
}

// A segment that is missing or cut short is told, unless it is the last (E08).
func TestMissingBytesAreTold(t *testing.T) {
	s, places := storySite(t, 1, story())
	for n, p := range places[:len(places)-2] {
		b := s.bytes(p.name)
		for _, keep := range []int64{-1, 0, p.from, (p.from + p.to) / 2} {
			c := s.copy()
			if keep < 0 {
				c.must(c.mem.Remove(p.name))
			} else {
				c.put(p.name, b[:keep])
			}
			first := n
			for keep <= 0 && first > 0 && places[first-1].name == p.name {
				first--
			}
			st, err := c.tryOpen()
			if err := judge(st, err, places, first, story()); err != nil {
				t.Errorf("%d bytes left of %s: %v", keep, p.name, err)
				continue
			}
			if err := again(c, st); err != nil {
				t.Errorf("%d bytes left of %s: %v", keep, p.name, err)
			}
		}
	}
}

// A power loss may end the log at any byte, followed by zeros up to the end of a sector. What is there in whole is recovered, the
// rest is cut off for good, and the log goes on from there (S08). That is no damage.
func TestTornTailIsCutOff(t *testing.T) {
	segmentSizes(t, func(t *testing.T, size int64) {
		for count := 1; count <= len(story()); count++ {
			s := newSite(t, size)
			s.write(story()[:count-1]...)
			before := s.copy()
			s.append(story()[count-1])
			name := s.log.currentName()
			b := s.bytes(name)
			from := 0
			if slices.Contains(before.names(), name) {
				from = len(before.bytes(name))
			}
			for n := from; n <= len(b); n++ {
				for _, zeros := range []int{0, 1, 4, 96, 512} {
					c := before.copy()
					torn := append(bytes.Clone(b[:n]), make([]byte, zeros)...)
					c.put(name, torn)
					want := count - 1
					if bytes.HasPrefix(torn, b) { // the zeros may be the bytes that are missing
						want = count
					}
					what := fmt.Sprintf("batch %d: %d of %d bytes and %d zeros", count-1, n, len(b), zeros)
					st := c.open()
					if diff := sameState(replay(story()[:want]), st); diff != "" {
						t.Fatalf("%s (-want +got):\n%s", what, diff)
					}
					if len(torn) > from && want < count && st.Cut == 0 && !headerOnly(b, torn, from) {
						t.Fatalf("%s: nothing was cut off", what)
					}
					c.write(batch{hs: hard(9, 1, 0)})
					if st = c.open(); st.HardState.Term != 9 || st.Cut != 0 {
						t.Fatalf("%s: what was appended after the cut is lost: %+v", what, st)
					}
				}
			}
		}
	})
}

// headerOnly: the torn write left the header of a new segment and nothing else, and that counts.
func headerOnly(b, torn []byte, from int) bool {
	return from == 0 && len(torn) >= headerFixed && int64(len(torn)) == int64(le.Uint32(b[12:]))
}

// A tail that was cut off, and comes back in the place where other records were written since, does not count: it is salted with
// another incarnation and segment, and lies behind the end that the next segment's header gives.
func TestOldTailNeverComesBack(t *testing.T) {
	segmentSizes(t, func(t *testing.T, size int64) {
		for n := 1; n < len(story()); n++ {
			s := newSite(t, size)
			s.write(story()[:n]...)
			old := s.copy()
			s.append(story()[n])
			name := s.log.currentName()
			tail := s.bytes(name)
			old.open() // as the power loss left it: without the last batch
			other := batch{hs: hard(20, 1, 0)}
			old.write(other)
			old.put(name, tail)
			want := replay(append(story()[:n:n], other))
			if diff := sameState(want, old.open()); diff != "" {
				t.Errorf("tail behind batch %d came back (-want +got):\n%s", n, diff)
			}
			// Nor do its bytes in a file of the present.
			cur := old.log.currentName()
			old.put(cur, append(old.bytes(cur), tail[len(tail)-60:]...))
			old.put(cur, append(old.bytes(cur), tail...))
			if diff := sameState(want, old.open()); diff != "" {
				t.Errorf("bytes of the tail behind batch %d count in another file (-want +got):\n%s", n, diff)
			}
		}
	})
}

// The header that says where a segment ends is damaged, with the record it carries, and the segment goes on there with what a process wrote
// that died before it could sync it: that shows while the system stays up. What is made of it is as durable as all the rest.
func TestTailBehindADamagedHeaderIsRepeated(t *testing.T) {
	s := newSite(t, 1<<20)
	s.write(batch{hs: hard(1, 2, 0), entries: []raft.Entry{entry(1, 1, "one"), entry(1, 2, "two")}})
	durable, name := s.bytes(s.log.currentName()), s.log.currentName()
	s.append(batch{entries: []raft.Entry{entry(1, 3, "three")}})
	s.open()
	successor := s.log.currentName()
	s.write(batch{entries: []raft.Entry{entry(1, 4, "four")}}, batch{entries: []raft.Entry{entry(1, 5, "five")}}, batch{entries: []raft.Entry{entry(1, 6, "six")}})
	b := s.bytes(successor)
	h, ok := decodeHeader(b, s.log.table)
	if !ok || h.carried == 0 {
		t.Fatalf("header %+v", h)
	}
	clear(b[:h.length+h.carried])
	s.put(successor, b)
	st := s.open()
	if len(st.Entries) != 6 || st.Lost != (raft.EntryID{}) {
		t.Fatalf("%d entries, lost %v", len(st.Entries), st.Lost)
	}
	s.put(name, durable) // the power fails
	if diff := sameState(st, s.open()); diff != "" {
		t.Errorf("after a power loss (-before +after):\n%s", diff)
	}
}

// What was lost to damage before is not forgotten with the header that said so, whatever was written behind it since: the log is
// not yet as new as what was lost.
func TestLossIsNotForgottenWithAHeader(t *testing.T) {
	segmentSizes(t, func(t *testing.T, size int64) {
		var all []batch
		for i := range uint64(9) {
			all = append(all, batch{hs: hard(1, 1, 0), entries: []raft.Entry{entry(1, i+1, fmt.Sprint("entry", i+1))}})
		}
		s, places := storySite(t, size, all)
		p := places[slices.IndexFunc(places, func(p place) bool { return p.batch == 4 })]
		b := s.bytes(p.name)
		clear(b[p.from:p.to])
		s.put(p.name, b)
		lost := raft.EntryID{Index: 9, Term: 1}
		if st := s.open(); len(st.Entries) != 4 || st.Lost != lost {
			t.Fatalf("%d entries, lost %v", len(st.Entries), st.Lost)
		}
		name := s.log.currentName()
		s.write(all[4:7]...)
		b = s.bytes(name)
		clear(b[:s.log.headerLength()])
		s.put(name, b)
		if st := s.copy().open(); len(st.Entries) != 7 || st.Lost != lost {
			t.Errorf("behind a damaged header: %d entries, lost %v", len(st.Entries), st.Lost)
		}
		s.open()
		s.write(all[7:]...)
		if diff := sameState(replay(all), s.open()); diff != "" {
			t.Errorf("as new again (-want +got):\n%s", diff)
		}
	})
}

// Behind the end that the header of the next segment gives is a record that was cut off with the torn one before it. When that header
// is damaged the record shows again: it does not count, but since nothing tells that any more the log is taken for damaged.
func TestCutTailBehindADamagedHeader(t *testing.T) {
	s := newSite(t, 1<<20)
	kept := batch{hs: hard(1, 2, 0), entries: []raft.Entry{entry(1, 1, "one"), entry(1, 2, "two")}}
	s.write(kept, batch{hs: hard(1, 2, 1)})
	name, torn := s.log.currentName(), s.log.end
	s.append(batch{hs: hard(2, 0, 1)})
	end := s.log.end
	s.append(batch{hs: hard(2, 1, 1), entries: []raft.Entry{entry(2, 3, "cut")}})
	b := s.bytes(name)
	clear(b[torn:end]) // the power fails
	s.put(name, b)
	if diff := sameState(replay([]batch{kept, {hs: hard(1, 2, 1)}}), s.open()); diff != "" {
		t.Fatalf("cut off (-want +got):\n%s", diff)
	}
	successor := s.log.currentName()
	last := batch{hs: hard(3, 3, 2)}
	s.write(batch{hs: hard(3, 3, 1)}, last)
	b = s.bytes(successor)
	clear(b[:s.log.headerLength()])
	s.put(successor, b)
	want := replay([]batch{kept, last})
	want.Lost = raft.EntryID{Index: 3, Term: 2}
	st := s.open()
	if diff := sameState(want, st); diff != "" {
		t.Errorf("behind a damaged header (-want +got):\n%s", diff)
	}
	s.write(batch{entries: []raft.Entry{entry(3, 3, "three")}})
	if st := s.open(); st.Lost != (raft.EntryID{}) || len(st.Entries) != 3 {
		t.Errorf("as new again: %+v", st)
	}
}

// broken is a file system with bytes that cannot be read.
type broken struct {
	vfs.FS
	name     string
	from, to int64
}

type brokenFile struct {
	vfs.File
	fs *broken
}

func (b *broken) Open(name string) (vfs.File, error) {
	f, err := b.FS.Open(name)
	if err == nil && name == b.name {
		return brokenFile{f, b}, nil
	}
	return f, err
}

func (f brokenFile) ReadAt(p []byte, off int64) (int, error) {
	if off < f.fs.to && off+int64(len(p)) > f.fs.from {
		return 0, io.ErrUnexpectedEOF
	}
	return f.File.ReadAt(p, off)
}

// Bytes that cannot be read are like damage: reported where later records tell of them. At the end of the log they are not taken for
// a torn write, since no power loss leaves such: the disk is refused.
func TestUnreadableIsTold(t *testing.T) {
	var long []batch
	for i := range uint64(40) {
		long = append(long, batch{hs: hard(1, 0, i/2), entries: []raft.Entry{entry(1, i+1, string(bytes.Repeat([]byte{'x'}, 100)))}})
	}
	s, places := storySite(t, 1<<20, long)
	last := places[len(places)-1]
	for at := int64(0); at < last.to; at += 100 {
		n := 0
		for places[n].name != last.name || places[n].to <= at/512*512 {
			n++
		}
		c := s.copy()
		log, st, err := Open(&broken{c.mem, last.name, at, at + 1}, member, Options{}, 1)
		if at/512*512+512 > last.from {
			var e *CorruptError
			if !errors.As(err, &e) || e.File != last.name {
				t.Errorf("unreadable at %d, in the last record: %v", at, err)
			}
			continue
		}
		if err := judge(st, err, places, n, long); err != nil {
			t.Errorf("unreadable at %d: %v", at, err)
		}
		if err == nil && st.Lost == (raft.EntryID{}) && n > 2 {
			t.Errorf("unreadable at %d: nothing lost", at)
		}
		if log != nil {
			_ = log.Close()
		}
	}
}

// A damaged record that held nothing but an older hard state costs nothing: what follows it shows that no entry is missing.
func TestDamagedHardStateIsRepaired(t *testing.T) {
	batches := []batch{
		{hs: hard(1, 1, 0), entries: []raft.Entry{entry(1, 1, "one")}},
		{hs: hard(2, 3, 0)},
		{hs: hard(3, 1, 1), entries: []raft.Entry{entry(3, 2, "two")}},
	}
	s, places := storySite(t, 1<<20, batches)
	p := places[len(places)-2]
	b := s.bytes(p.name)
	clear(b[p.from:p.to])
	s.put(p.name, b)
	st := s.open()
	if diff := sameState(replay(batches), st); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if err := again(s, st); err != nil {
		t.Error(err)
	}
}

// Damage of entries that were replaced since costs nothing either.
func TestDamageOfReplacedEntriesIsRepaired(t *testing.T) {
	batches := []batch{
		{hs: hard(1, 1, 0), entries: []raft.Entry{entry(1, 1, "one")}},
		{entries: []raft.Entry{entry(1, 2, "two"), entry(1, 3, "three")}},
		{hs: hard(2, 1, 1), entries: []raft.Entry{entry(2, 2, "deux")}},
		{hs: hard(2, 1, 2)},
	}
	s, places := storySite(t, 1<<20, batches)
	p := places[len(places)-3]
	b := s.bytes(p.name)
	b[p.from+30] ^= 1
	s.put(p.name, b)
	if diff := sameState(replay(batches), s.open()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

// Of a record with a damaged body the entries before the damage are kept: identities and data have checksums of their own.
func TestEntriesBeforeTheDamageAreKept(t *testing.T) {
	batches := []batch{
		{hs: hard(1, 1, 0), entries: []raft.Entry{entry(1, 1, "one"), entry(1, 2, "two"), entry(1, 3, "three")}},
		{hs: hard(1, 1, 3), entries: []raft.Entry{entry(1, 4, "four")}},
	}
	s, places := storySite(t, 1<<20, batches)
	p := places[len(places)-2]
	b := s.bytes(p.name)
	b[p.to-7] ^= 1 // in the data of entry 2
	s.put(p.name, b)
	want := replay(batches)
	want.Entries = want.Entries[:1]
	want.Lost = raft.EntryID{Index: 4, Term: 1}
	want.HardState.Commit = 0
	st := s.open()
	if diff := sameState(want, st); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	if err := again(s, st); err != nil {
		t.Error(err)
	}
}

// The commit index of after the damage must not be applied to entries of before it, which may have been replaced in what is lost.
func TestCommitOfLostEntriesIsNotTaken(t *testing.T) {
	batches := []batch{
		{hs: hard(1, 1, 1), entries: []raft.Entry{entry(1, 1, "one"), entry(1, 2, "stale"), entry(1, 3, "stale")}},
		{hs: hard(2, 2, 1), entries: []raft.Entry{entry(2, 2, "two"), entry(2, 3, "three")}},
		{hs: hard(2, 2, 3), entries: []raft.Entry{entry(2, 4, "four")}},
		{hs: hard(2, 2, 3)},
	}
	s, places := storySite(t, 1<<20, batches)
	p := places[len(places)-3]
	b := s.bytes(p.name)
	b[p.from] ^= 1
	s.put(p.name, b)
	st := s.open()
	if st.HardState != *hard(2, 2, 1) || st.Lost != (raft.EntryID{Index: 4, Term: 2}) || len(st.Entries) != 3 {
		t.Errorf("state %+v", st)
	}
}

// All headers name the configuration: a member that lost the first segment still knows it. With no header left it does not.
func TestConfigurationIsInEveryHeader(t *testing.T) {
	s, _ := storySite(t, 1<<20, story())
	s.must(s.mem.Remove(SegmentName(1, 0)))
	if diff := sameState(replay(story()), s.open()); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
	s, _ = storySite(t, 1<<20, story())
	for _, name := range s.names() {
		b := s.bytes(name)
		b[20] ^= 1
		s.put(name, b)
	}
	_, err := s.tryOpen()
	var c *CorruptError
	if !errors.As(err, &c) {
		t.Errorf("error %v, want a corruption", err)
	}
}

// A record that is whole and does not continue the one before it does not count: it was written behind something else.
func TestBrokenChainIsTold(t *testing.T) {
	s, places := storySite(t, 1<<20, story())
	s.log.chain++
	s.write(batch{hs: hard(6, 1, 5)})
	if diff := sameState(replay(story()), s.copy().open()); diff != "" {
		t.Errorf("at the end (-want +got):\n%s", diff)
	}
	s.write(batch{hs: hard(7, 1, 5)}, batch{entries: []raft.Entry{entry(7, 7, "seven")}})
	all := append(story(), batch{hs: hard(6, 1, 5)}, batch{hs: hard(7, 1, 5)}, batch{entries: []raft.Entry{entry(7, 7, "seven")}})
	st := s.open()
	if err := judge(st, nil, append(places, make([]place, 3)...), len(places), all); err != nil {
		t.Error(err)
	}
}

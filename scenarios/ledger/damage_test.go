package ledger

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"raftsim/sim/disk"
)

// Whatever happened to the bytes of a disk, this decoder and the storage code make the same of it: the log, what is lost, and whether
// anything may be recovered at all.
func TestDamagedDisks(t *testing.T) {
	holes, losses, refusals, whole := 0, 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		s := settings{
			disk:    disk.Options{SectorSize: 128},
			segment: rapid.SampledFrom([]int64{1, 400, 2000, 1 << 20}).Draw(t, "segment"),
			seed:    rapid.Uint64().Draw(t, "seed"), trust: true,
		}
		if rapid.Bool().Draw(t, "lossy") {
			s.noise = lossy
		}
		h := newHost(t, s)
		drive(t, h)
		files := h.durableFiles()
		var before outcome
		var r reader
		r.decode(member, files, &before)
		for range rapid.IntRange(1, 3).Draw(t, "damages") {
			files = harm(t, files)
		}
		var o outcome
		r.decode(member, files, &o)
		if diff := recoverFrom(t, files, &o); diff != "" {
			t.Fatalf("%s\n%s", diff, describe(files))
		}
		switch {
		case o.refusal != "":
			refusals++
		case o.lost != identity{}:
			losses++
		case r.walk.holed:
			holes++
		default:
			whole++
		}
	})
	t.Logf("%d disks refused, %d with losses, %d with holes only, %d as if undamaged", refusals, losses, holes, whole)
}

// harm damages a disk in one place.
func harm(t *rapid.T, files []file) []file {
	if len(files) == 0 {
		return files
	}
	i := rapid.IntRange(0, len(files)-1).Draw(t, "file")
	f := &files[i]
	kind := rapid.IntRange(0, 9).Draw(t, "damage")
	if len(f.bytes) == 0 && kind != 0 {
		return files
	}
	switch kind {
	case 0:
		return slices.Delete(files, i, i+1)
	case 1:
		f.bytes = f.bytes[:rapid.IntRange(0, len(f.bytes)-1).Draw(t, "size")]
	case 2:
		f.bytes = slices.Clone(files[rapid.IntRange(0, len(files)-1).Draw(t, "other")].bytes)
	case 3, 4:
		at := rapid.IntRange(0, len(f.bytes)-1).Draw(t, "sector") / 128 * 128
		clear(f.bytes[at:min(at+128, len(f.bytes))])
	default:
		f.bytes[rapid.IntRange(0, len(f.bytes)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
	}
	return files
}

// What was lost stays lost when the header that says so is destroyed, although what was written behind it is not: the storage code and
// this decoder take what was read before that header for the measure.
func TestLossBehindADestroyedHeader(t *testing.T) {
	h := started(t, settings{})
	if !h.disk.Rot(1, 500, 0xff) {
		t.Fatal("nothing to rot")
	}
	h.crash()
	if !h.open() {
		t.Fatal("the disk is refused")
	}
	h.run(1000)
	lost := h.opened.Lost
	for range 2 {
		h.write(20)
		h.sync()
		h.run(1000)
	}
	if lost.Index <= h.last() {
		t.Fatalf("lost are entries up to %v, there are %d", lost, h.last())
	}
	files := h.durableFiles()
	last := &files[len(files)-1]
	last.bytes = slices.Clone(last.bytes)
	clear(last.bytes[:176])
	var r reader
	var o outcome
	r.decode(member, files, &o)
	if diff := recoverFrom(t, files, &o); diff != "" {
		t.Error(diff)
	}
	if want := (identity{lost.Index, lost.Term}); o.lost != want || len(o.disk.Entries) != int(h.last()) {
		t.Errorf("%d entries, lost %v, want %d and %v", len(o.disk.Entries), o.lost, h.last(), want)
	}
}

package powerloss

import (
	"errors"
	"strings"
	"testing"

	"raftsim/raft/vfs"
)

// A bounded part of the enumeration: a few short workloads. Together they do everything a workload can do.
func TestPowerLosses(t *testing.T) {
	var total Report
	for seed, size := range []int64{600, 1, 600, 1 << 20, 300, 1, 300} {
		r, err := Enumerate(Options{Seed: uint64(seed), Operations: 100, SegmentBytes: size, PerPoint: 25})
		if err != nil {
			t.Error(err)
		}
		total.States += r.States
		total.Nested += r.Nested
		total.Torn += r.Torn
		for i, n := range r.Kinds {
			total.Kinds[i] += n
		}
	}
	t.Logf("%+v", total)
	for i, name := range OpNames() {
		if total.Kinds[i] == 0 {
			t.Errorf("no operation of the kind %q", name)
		}
	}
	if total.States < 10000 || total.Nested == 0 || total.Torn == 0 {
		t.Errorf("too little was tried: %+v", total)
	}
}

func TestSameOptionsSameReport(t *testing.T) {
	o := Options{Seed: 7, Operations: 25, Sector: 128}
	first, err := Enumerate(o)
	if err != nil {
		t.Fatal(err)
	}
	if second, err := Enumerate(o); err != nil || second != first {
		t.Errorf("first %+v, then %+v, %v", first, second, err)
	}
}

func TestImpossibleOptions(t *testing.T) {
	for _, o := range []Options{{Sector: -1}, {SegmentBytes: -1}, {Operations: -1}} {
		if _, err := Enumerate(o); err == nil {
			t.Errorf("%+v is accepted", o)
		}
	}
}

// variant is a file system that does some things in another way.
type variant struct {
	vfs.FS
	syncDir func(vfs.FS, vfs.Ticket)
	sync    func(vfs.FS, vfs.File, vfs.Ticket)
	write   func(vfs.File, []byte, int64) (int, error)
	rename  func(f vfs.FS, from, to string) error
}

func (v variant) SyncDir(t vfs.Ticket) {
	if v.syncDir == nil {
		v.FS.SyncDir(t)
		return
	}
	v.syncDir(v.FS, t)
}

func (v variant) Rename(from, to string) error {
	if v.rename == nil {
		return v.FS.Rename(from, to)
	}
	return v.rename(v.FS, from, to)
}

func (v variant) Create(name string) (vfs.File, error) { return v.file(v.FS.Create(name)) }
func (v variant) Open(name string) (vfs.File, error)   { return v.file(v.FS.Open(name)) }

func (v variant) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return variantFile{f, v}, nil
}

type variantFile struct {
	vfs.File
	v variant
}

func (f variantFile) Sync(t vfs.Ticket) {
	if f.v.sync == nil {
		f.File.Sync(t)
		return
	}
	f.v.sync(f.v.FS, f.File, t)
}

func (f variantFile) WriteAt(p []byte, off int64) (int, error) {
	if f.v.write == nil {
		return f.File.WriteAt(p, off)
	}
	return f.v.write(f.File, p, off)
}

func enumerateOn(v variant) error {
	_, err := Enumerate(Options{Seed: 3, Operations: 150, Nested: -1, PerPoint: 10, Wrap: func(f vfs.FS) vfs.FS { v.FS = f; return v }})
	return err
}

// The checks bite: a file system that keeps less than it promises is found.
func TestBrokenPromisesAreFound(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    variant
		want string
	}{
		{"syncs of the names are syncs of something else", variant{syncDir: func(f vfs.FS, t vfs.Ticket) {
			names, _ := f.List()
			if file, err := f.Open(names[0]); err == nil {
				file.Sync(t)
			}
		}}, ""},
		{"syncs of files are syncs of the names", variant{sync: func(f vfs.FS, _ vfs.File, t vfs.Ticket) { f.SyncDir(t) }}, ""},
		{"the last byte of a write is lost", variant{write: func(f vfs.File, p []byte, off int64) (int, error) {
			_, err := f.WriteAt(p[:len(p)-1], off)
			return len(p), err
		}}, ""},
		{"a rename leaves nothing", variant{rename: func(f vfs.FS, from, _ string) error { return f.Remove(from) }}, ""},
		{"a write fails", variant{write: func(vfs.File, []byte, int64) (int, error) { return 0, errMedium }}, errMedium.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := enumerateOn(tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

var errMedium = errors.New("medium error")

// What a file system may do without breaking a promise is survived: more syncs than asked for, writes in pieces.
func TestKindFileSystems(t *testing.T) {
	for _, tt := range []struct {
		name string
		v    variant
	}{
		{"writes in pieces", variant{write: func(f vfs.File, p []byte, off int64) (int, error) {
			for at := range p {
				if at%50 == 0 {
					if _, err := f.WriteAt(p[at:min(at+50, len(p))], off+int64(at)); err != nil {
						return at, err
					}
				}
			}
			return len(p), nil
		}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := enumerateOn(tt.v); err != nil {
				t.Error(err)
			}
		})
	}
}

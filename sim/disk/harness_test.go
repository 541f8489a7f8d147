package disk

import (
	"testing"
	"time"

	"raftsim/raft/vfs"
	"raftsim/sim"
)

const owner sim.ProcID = 1

// bench is a kernel with one process that does nothing but collect the completions of its disk.
type bench struct {
	t         fataler
	kernel    sim.Kernel
	fates     sim.Fates
	disk      *Disk
	got       []Completion
	when      []sim.Time
	lost      int
	onDeliver func()
}

type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func vocabulary(t fataler) *sim.Vocabulary {
	t.Helper()
	v, err := sim.NewVocabulary([]sim.ProcName{{Prefix: "n", First: 1, Last: 1023}}, Specs()...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// newBench makes a bench over a calm base with disturbances given as lines.
func newBench(t fataler, o Options, lines ...string) *bench {
	t.Helper()
	v := vocabulary(t)
	c := sim.FatesConfig{Vocabulary: v, Record: true}
	for _, line := range lines {
		d, err := v.ParseLine(line)
		if err != nil {
			t.Fatal(err)
		}
		c.Overrides = append(c.Overrides, d)
	}
	b := &bench{t: t}
	if err := b.fates.Reset(c); err != nil {
		t.Fatal(err)
	}
	b.kernel.Reset(&b.fates, nil, sim.Bounds{}, nil)
	b.kernel.Host(owner, b)
	b.disk = New(&b.kernel, owner, o)
	return b
}

func (b *bench) Deliver(ev sim.Event) {
	want, wantOK := b.disk.Pending(ev.Payload)
	c, ok := b.disk.Complete(ev.Payload)
	if c != want || ok != wantOK {
		b.t.Fatalf("Pending announced %v %v, Complete says %v %v", want, wantOK, c, ok)
	}
	if !ok {
		b.lost++
		return
	}
	b.got = append(b.got, c)
	b.when = append(b.when, b.kernel.Now())
	if b.onDeliver != nil {
		b.onDeliver()
	}
}

func (b *bench) Fold(sim.Event, *sim.Digest) {}

func (b *bench) Describe(_ sim.Event, dst []byte) []byte { return dst }

// run lets virtual time pass.
func (b *bench) run(d time.Duration) {
	b.t.Helper()
	if err := b.kernel.Run(b.kernel.Now().Add(d)); err != nil {
		b.t.Fatal(err)
	}
}

// settle lets everything complete and returns the completions since the last call.
func (b *bench) settle() []vfs.Completion {
	b.run(time.Hour)
	var out []vfs.Completion
	for _, c := range b.got {
		out = append(out, c.Completion)
	}
	b.got = nil
	return out
}

func (b *bench) create(name, data string) vfs.File {
	b.t.Helper()
	f, err := b.disk.FS().Create(name)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(f, data, 0)
	return f
}

func (b *bench) write(f vfs.File, data string, off int64) {
	b.t.Helper()
	if _, err := f.WriteAt([]byte(data), off); err != nil {
		b.t.Fatal(err)
	}
}

// durable makes a file that survives everything.
func (b *bench) durable(name, data string) vfs.File {
	b.t.Helper()
	f := b.create(name, data)
	f.Sync(1)
	b.disk.FS().SyncDir(2)
	b.settle()
	return f
}

func (b *bench) view(name string) string {
	data, ok := b.disk.ViewBytes(name)
	if !ok {
		return "(none)"
	}
	return string(data)
}

func (b *bench) wantView(name, want string) {
	b.t.Helper()
	if got := b.view(name); got != want {
		b.t.Fatalf("file %s reads %q, want %q", name, got, want)
	}
}

var _ fataler = (*testing.T)(nil)

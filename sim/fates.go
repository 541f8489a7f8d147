package sim

import "fmt"

// Noise says how often, and how, a purpose departs from calm in a noisy base. The zero value never does.
type Noise struct {
	Chance  Ratio              // of a departure, per subject
	Weights []uint32           // by kind: multiplies Chance (nil, or beyond the end: 1)
	Draw    func(*Words) Value // makes the value of a departure from the key's words; must depend on nothing that changes during a run
}

// FatesConfig is what the answers of one run are made of.
type FatesConfig struct {
	Vocabulary *Vocabulary
	Noisy      bool   // the base is noise; else calm
	Seed       uint64 // of the noise
	Noise      func(Purpose) Noise
	Masks      []Mask
	Overrides  []Disturbance
	CloseAt    Time // when the fault window closes; Never or 0 for a run without one
	Grace      Time // no effect of a fault lasts longer than CloseAt + Grace
	CheckOnce  bool // a key asked twice, or one that its purpose cannot print, is a panic; costs a table of all keys asked
	Record     bool // keep every answer that was not calm; implies CheckOnce
	// Tracer is told of every fault when it is granted, those with a time of their own apart (the kernel tells of them); may be nil.
	Tracer DisturbanceTracer
}

// Fates is the decision function of a run. It is not safe for concurrent use; a run is single-threaded.
type Fates struct {
	vocabulary *Vocabulary
	seed       uint64
	closeAt    Time
	grace      Time
	purposes   [256]purposeState
	masks      []Mask
	overrides  []Disturbance
	hits       []uint32
	table      keyTable // key -> position in overrides
	asked      keyTable
	checkOnce  bool
	recording  bool
	tracer     DisturbanceTracer
	line       []byte // of the tracer
	record     []Disturbance
	words      Words // scratch of the draw in progress: kept here so that Draw's pointer does not escape to the heap
}

type purposeState struct {
	noise      Noise
	counts     Count
	noisy      bool
	overridden bool
	closed     bool
	fault      bool
	timed      bool
	aim        bool
	declared   bool
}

// Count says how often a purpose was asked and how often it departed from calm.
type Count struct{ Asked, Departed uint64 }

// NewFates returns the decision function of a case. It refuses overrides that the vocabulary cannot print or that name one key
// twice.
func NewFates(c FatesConfig) (*Fates, error) {
	f := new(Fates)
	return f, f.Reset(c)
}

// Reset makes f the decision function of another case, keeping its memory.
func (f *Fates) Reset(c FatesConfig) error {
	f.vocabulary, f.seed = c.Vocabulary, c.Seed
	f.closeAt, f.grace = c.CloseAt, c.Grace
	if f.closeAt == 0 {
		f.closeAt = Never
	}
	f.masks = append(f.masks[:0], c.Masks...)
	f.overrides = append(f.overrides[:0], c.Overrides...)
	f.checkOnce, f.recording = c.CheckOnce || c.Record, c.Record
	f.tracer = c.Tracer
	f.record = f.record[:0]
	f.asked.reset(0)
	f.purposes = [256]purposeState{}
	for _, s := range c.Vocabulary.Specs() {
		p := &f.purposes[s.Purpose]
		p.declared, p.fault, p.timed, p.aim = true, s.Fault, s.Timed, s.Aim
		if c.Noisy && c.Noise != nil {
			p.noise = c.Noise(s.Purpose)
			p.noisy = !p.noise.Chance.Zero() && p.noise.Draw != nil
		}
	}
	f.hits = f.hits[:0]
	f.table.reset(len(c.Overrides))
	for i, d := range f.overrides {
		if err := f.vocabulary.CheckKey(d.Key); err != nil {
			return fmt.Errorf("override %d: %w", i+1, err)
		}
		if err := f.vocabulary.CheckValue(d); err != nil {
			return fmt.Errorf("override %d: %w", i+1, err)
		}
		if !f.table.insert(d.Key, int32(i)) {
			return fmt.Errorf("override %d: %s is there twice", i+1, f.vocabulary.AppendKey(nil, d.Key))
		}
		f.purposes[d.Key.Purpose()].overridden = true
		f.hits = append(f.hits, 0)
	}
	return nil
}

// Active reports whether any answer for p can differ from calm in this run; none can where the vocabulary does not have p. It never
// changes during a run. Where no purpose of a subject is active, its ordinals need not be counted.
func (f *Fates) Active(p Purpose) bool {
	s := &f.purposes[p]
	return s.noisy || s.overridden || f.checkOnce && s.declared
}

// Ask returns the fate of a subject, once per run. at is now; alias describes what the subject holds, for the recording.
// It costs O(1 + masks) and allocates nothing unless it records.
func (f *Fates) Ask(k Key, at Time, alias uint64) Value {
	p := &f.purposes[k.Purpose()]
	p.counts.Asked++
	if f.checkOnce {
		f.checkAsked(k)
	}
	if p.overridden {
		if i := f.table.find(k); i >= 0 {
			o := &f.overrides[i]
			v := f.answer(p, k, o.Value, at, alias)
			if !v.Calm() || o.Value.Calm() {
				f.hits[i]++ // one that lies beyond the fault window does nothing
			}
			return v
		}
	}
	if !p.noisy {
		return Value{}
	}
	f.words = KeyedWords(f.seed, k)
	chance := p.noise.Chance
	if kind := uint8(k.Hi >> 24); int(kind) < len(p.noise.Weights) {
		chance.Num *= uint64(p.noise.Weights[kind])
	}
	if !f.words.Chance(chance) {
		return Value{}
	}
	v := p.noise.Draw(&f.words)
	when := at
	if p.timed {
		when = Time(v.At)
	}
	for i := range f.masks {
		if f.masks[i].covers(k, when) {
			return Value{}
		}
	}
	return f.answer(p, k, v, at, alias)
}

// answer applies the end of the fault window, counts and records.
func (f *Fates) answer(p *purposeState, k Key, v Value, at Time, alias uint64) Value {
	if v.Calm() {
		return v
	}
	if p.fault {
		begin := at
		if p.timed {
			begin = Time(v.At)
		}
		if p.closed || begin >= f.closeAt {
			return Value{}
		}
		if f.closeAt != Never {
			if room := int64(f.closeAt + f.grace - begin); v.For > room {
				v.For = room
			}
		}
	}
	p.counts.Departed++
	if f.tracer != nil && p.fault && !p.timed {
		f.line = f.vocabulary.AppendLine(f.line[:0], Disturbance{Key: k, Value: v, Alias: alias})
		f.tracer.Disturbed(at, f.line)
	}
	if f.recording && !p.aim {
		f.record = append(f.record, Disturbance{Key: k, Value: v, Alias: alias})
	}
	return v
}

// Emit makes a disturbance that a generator resolved during the run part of it, as if it had been asked, and returns it as
// granted: no longer than the fault window and its grace allow. It reports false, and the generator must do nothing, if the
// case overrides the key already or the fault window has closed.
func (f *Fates) Emit(d Disturbance) (Disturbance, bool) {
	p := &f.purposes[d.Key.Purpose()]
	if p.overridden && f.table.find(d.Key) >= 0 || p.closed || p.fault && Time(d.Value.At) >= f.closeAt {
		return d, false
	}
	if f.checkOnce {
		f.checkAsked(d.Key)
	}
	p.counts.Asked++
	d.Value = f.answer(p, d.Key, d.Value, Time(d.Value.At), d.Alias)
	return d, !d.Value.Calm()
}

// CloseFaults makes every purpose that is a fault answer calm from now on.
func (f *Fates) CloseFaults() {
	for i := range f.purposes {
		if f.purposes[i].fault {
			f.purposes[i].closed = true
		}
	}
}

// Overrides returns the overrides of the case, in its order. The caller must not change them.
func (f *Fates) Overrides() []Disturbance { return f.overrides }

// Hits returns how often override i was asked: 0 or 1.
func (f *Fates) Hits(i int) uint32 { return f.hits[i] }

// Counts returns how often p was asked and departed from calm.
func (f *Fates) Counts(p Purpose) Count { return f.purposes[p].counts }

// Recorded returns every answer so far that was not calm, sorted by key. Over a calm base these are the run.
func (f *Fates) Recorded() []Disturbance {
	out := append([]Disturbance(nil), f.record...)
	SortDisturbances(out)
	return out
}

func (f *Fates) checkAsked(k Key) {
	if err := f.vocabulary.CheckKey(k); err != nil {
		panic("sim: " + err.Error())
	}
	if !f.asked.insert(k, 0) {
		panic(fmt.Sprintf("sim: key asked twice: %s", f.vocabulary.AppendKey(nil, k)))
	}
}

package disk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"raftsim/sim"
)

// Purposes of a disk.
const (
	// Torn asks what a power loss leaves of the unsynced bytes of one file: A = the owner, epoch = the number of the
	// power loss of this disk, from 1, ordinal = the position of the file among the names that survive. Calm: nothing.
	Torn sim.Purpose = 48
	// SlowSync asks how much longer than usual a sync takes: A = the owner, ordinal = the number of the sync on this disk.
	SlowSync sim.Purpose = 49
)

// Specs declares the purposes of disks.
func Specs() []sim.Spec {
	return []sim.Spec{
		{
			Purpose: Torn, Name: "torn", Doc: "what a power loss leaves of the unsynced bytes of a file",
			Fields: sim.FieldA | sim.FieldEpoch | sim.FieldOrdinal, Value: TornFormat{}, Fault: true,
		},
		{
			Purpose: SlowSync, Name: "slow-sync", Doc: "how much longer a sync takes",
			Fields: sim.FieldA | sim.FieldOrdinal, Value: sim.DelayFormat{}, Fault: true,
		},
	}
}

// keep says what survives of unsynced bytes; it is N of the value of Torn:
//
//	0          nothing
//	1..999     so many thousandths of the bytes; the last sector is torn
//	1000       everything
//	1001..1999 so many thousandths plus 1000 of the sectors, in whole
//
// Thousandths are independent of how much there is, so a value means the same when the code writes more or less.
type keep int64

const keepAll keep = 1000

// Units of keep.share.
const (
	keepBytes   keep = 0
	keepSectors keep = 1000
)

// share returns how many of n things k keeps, if k counts in that unit, else 0. The thousandths are of n + 1, rounded down:
// from 0 to n things are kept, each about equally likely for an even choice of k.
func (k keep) share(unit keep, n int64) int64 {
	if k -= unit; k <= 0 || k >= 1000 {
		return 0
	}
	return int64(k) * (n + 1) / 1000
}

// KeepBytes returns the value of Torn that keeps so many thousandths, 1 to 999, of the unsynced bytes.
func KeepBytes(thousandths int64) sim.Value { return tornValue(keepBytes, thousandths) }

// KeepSectors returns the value of Torn that keeps so many thousandths, 1 to 999, of the unsynced sectors.
func KeepSectors(thousandths int64) sim.Value { return tornValue(keepSectors, thousandths) }

// KeepAll returns the value of Torn that keeps everything.
func KeepAll() sim.Value { return sim.Value{N: int64(keepAll)} }

func tornValue(unit keep, thousandths int64) sim.Value {
	if thousandths < 1 || thousandths > 999 {
		panic(fmt.Sprintf("disk: %d thousandths to keep, want 1 to 999", thousandths))
	}
	return sim.Value{N: int64(unit) + thousandths}
}

// TornFormat is the text of Torn: "all", "bytes 250" or "sectors 250" (in thousandths).
type TornFormat struct{}

// Form implements sim.ValueFormat.
func (TornFormat) Form() string { return "all, bytes 250 or sectors 250 (thousandths, 1 to 999)" }

// Append implements sim.ValueFormat.
func (TornFormat) Append(dst []byte, v sim.Value) []byte {
	switch k := keep(v.N); {
	case v.Calm():
		return append(dst, "calm"...)
	case k == keepAll:
		return append(dst, "all"...)
	case k > keepSectors:
		return strconv.AppendInt(append(dst, "sectors "...), int64(k-keepSectors), 10)
	default:
		return strconv.AppendInt(append(dst, "bytes "...), int64(k), 10)
	}
}

// Parse implements sim.ValueFormat.
func (f TornFormat) Parse(s string) (sim.Value, error) {
	switch s {
	case "calm":
		return sim.Value{}, nil
	case "all":
		return KeepAll(), nil
	}
	word, number, _ := strings.Cut(s, " ")
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil && n >= 1 && n <= 999 && strconv.FormatInt(n, 10) == number {
		switch word {
		case "bytes":
			return KeepBytes(n), nil
		case "sectors":
			return KeepSectors(n), nil
		}
	}
	return sim.Value{}, fmt.Errorf("value %q: want %s, or calm", s, f.Form())
}

// DrawTorn makes noise for Torn: a quarter of the values keep everything, a quarter whole sectors, half tear a sector. It
// takes two words.
func DrawTorn(w *sim.Words) sim.Value {
	family, n := w.Below(4), w.Between(1, 999)
	switch family {
	case 0:
		return KeepAll()
	case 1:
		return KeepSectors(n)
	}
	return KeepBytes(n)
}

// DrawSlowSync returns noise for SlowSync: delays from least to most, each power of two of them equally likely. A delay
// takes two words. least must be positive and at most most.
func DrawSlowSync(least, most time.Duration) func(*sim.Words) sim.Value {
	if least <= 0 || most < least {
		panic(fmt.Sprintf("disk: slow syncs from %v to %v", least, most))
	}
	octaves := uint64(1)
	for d := most / 2; d >= least; d /= 2 {
		octaves++
	}
	return func(w *sim.Words) sim.Value {
		low := int64(least) << w.Below(octaves)
		return sim.Value{For: w.Between(low, min(2*low-1, int64(most)))}
	}
}

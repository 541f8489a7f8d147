package sim

import (
	"testing"

	"pgregory.net/rapid"
)

// After every Set there is a queued event at or before the deadline, whatever was set and rang before; and deadlines that only
// move later keep one event under way.
func TestAlarmComesInTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := newLogbook(t, Bounds{})
		k := l.k
		var a Alarm
		rings := 0
		l.on = func(ev Event) {
			rings++
			a.Rang(k.Now())
		}
		later := rapid.Bool().Draw(t, "only later")
		due := Time(0)
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			if err := k.Run(k.Now() + Time(rapid.Int64Range(0, 15).Draw(t, "pass"))); err != nil {
				t.Fatal(err)
			}
			next := k.Now() + Time(rapid.Int64Range(-3, 40).Draw(t, "due"))
			if later {
				next = max(next, due)
			}
			due = next
			a.Set(k, 1, 7, due)
			inTime := false
			for _, ev := range k.events.all() {
				inTime = inTime || ev.At <= max(due, k.Now()) && ev.To == 1 && ev.Kind == 7
			}
			if !inTime {
				t.Fatalf("at %d nothing is queued for %d", k.Now(), due)
			}
			if later && k.events.len() != 1 {
				t.Fatalf("%d events under way", k.events.len())
			}
		}
		queued := k.events.len()
		a.Set(k, 1, 7, Never)
		if k.events.len() != queued {
			t.Fatal("an event was queued for Never")
		}
		rings = 0
		if err := k.Run(Never); err != nil || rings != queued || a.count != 0 {
			t.Fatalf("%d of %d rang, %d still noted: %v", rings, queued, a.count, err)
		}
	})
}

func TestAlarmReset(t *testing.T) {
	l := newLogbook(t, Bounds{})
	var a Alarm
	a.Set(l.k, 1, 7, 5)
	l.k.Reset(newFates(t, FatesConfig{}), l, Bounds{}, nil)
	a.Reset()
	a.Set(l.k, 1, 7, 9)
	if l.k.events.len() != 1 || l.k.events.first().At != 9 {
		t.Errorf("queued: %+v", l.k.events.all())
	}
}

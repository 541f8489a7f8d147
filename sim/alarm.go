package sim

// Alarm wakes one process in time for its next deadline. Deadlines move, mostly later, with every input; an event is queued only
// when none that is queued already comes in time, so a process has a few events under way however often its deadline
// moves. A wake-up may come when nothing is due, and after a restart one of the life before: both must do nothing. The zero
// value needs Reset.
type Alarm struct {
	times [8]Time // of queued events, ascending; those beyond the eighth are not tracked, and wake for nothing
	count int
}

// Reset forgets all queued events, for a kernel that was reset.
func (a *Alarm) Reset() { a.count = 0 }

// Set makes sure that the process gets an event of this kind at or before due. A due that has passed means now.
func (a *Alarm) Set(k *Kernel, to ProcID, kind uint8, due Time) {
	if due == Never {
		return
	}
	due = max(due, k.Now())
	if a.count > 0 && a.times[0] <= due {
		return
	}
	k.ScheduleTimer(Event{At: due, To: to, Kind: kind})
	a.count = min(a.count+1, len(a.times))
	copy(a.times[1:a.count], a.times[:a.count-1])
	a.times[0] = due
}

// Rang notes that an event queued by Set has arrived.
func (a *Alarm) Rang(now Time) {
	if a.count > 0 && a.times[0] <= now {
		copy(a.times[:], a.times[1:a.count])
		a.count--
	}
}

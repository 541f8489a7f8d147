package measure

import (
	"fmt"
	"time"

	"raftsim/scenarios/world"
)

func makeBlocking(b *bench) (*Table, error) {
	o := options()
	t := &Table{
		Title: "head-of-line blocking: one log orders operations on all keys (C12)",
		Model: append(model(&o), "20 clients on 20 keys, one operation at a time; slowest: the operation that took longest;",
			"others: those on other keys that began before it was over; held up: took half as long again as usual"),
		Columns: []Column{
			{Name: "slowest", Unit: Nanoseconds}, {Name: "others", Unit: Count}, {Name: "held up", Unit: Count}, {Name: "p50", Unit: Nanoseconds},
			{Name: "longest", Unit: Nanoseconds, Bar: true},
		},
	}
	var usual time.Duration
	for _, row := range []struct {
		name  string
		lines []string
	}{
		{calmRow, nil},
		{"its append lost to one follower", lost("n1>n2")},
		{"its append lost to both followers", append(lost("n1>n2"), lost("n1>n3")...)},
		{"one follower cut off for 200 ms", []string{"isolate n3 #0 = at 1.5s for 200ms both"}},
		{"both cut off for 100 ms", []string{"isolate n1 #0 = at 1.5s for 100ms both"}},
		{"both cut off for 200 ms", []string{"isolate n1 #0 = at 1.5s for 200ms both"}},
		{"both cut off for 400 ms", []string{"isolate n1 #0 = at 1.5s for 400ms both"}},
	} {
		o := options()
		o.Workload.Clients, o.Workload.Pause = 20, 5*time.Millisecond
		o.Cluster.Forward = false // clients ask the leader, and it hears them all the time
		out, err := b.run(o, nil, row.lines...)
		if err != nil {
			return nil, err
		}
		if usual == 0 {
			usual = time.Duration(out.percentile(50))
		}
		t.Rows = append(t.Rows, Row{row.name, blocked(out.all, usual)})
	}
	return t, nil
}

// lost loses some appends that follow each other: with entries, or the news that they are committed.
func lost(link string) (lines []string) {
	for i := range 4 {
		lines = append(lines, fmt.Sprintf("lost %s app t1 #%d = yes", link, 4000+i))
	}
	return lines
}

const calmRow = "nothing amiss"

// blocked says what became of operations on other keys than that of the slowest one, that began before it was over.
func blocked(all []world.Metered, usual time.Duration) []int64 {
	slowest := all[0]
	for _, o := range all {
		if o.To.Sub(o.From) > slowest.To.Sub(slowest.From) {
			slowest = o
		}
	}
	var others outcome
	held := int64(0)
	for _, o := range all {
		if o.From < slowest.From || o.From > slowest.To || keyOf(o.Choice) == keyOf(slowest.Choice) {
			continue
		}
		took := o.To.Sub(o.From)
		others.times = append(others.times, took)
		if took > usual*3/2 {
			held++
		}
	}
	if len(others.times) == 0 {
		return []int64{int64(slowest.To.Sub(slowest.From)), 0, 0, -1, -1}
	}
	others.sort()
	return []int64{int64(slowest.To.Sub(slowest.From)), int64(len(others.times)), held, others.percentile(50), others.percentile(100)}
}

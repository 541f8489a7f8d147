package measure

import (
	"fmt"
	"strings"
	"time"

	"raftsim/scenarios"
)

// way is one of finding the leader: assignments of options.
type way struct {
	name string
	set  []string
}

// ways lists them all. One whose options this program does not have is left out.
func ways() (all []way) {
	const strategy = "routing.strategy="
	for _, sticky := range []bool{false, true} {
		suffix := map[bool]string{false: "", true: ", sticky"}[sticky]
		set := fmt.Sprintf("workload.sticky=%v", sticky)
		all = append(all,
			way{"servers redirect" + suffix, []string{set, "cluster.forward=false"}},
			way{"followers forward" + suffix, []string{set, "cluster.forward=true"}})
	}
	const fronts = "routing.fronts="
	return append(all,
		way{"frontend", []string{strategy + "frontend", fronts + "2"}},
		way{"balancer", []string{strategy + "balancer", fronts + "2"}},
		way{"balancer-any", []string{strategy + "balancer-any", fronts + "2"}},
		way{"aware", []string{strategy + "aware"}},
		way{"registry", []string{strategy + "registry", fronts + "1"}})
}

// apply sets the options, and reports whether they exist.
func (w *way) apply(o *scenarios.Options) (ok bool, err error) {
	for _, assignment := range w.set {
		if err := o.Set(assignment); err != nil {
			if strings.Contains(err.Error(), "unknown option") {
				return false, nil
			}
			return false, err
		}
	}
	return true, nil
}

func makeLeader(b *bench) (*Table, error) {
	o := options()
	t := &Table{
		Title: "what finding the leader costs",
		Model: append(model(&o), "10 clients, one operation at a time; loss: the leader crashes after a second and stays down for 1 s",
			fmt.Sprintf("heartbeat %v, election timeout %v; a client asks again after %v", o.Cluster.HeartbeatInterval, o.Cluster.ElectionTimeout, attempt)),
		Columns: []Column{
			{Name: "p50", Unit: Nanoseconds}, {Name: "p99", Unit: Nanoseconds}, {Name: "per second", Unit: PerSecond},
			{Name: "redirects/op", Unit: Hundredths}, {Name: "forwards/op", Unit: Hundredths},
			{Name: "loss: retries", Unit: Count}, {Name: "redirects", Unit: Count}, {Name: "nobody served", Unit: Nanoseconds, Bar: true},
		},
		Notes: []string{"who asks through the log hears of a leader by redirects alone, and stays there: sticky or not is the same here"},
	}
	for _, w := range ways() {
		o := options()
		o.Workload.Clients = 10
		o.Workload.AttemptTimeout = attempt
		ok, err := w.apply(&o)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		calm, err := b.run(o, nil)
		if err != nil {
			return nil, err
		}
		o.Run.Window = 2 * window
		o.Workload.Pause = 5 * time.Millisecond
		loss, err := b.run(o, nil, "crash-at n1 #0 = at 1s for 1s")
		if err != nil {
			return nil, err
		}
		t.Rows = append(t.Rows, Row{w.name, []int64{
			calm.percentile(50), calm.percentile(99), calm.perSecond(),
			calm.per(calm.clients.Redirects), calm.per(calm.result.Counts.Forwards),
			int64(loss.clients.Attempts - loss.clients.Redirects - loss.clients.Operations), int64(loss.clients.Redirects), int64(loss.longest),
		}})
	}
	return t, nil
}

// attempt is how long a client waits before it asks another server.
const attempt = 300 * time.Millisecond

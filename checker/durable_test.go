package checker

import "testing"

// Each rule about disks is broken by one observation, and kept by its neighbour.
func TestDiskRules(t *testing.T) {
	// n1 is elected by n2 in term 1 and writes an entry to its disk.
	elected := func(c *Cluster) {
		c.Promised(1, 1, 1)
		c.Promised(2, 1, 1)
		c.Elected(1, 1)
		c.Appended(1, 1, 1, []byte("x"))
		c.Durable(1, 1)
	}
	follower := func(c *Cluster) {
		elected(c)
		c.HardState(2, 1, 1)
		c.Appended(2, 1, 1, []byte("x"))
	}
	for _, rule := range []struct {
		name  string
		feed  func(*Cluster)
		wants string
	}{
		{"a quorum of votes", elected, ""},
		{"one vote of three", func(c *Cluster) { c.Promised(1, 1, 1); c.Elected(1, 1) }, "ES/elected-without-quorum"},
		{"votes of another term", func(c *Cluster) { c.Promised(2, 1, 1); c.Promised(1, 2, 1); c.Elected(1, 2) }, "ES/elected-without-quorum"},
		{"a vote counted twice", func(c *Cluster) { c.Promised(1, 1, 1); c.Promised(1, 1, 1); c.Elected(1, 1) }, "ES/elected-without-quorum"},

		{"committed on two disks", func(c *Cluster) { follower(c); c.Durable(2, 1); c.Committed(1, 1) }, ""},
		{"committed on one disk", func(c *Cluster) { follower(c); c.Committed(1, 1) }, "LC/commit-without-quorum"},
		{"another entry on the second disk", func(c *Cluster) {
			elected(c)
			c.Appended(2, 1, 0, []byte("y"))
			c.Durable(2, 1)
			c.Committed(1, 1)
		}, "LC/commit-without-quorum"},

		{"acknowledged when durable", func(c *Cluster) { follower(c); c.Durable(2, 1); c.Acked(2, 1) }, ""},
		{"acknowledged too soon", func(c *Cluster) { follower(c); c.Acked(2, 1) }, "DUR/acknowledged-before-durable"},
		{"acknowledged what was cut off since", func(c *Cluster) {
			follower(c)
			c.Durable(2, 1)
			c.Truncated(2, 0)
			c.Appended(2, 1, 1, []byte("x"))
			c.Acked(2, 1)
		}, "DUR/acknowledged-before-durable"},

		{"recovered what was acknowledged", func(c *Cluster) {
			follower(c)
			c.Durable(2, 1)
			c.Acked(2, 1)
			c.Restarted(2)
			c.Appended(2, 1, 1, []byte("x"))
			c.Recovered(2)
		}, ""},
		{"lost what was acknowledged", func(c *Cluster) {
			follower(c)
			c.Durable(2, 1)
			c.Acked(2, 1)
			c.Restarted(2)
			c.Recovered(2)
		}, "DUR/acknowledged-entry-lost"},
		{"lost what was acknowledged and then cut off", func(c *Cluster) {
			follower(c)
			c.Durable(2, 1)
			c.Acked(2, 1)
			c.Truncated(2, 0)
			c.Restarted(2)
			c.Recovered(2)
		}, ""},
		{"a recovered log is on disk", func(c *Cluster) {
			elected(c)
			c.Restarted(2)
			c.Appended(2, 1, 1, []byte("x"))
			c.Recovered(2)
			c.Committed(1, 1)
		}, ""},
	} {
		for _, watch := range []bool{true, false} {
			c := Cluster{WatchDisks: watch}
			c.Reset(3)
			rule.feed(&c)
			want := rule.wants
			if !watch {
				want = ""
			}
			got := ""
			for _, v := range c.Findings.All() {
				got = v.Signature()
			}
			if got != want || c.Findings.Total() > 1 {
				t.Errorf("%s (watching: %v): found %v, want %q", rule.name, watch, c.Findings.All(), want)
			}
		}
	}
}

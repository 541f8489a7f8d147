package raft

import (
	"testing"
	"time"
)

func TestProfiles(t *testing.T) {
	for _, want := range []struct {
		name                string
		election, heartbeat time.Duration
		batch               int
	}{
		{"fast", 150 * time.Millisecond, 50 * time.Millisecond, 64},
		{"wide", time.Second, 100 * time.Millisecond, 64},
		{"conversation", 300 * time.Millisecond, 100 * time.Millisecond, 50},
	} {
		p, ok := ProfileNamed(want.name)
		cfg := p.Config
		cfg.ID = 7
		if err := cfg.Validate(); !ok || err != nil {
			t.Fatalf("%s: %v, %v", want.name, ok, err)
		}
		cfg = cfg.withDefaults()
		if cfg.ElectionTimeout != want.election || cfg.HeartbeatInterval != want.heartbeat || cfg.MaxEntriesPerMessage != want.batch {
			t.Errorf("%s: %+v", want.name, cfg)
		}
		for term := range uint64(8) { // the draw is between once and twice the timeout
			if jitter := cfg.jitter(term); jitter < 0 || jitter >= int64(want.election) {
				t.Errorf("%s: jitter %d", want.name, jitter)
			}
		}
	}
	if _, ok := ProfileNamed("none"); ok || len(Profiles()) != 3 {
		t.Error("there are other profiles")
	}
}

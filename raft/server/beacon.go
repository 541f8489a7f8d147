package server

import (
	"math"

	"raftsim/raft/client"
)

// announce tells those in front of the cluster that this server leads (Config.Announce), and plans to say so again.
func (s *Server) announce() {
	if len(s.cfg.Announce) == 0 {
		return
	}
	s.beacon.next = s.now + int64(s.cfg.Raft.HeartbeatInterval)
	s.beacon.said = client.Beacon{Leader: s.cfg.Raft.ID, Term: s.term}
	for _, id := range s.cfg.Announce {
		s.host.SendBeacon(id, &s.beacon.said)
	}
}

// beaconDue is when to announce the leadership again; MaxInt64 for never.
func (s *Server) beaconDue() int64 {
	if !s.leading || len(s.cfg.Announce) == 0 {
		return math.MaxInt64
	}
	return s.beacon.next
}

// beacons is when the next ones leave, and a buffer for what they say.
type beacons struct {
	next int64
	said client.Beacon
}

package raft

import "time"

// Profile is a set of timings and limits that belong together. Config has no ID yet.
type Profile struct {
	Name   string
	Config Config
}

// ProfileFast is for servers close to each other: an election timeout drawn from 150 to 300 ms (paper §9.3), heartbeats every 50 ms.
func ProfileFast() Profile {
	return Profile{Name: "fast", Config: Config{ElectionTimeout: 150 * time.Millisecond, HeartbeatInterval: 50 * time.Millisecond}}
}

// ProfileWide is for servers far from each other: an election timeout from 1 to 2 s, heartbeats every 100 ms.
func ProfileWide() Profile {
	return Profile{Name: "wide", Config: Config{ElectionTimeout: time.Second, HeartbeatInterval: 100 * time.Millisecond}}
}

// ProfileConversation is one conversation with each follower: the next append leaves when the one before is answered and has up to
// 50 entries; if there is nothing to say, something empty is sent every third of the election timeout.
func ProfileConversation(electionTimeout time.Duration) Profile {
	return Profile{Name: "conversation", Config: Config{
		ElectionTimeout:      electionTimeout,
		HeartbeatInterval:    electionTimeout / 3,
		MaxEntriesPerMessage: 50,
		DisablePipeline:      true,
	}}
}

// conversationTimeout is the election timeout of the profile found by name.
const conversationTimeout = 300 * time.Millisecond

// Profiles returns all named profiles.
func Profiles() []Profile {
	return []Profile{ProfileFast(), ProfileWide(), ProfileConversation(conversationTimeout)}
}

// ProfileNamed returns the profile of that name; ok is false if there is none.
func ProfileNamed(name string) (p Profile, ok bool) {
	for _, p := range Profiles() {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

package faults

import "fmt"

// Profile says which families of faults a run may have.
type Profile uint8

const (
	ProfileCalm       Profile = iota // none
	ProfilePartitions                // messages and cuts
	ProfileCrashes                   // messages, crashes and power losses
	ProfileMixed                     // all that is legal whatever the servers are used for
	ProfileMembership                // mixed, with changes of the membership in every run
	ProfileClocks                    // mixed, with clocks beyond the bound that lease reads rely on
	ProfileDamage                    // mixed without changes of the membership, and disks of a minority are damaged
	ProfileLeaderless                // messages, cuts, crashes, pauses and slow disks, aimed at nobody: where nobody leads
	profilesEnd
)

var profileNames = [profilesEnd]string{"calm", "partitions", "crashes", "mixed", "membership", "clocks", "damage", "leaderless"}

// family is a sort of fault that a profile has or has not.
type family uint8

const (
	cuts family = iota
	crashes
	pauses // and slow disks
	damages
	memberships
	operations // transfers and snapshots
)

// has reports whether runs of p may have faults of a family. Messages are disturbed in all but calm ones.
func (p Profile) has(f family) bool {
	if p < ProfileMixed {
		return f == cuts && p == ProfilePartitions || f == crashes && p == ProfileCrashes
	}
	switch f {
	case damages:
		return p == ProfileDamage
	case memberships:
		return p != ProfileDamage && p != ProfileLeaderless
	case operations:
		return p != ProfileLeaderless
	}
	return true
}

// Crashes reports whether servers crash and lose power in runs of p.
func (p Profile) Crashes() bool { return p.has(crashes) }

func (p Profile) String() string {
	if int(p) < len(profileNames) {
		return profileNames[p]
	}
	return fmt.Sprintf("profile-%d", uint8(p))
}

// MarshalText implements encoding.TextMarshaler.
func (p Profile) MarshalText() ([]byte, error) {
	if int(p) >= len(profileNames) {
		return nil, fmt.Errorf("faults: no profile has the number %d", uint8(p))
	}
	return []byte(p.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Profile) UnmarshalText(b []byte) error {
	known := ""
	for i, name := range profileNames {
		if name == string(b) {
			*p = Profile(i)
			return nil
		}
		known += " " + name
	}
	return fmt.Errorf("faults: %q is no profile: one of%s", b, known)
}

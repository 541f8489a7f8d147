package faults

import "fmt"

// Profile says which families of faults a run may have.
type Profile uint8

const (
	ProfileCalm       Profile = iota // none
	ProfilePartitions                // messages and cuts
	ProfileCrashes                   // messages, crashes and power losses
	ProfileMixed                     // all
)

var profileNames = [...]string{"calm", "partitions", "crashes", "mixed"}

func (p Profile) messages() bool   { return p != ProfileCalm }
func (p Profile) partitions() bool { return p == ProfilePartitions || p == ProfileMixed }
func (p Profile) crashes() bool    { return p == ProfileCrashes || p == ProfileMixed }

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
	for i, name := range profileNames {
		if name == string(b) {
			*p = Profile(i)
			return nil
		}
	}
	return fmt.Errorf("faults: %q is no profile: one of calm, partitions, crashes, mixed", b)
}

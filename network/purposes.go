package network

import (
	"raftsim/sim"
)

// The purposes of a packet: three questions about one subject, asked in this order. A lost packet is asked nothing more.
const (
	PurposeLost    sim.Purpose = 1
	PurposeDoubled sim.Purpose = 2
	PurposeLate    sim.Purpose = 3
)

// question is a purpose counted from PurposeLost.
type question uint8

const (
	lost question = iota
	doubled
	late
)

const nameLost = "lost"

// Specs declares the purposes. kinds are the names of Label.Kind by number, at least one.
func Specs(kinds []string) []sim.Spec {
	const fields = sim.FieldA | sim.FieldB | sim.FieldKind | sim.FieldEpoch | sim.FieldOrdinal
	return []sim.Spec{
		{
			Purpose: PurposeLost, Name: nameLost, Fields: fields, Kinds: kinds, Value: sim.FlagFormat{}, Fault: true,
			Doc: "the packet never arrives",
		},
		{
			Purpose: PurposeDoubled, Name: "doubled", Fields: fields, Kinds: kinds, Value: sim.DelayFormat{}, Fault: true,
			Doc: "a copy of the packet arrives, this much after the calm arrival",
		},
		{
			Purpose: PurposeLate, Name: "late", Fields: fields, Kinds: kinds, Value: sim.DelayFormat{}, Fault: true,
			Doc: "the packet arrives this much after its calm arrival",
		},
	}
}

// Noise says how often packets are disturbed in a noisy base. The zero value never does.
type Noise struct {
	Lost         sim.Ratio `toml:"lost"`
	Doubled      sim.Ratio `toml:"doubled"`
	Late         sim.Ratio `toml:"late"`
	Delay        Delays    `toml:"delay"`         // of late packets
	DoubledDelay Delays    `toml:"doubled_delay"` // of copies
}

// For returns the noise of one purpose, the zero value if it is none of the network's.
func (n Noise) For(p sim.Purpose) sim.Noise {
	switch p {
	case PurposeLost:
		return sim.Noise{Chance: n.Lost, Draw: func(*sim.Words) sim.Value { return sim.Value{N: 1} }}
	case PurposeDoubled:
		return sim.Noise{Chance: n.Doubled, Draw: n.DoubledDelay.value}
	case PurposeLate:
		return sim.Noise{Chance: n.Late, Draw: n.Delay.value}
	}
	return sim.Noise{}
}

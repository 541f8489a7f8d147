// Package clean comes close to every rule and breaks none.
package clean

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"sample/low"
)

var _ error = (*Timeout)(nil)

var (
	ErrGone   = errors.New("gone")
	ErrBroken = fmt.Errorf("broken: %w", ErrGone)
	primes    = [...]uint64{2, 3, 5}
	origin    = point{name: "origin"}
	_         = low.Floor
)

const (
	second  = 1e9 // an integer, however it is written
	timeout = 150 * time.Millisecond
	largest = math.MaxInt64
)

type point struct {
	x, y int64
	name string
}

// Timeout has a method for its text, so printing a pointer to it prints no address.
type Timeout struct{ after *time.Duration }

func (t *Timeout) Error() string { return "timeout after " + t.after.String() }

func (p *point) move(dx int64) { p.x += dx }
func (p point) sum() int64     { return p.x + p.y }

// Sum reads package-level values, changes copies, and visits things that have an order.
func Sum(table map[uint64]int64, nanos int64) (total int64, err error) {
	keys := make([]uint64, 0, len(table))
	for i := range primes {
		keys = append(keys, primes[i])
	}
	slices.Sort(keys)
	for _, k := range keys {
		total += table[k]
	}
	delete(table, 2)
	p := origin
	p.move(int64(bits.Len64(uint64(nanos))))
	q := &p
	q.move(1)
	local := primes
	local[0]++
	for n := range 3 {
		total += int64(n)
	}
	total += p.sum() + origin.sum() + nanos/second + int64(timeout)
	if total > largest/2 {
		return 0, fmt.Errorf("%v %s %d %w", p, &Timeout{}, &p, ErrBroken)
	}
	return total, nil
}

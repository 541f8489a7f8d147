package global

import (
	"errors"
	"io"
	"time"

	"sample/low"
)

type counter struct{ n int }

func (c *counter) add()    { c.n++ }
func (c counter) get() int { return c.n }

type cells [4]counter

var (
	names    = []string{"a"}                     // want: global
	table    = map[string]int{}                  // want: global
	pointer  = new(int)                          // want: global
	hook     = func() {}                         // want: global
	discard  = io.Discard                        // want: global
	instant  time.Time                           // want: global
	odd      error                    = custom{} // want: global
	deep     [2]struct{ p *int }                 // want: global
	replaced = errors.New("replaced")            // want: global
	total    int                                 // want: global
	assigned string                              // want: global
	indexed  [3]int                              // want: global
	sliced   [3]int                              // want: global
	taken    counter                             // want: global
	method   counter                             // want: global
	value    counter                             // want: global
	bound    cells                               // want: global
	ranged   int                                 // want: global
	inInit   [2]uint64                           // want: global
	fine     counter
	_        = names
)

type custom struct{}

func (custom) Error() string { return "custom" }

func init() { inInit[1] = 1 }

func Use() int {
	total++
	assigned += "x"
	(indexed)[1] = 2
	_ = sliced[:]
	p := &taken.n
	method.add()
	f := value.add
	f()
	bound[2].add()
	for ranged = range 3 {
	}
	replaced = errors.New("other")
	low.Floor = 2  // want: global
	low.Table[0]++ // want: global
	local := fine
	local.add()
	fine := 1
	fine++
	return *p + fine
}

package functions

import (
	"fmt"
	"io"
	"iter"
	"math/bits"
	"runtime/debug"
	"strconv"
)

func Use(seq iter.Seq[int], n uint) int {
	fmt.Println(n)            // want: function
	println(n)                // want: function
	_, _ = io.Pipe()          // want: function
	_, stop := iter.Pull(seq) // want: function
	stop()
	debug.FreeOSMemory() // want: function
	_ = debug.Stack()
	_ = uintptr(n)                  // want: width
	n += uint(bits.LeadingZeros(n)) // want: width
	n += uint(bits.Len(n))
	return strconv.IntSize // want: width
}

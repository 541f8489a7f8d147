package float

import (
	"math"
	"strconv"
	"time"
)

const half = 0.5 // want: float

type celsius float32 // want: float

type sample struct {
	mean float64   // want: float
	all  []celsius // want: float
}

func Use(n int64, d time.Duration, s sample) int64 {
	x := 1.0                            // want: float
	n += int64(x)                       // want: float
	n += int64(half * 10)               // want: float
	n += int64(d.Seconds())             // want: float
	n += int64(s.mean)                  // want: float
	n += int64(len(s.all[0:]))          // want:
	y, _ := strconv.ParseFloat("1", 64) // want: float
	_ = real(2i)                        // want: float
	_ = math.Floor(y)                   // want: float
	return n
}

func Generic[T ~float32 | ~int](t T) T { return t } // want: float

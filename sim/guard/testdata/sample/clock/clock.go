package clock

import (
	"time"
	later "time"
)

type alarm struct {
	at    time.Duration
	timer *time.Timer // want: clock
}

func Use(t time.Time) time.Duration {
	start := time.Now()          // want: clock
	time.Sleep(time.Second)      // want: clock
	_ = time.NewTimer(1)         // want: clock
	_ = later.NewTicker(1)       // want: clock
	time.AfterFunc(1, func() {}) // want: clock
	_ = time.After(1)            // want: clock channel
	_ = time.Tick(1)             // want: clock channel
	_ = time.Until(start)        // want: clock
	_ = time.Local               // want: clock
	read := time.Now             // want: clock
	_ = read()
	return time.Since(start) // want: clock
}

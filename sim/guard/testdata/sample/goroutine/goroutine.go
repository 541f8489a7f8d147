package goroutine

func Use(f func()) {
	go f()      // want: goroutine
	go func() { // want: goroutine
		f()
	}()
	select {} // want: select
}

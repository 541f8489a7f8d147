package channel

type box struct {
	in chan int // want: channel
}

type pipe chan int // want: channel

func Use(b box, p pipe) { // want: channel
	b.in <- 1     // want: channel
	<-b.in        // want: channel
	for range p { // want: channel
	}
	close(p)       // want: channel
	_ = make(pipe) // want: channel
	select {       // want: select
	case v := <-p: // want: channel
		_ = v
	default:
	}
}

package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"raftsim/scenarios/campaign"
)

// progress shows how far a campaign is on stderr: a bar on a terminal, a line every two seconds elsewhere. Neither uses colour, so
// there is nothing for NO_COLOR to switch off.
type progress struct {
	every  time.Duration
	update func(campaign.Progress)
	end    func()
}

func (a *app) newProgress(names []string, limit time.Duration) progress {
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return barProgress(f, strings.Join(names, " "), limit)
	}
	return lineProgress(a.err)
}

func lineProgress(w io.Writer) progress {
	const every = 2 * time.Second
	var last time.Duration
	return progress{
		every: every,
		update: func(p campaign.Progress) {
			if p.Wall-last >= every/2 { // not once more at the end of a short campaign
				last = p.Wall
				fmt.Fprintln(w, progressLine(p))
			}
		},
		end: func() {},
	}
}

func progressLine(p campaign.Progress) string {
	runs := fmt.Sprint(p.Runs)
	if p.Total > 0 {
		runs = fmt.Sprintf("%d/%d", p.Runs, p.Total)
	}
	return fmt.Sprintf("%s: %s runs, %s runs/s, %s virtual, %d violations", p.Wall.Round(100*time.Millisecond), runs,
		rate(p.Runs, p.Wall), p.Virtual.Round(time.Second), p.Violations)
}

// barProgress measures by runs, or by the clock where only that bounds the campaign.
func barProgress(w io.Writer, name string, limit time.Duration) progress {
	var line atomic.Value
	line.Store("")
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(40))
	bar := bars.AddBar(0,
		mpb.PrependDecorators(decor.Name(name+" ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string { return " " + line.Load().(string) })),
	)
	complete := false
	return progress{
		every: 200 * time.Millisecond,
		update: func(p campaign.Progress) {
			line.Store(progressLine(p))
			done, total := p.Runs, p.Total
			if limit > 0 {
				done, total = uint64(p.Wall), uint64(limit)
			}
			complete = done >= total
			bar.SetTotal(int64(min(total, 1<<62)), false)
			bar.SetCurrent(int64(min(done, total)))
		},
		end: func() {
			if complete {
				bar.SetTotal(-1, true)
			} else {
				bar.Abort(false) // stays as it is
			}
			bars.Wait()
		},
	}
}

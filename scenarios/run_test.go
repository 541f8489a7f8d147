package scenarios

import (
	"fmt"
	"testing"
	"time"
)

func TestTry(t *testing.T) {
	cat, err := NewCatalogue(Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner(cat)
	for _, name := range cat.Names(true) {
		start := time.Now()
		bad := 0
		var steps uint64
		const n = 40
		for seed := uint64(1); seed <= n; seed++ {
			c, err := cat.Case(name, seed)
			if err != nil {
				t.Fatal(err)
			}
			res, err := r.Run(c, RunOptions{CheckOnce: true})
			if err != nil {
				t.Fatal(err)
			}
			steps += res.Steps
			if res.Verdict != Pass {
				bad++
				if bad < 6 {
					fmt.Println(name, seed, res.Verdict, res.Signature, len(res.Violations))
					for i, v := range res.Violations {
						if i < 3 {
							fmt.Println("   ", v)
						}
					}
				}
			}
		}
		fmt.Println(name, "bad", bad, "steps", steps, "time", time.Since(start)/n)
	}
}

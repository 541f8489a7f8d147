package scenarios

import (
	"os"
	"strconv"
	"testing"
)

func TestSave(t *testing.T) {
	cat := builtin(t)
	r := NewRunner(cat)
	seed, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	c := mustCase(t, cat, os.Getenv("SC"), seed)
	res, err := r.Run(c, RunOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v, _ := cat.Vocabulary(c.Scenario)
	human, _ := os.ReadFile(os.Getenv("HUMAN"))
	f := &SeedFile{Human: string(human), Case: c, Expect: Expect{Verdict: res.Verdict, Signature: res.Signature, Digest: res.Digest, Steps: res.Steps}}
	b, err := f.Format(v)
	if err != nil {
		t.Fatal(err)
	}
	if back, err := cat.ParseSeedFile("x", b); err != nil || back.Expect != f.Expect {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("OUT"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

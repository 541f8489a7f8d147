package noise

import (
	"testing"

	"golang.org/x/exp/rand" // want: single-file
)

func TestWord(t *testing.T) { _ = rand.Uint64() }

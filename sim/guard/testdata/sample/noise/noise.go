package noise

import "golang.org/x/exp/rand"

func Word() uint64 { return rand.Uint64() }

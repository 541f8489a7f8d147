package noise

import chance "golang.org/x/exp/rand" // want: single-file

func More() uint64 { return chance.Uint64() }

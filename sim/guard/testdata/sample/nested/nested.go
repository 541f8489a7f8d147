// Package nested is a module of its own: layers do not concern it, reserved imports do.
package nested

import (
	_ "golang.org/x/exp/rand" // want: single-file
	_ "sample/high"
)

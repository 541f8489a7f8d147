// Package low is the bottom floor.
package low

import "sample/high" // want: layer

var Floor = 1

var Table [2]int

const Roof = high.Roof

package statemachine

import "pgregory.net/rapid"

// DrawCommand gives the tests outside the package the commands of those inside.
func DrawCommand(t *rapid.T) Command { return drawCommand(t) }

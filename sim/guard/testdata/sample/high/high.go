// Package high is the top floor.
package high

const Roof = 9

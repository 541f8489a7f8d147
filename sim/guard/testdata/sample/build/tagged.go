// want: build

//go:build !impossible

package build

const Tagged = true

// want: build

package build

const Here = true

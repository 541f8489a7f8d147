// want: build

package build

const Here = false

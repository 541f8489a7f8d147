// Package broken does not compile.
package broken

const Number int = "text"

//go:build !race

// Whether the race detector is on: it is not.

package program

// Race says that the race detector is on, which takes memory of its own.
const Race = false

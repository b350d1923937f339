//go:build race

package program

// Race tells that the race detector is on, which takes memory of its own.
const Race = true

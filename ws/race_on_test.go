//go:build race

package ws

// raceEnabled reports whether the race detector is on: it allocates.
const raceEnabled = true

//go:build !race

package conn_test

// raceEnabled tells whether the race detector is on: it allocates.
const raceEnabled = false

//go:build !race && !lurcherdebug

package conn_test

// raceEnabled tells whether this is a debug build, with the race detector or without: they allocate.
const raceEnabled = false

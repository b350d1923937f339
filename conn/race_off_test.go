//go:build !race && !lurcherdebug

package conn_test

// raceEnabled reports whether this is a debug build, with the race detector or without: they allocate.
const raceEnabled = false

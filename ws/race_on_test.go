//go:build race || lurcherdebug

package ws

// raceEnabled reports whether this is a debug build, with the race detector or without: they allocate.
const raceEnabled = true

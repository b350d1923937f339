//go:build race || lurcherdebug

// Poison: in these builds, bytes that were borrowed are overwritten when the
// loan is over, so that whoever kept them reads nonsense, and a test sees it.

package conn

func poison(p []byte) {
	for n := copy(p, "\xDB"); n > 0 && n < len(p); n *= 2 {
		copy(p[n:], p[:n]) // the race detector makes a store of each byte slow
	}
}

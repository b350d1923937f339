//go:build race || lurcherdebug

// Poison: in these builds, bytes that were borrowed are overwritten when the
// loan is over, so that whoever kept them reads nonsense, and a test sees it.

package conn

func poison(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}

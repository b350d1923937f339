//go:build race || lurcherdebug

// Poison: in these builds a body that was lent is overwritten when the loan is
// over. What lies in the connection's buffer package conn overwrites.

package server

func poison(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}

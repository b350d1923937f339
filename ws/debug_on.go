//go:build race || lurcherdebug

// Debug builds: buffers that were lent are overwritten when the loan ends.

package ws

const debugging = true

// poison overwrites bytes that were borrowed, when the loan is over: see package conn.
func poison(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}

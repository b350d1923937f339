//go:build race || lurcherdebug

package ws

const debugging = true

// poison overwrites bytes that were borrowed, when the loan is over: see package conn.
func poison(p []byte) {
	for i := range p {
		p[i] = 0xDB
	}
}

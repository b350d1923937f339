// Masks: the same XOR puts them on and takes them off.

package ws

import (
	"encoding/binary"
	"math/bits"
)

// Mask XORs p with a mask, in place (RFC 6455 5.3). The lowest byte of key is for
// the first byte of p: it is the key's four bytes read in little-endian order.
// Mask returns the key for the bytes that follow p.
func Mask(p []byte, key uint32) (next uint32) {
	if key == 0 {
		return 0
	}
	next = bits.RotateLeft32(key, -8*(len(p)&3))
	p = p[maskFast(p, key):] // a multiple of 4
	k := uint64(key)<<32 | uint64(key)
	for ; len(p) >= 32; p = p[32:] {
		a, b, c, d := p[0:8:32], p[8:16:32], p[16:24:32], p[24:32:32]
		binary.LittleEndian.PutUint64(a, binary.LittleEndian.Uint64(a)^k)
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		binary.LittleEndian.PutUint64(c, binary.LittleEndian.Uint64(c)^k)
		binary.LittleEndian.PutUint64(d, binary.LittleEndian.Uint64(d)^k)
	}
	for ; len(p) >= 8; p = p[8:] {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
	}
	for i := range p {
		p[i] ^= byte(k)
		k >>= 8
	}
	return next
}

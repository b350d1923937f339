// What crypto/tls holds for a connection. It does not say so itself, but keeps its
// buffers as large as they have been once. How large is known from the records that it
// was given.

package conn

import "bytes"

const (
	// handshakeCost is what a handshake holds beside its input, once it has a goroutine.
	handshakeCost = 24 << 10

	// mostMute is the largest message after the handshake, and the buffer that was doubled for it.
	mostMute = 2 * 64 << 10

	// usualTLS bytes are held for most connections. They do not count for MaxMemory.
	usualTLS = 4 << 10
)

// kept counts what a tls.Conn was given. Only the loop uses it.
type kept struct {
	header  [recordHeader]byte
	got     int  // bytes of header that have come
	left    int  // bytes to come of the record
	largest int  // size of the largest record that has begun
	shaken  int  // bytes of the handshake: messages are collected to 64 KiB, certificates to 256 KiB
	mute    int  // bytes since content came last: parts of a record, or of a message
	ran     bool // the handshake has had its goroutine
}

// follow goes through the records that p continues.
func (k *kept) follow(p []byte) {
	for len(p) > 0 {
		if n := min(k.left, len(p)); n > 0 {
			k.left -= n
			p = p[n:]
			continue
		}
		n := copy(k.header[k.got:], p)
		k.got += n
		p = p[n:]
		if k.got == recordHeader {
			k.got, k.left = 0, int(k.header[3])<<8+int(k.header[4])
			k.largest = max(k.largest, min(recordHeader+k.left, maxRecord)+bytes.MinRead)
		}
	}
}

// holds returns how much t and its tls.Conn hold, as far as that is more than usual.
func (t *transport) holds() int {
	k := &t.kept
	n := k.largest + k.shaken
	hs := t.hs
	if hs == nil {
		return max(n+min(k.mute, mostMute)-usualTLS, 0)
	}
	if n += cap(hs.held); k.ran {
		n += handshakeCost
	}
	return n
}

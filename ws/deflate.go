// permessage-deflate (RFC 7692): negotiation and compression.

package ws

import (
	"compress/flate"
	"io"
	"sync"

	"github.com/valyala/bytebufferpool"
)

// Deflate says how messages are compressed, if the peer agrees to it. Each message
// begins without a context (no_context_takeover, for both sides), so that all
// connections share a few compressors, and an idle one holds none.
type Deflate struct {
	// Level is a level of package compress/flate, from 1 to 9, or flate.HuffmanOnly.
	// Default: flate.BestSpeed.
	Level int

	// Least is the length in bytes from which messages are compressed. Default: 512.
	Least int
}

func (d *Deflate) least() int {
	if d.Least > 0 {
		return d.Least
	}
	return 512
}

func (d *Deflate) level() int {
	if d.Level >= flate.BestSpeed && d.Level <= flate.BestCompression || d.Level == flate.HuffmanOnly {
		return d.Level
	}
	return flate.BestSpeed
}

const (
	deflateName      = "permessage-deflate"
	serverNoContext  = "server_no_context_takeover"
	clientNoContext  = "client_no_context_takeover"
	serverWindowBits = "server_max_window_bits"
	clientWindowBits = "client_max_window_bits"
)

// deflateParams are the parameters of an offer, or of an answer to one.
type deflateParams struct {
	serverNoContext, clientNoContext bool
	serverBits, clientBits           uint8 // 0: not given
	clientBitsBare                   bool  // client_max_window_bits without a value
}

// readDeflate reads an offer or an answer, and reports whether it is one that can
// be taken (RFC 7692 7.1).
func readDeflate(e extension, answer bool) (d deflateParams, ok bool) {
	if e.name != deflateName {
		return d, false
	}
	seen := make(map[string]bool)
	for _, p := range e.params {
		bits, isBits := windowBits(p)
		switch {
		case seen[p.name]:
			return d, false
		case p.name == serverNoContext && !p.hasValue:
			d.serverNoContext = true
		case p.name == clientNoContext && !p.hasValue:
			d.clientNoContext = true
		case p.name == serverWindowBits && isBits:
			d.serverBits = bits
		case p.name == clientWindowBits && isBits:
			d.clientBits = bits
		case p.name == clientWindowBits && !p.hasValue && !answer:
			d.clientBitsBare = true
		default:
			return d, false
		}
		seen[p.name] = true
	}
	return d, true
}

// windowBits returns a parameter's value, 8 to 15, which must not begin with a zero.
func windowBits(p param) (bits uint8, ok bool) {
	switch v := p.value; {
	case !p.hasValue:
		return 0, false
	case v == "8" || v == "9":
		return v[0] - '0', true
	case len(v) == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5':
		return 10 + v[1] - '0', true
	}
	return 0, false
}

// acceptDeflate takes the first offer that can be taken, and returns the answer
// and the bits of the window that we may use; 0 if there is none.
//
// client_no_context_takeover may be asked of any client (RFC 7692 7.1.1.2). The size of
// the client's window does not matter, because ours for inflating is the largest.
func acceptDeflate(offers []extension) (answer string, bits uint8) {
	for _, e := range offers {
		d, ok := readDeflate(e, false)
		if !ok {
			continue
		}
		answer = deflateName + "; " + serverNoContext + "; " + clientNoContext
		if d.serverBits == 0 {
			return answer, 15
		}
		for _, p := range e.params {
			if p.name == serverWindowBits {
				answer += "; " + serverWindowBits + "=" + p.value
			}
		}
		return answer, d.serverBits
	}
	return "", 0
}

// compressors are flate.Writers by level, those that no message needs right now.
var compressors [flate.BestCompression + 3]sync.Pool

// deflated is where compressed messages are made.
var deflated bytebufferpool.Pool

// deflate appends p, compressed, for a window of 1<<bits bytes. The window of a
// flate.Writer is larger, but after a Reset it refers to nothing before that. So it is
// reset whenever it has filled the smaller window. In 256 bytes there is so little to
// refer to that Huffman codes alone compress a text better, in a twentieth of the time.
func deflate(b *bytebufferpool.ByteBuffer, p []byte, level int, bits uint8) {
	if bits == 8 {
		level = flate.HuffmanOnly
	}
	pool := &compressors[level-flate.HuffmanOnly]
	w, _ := pool.Get().(*flate.Writer)
	if w == nil {
		w, _ = flate.NewWriter(nil, level)
	}
	for first := true; first || len(p) > 0; first = false {
		n := len(p)
		if bits < 15 && level != flate.HuffmanOnly {
			n = min(n, 1<<bits)
		}
		w.Reset(b)
		w.Write(p[:n]) // into memory: there are no errors
		w.Flush()
		p = p[n:]
	}
	w.Reset(io.Discard) // let go of b
	pool.Put(w)
	b.B = b.B[:len(b.B)-len(flushed)] // RFC 7692 7.2.1
}

// flushed is how a Writer ends what it has flushed: an empty stored block.
const flushed = "\x00\x00\xff\xff"

// writeDeflated sends a message compressed, if that makes it shorter.
func (c *Conn) writeDeflated(op Op, p []byte) error {
	b := deflated.Get()
	defer deflated.Put(b)
	deflate(b, p, c.h.Deflate.level(), c.window)
	if len(b.B) >= len(p) {
		return c.write(byte(op)|finBit, p)
	}
	return c.write(byte(op)|finBit|rsv1Bit, b.B)
}

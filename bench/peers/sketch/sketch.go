// Package sketch is as much HTTP as the samples of gnet and evio do, and no more: it looks for the end
// of the head, takes the target, finds Content-Length and "Connection: close" by a search, and appends
// an answer with a Date that is formatted once a second. Malformed requests, chunked bodies, limits,
// timeouts and everything else that RFC 9112 asks for are missing.
package sketch

import (
	"bytes"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// Req is what is known of a request.
type Req struct {
	Body  []byte // what to answer
	Delay time.Duration
	Close bool
}

var (
	endOfHead = []byte("\r\n\r\n")
	length    = []byte("\r\nContent-Length: ")
	closing   = []byte("\r\nConnection: close\r\n")
	posted    = []byte(peer.Posted)
	hello     = []byte(peer.Hello)
	date      atomic.Pointer[[]byte]
)

// Tick renews the Date; call it once a second, and before the first answer.
func Tick() {
	d := time.Now().UTC().AppendFormat(nil, "Mon, 02 Jan 2006 15:04:05 GMT")
	date.Store(&d)
}

// Request looks at the request at the start of in: n is its length, 0 if it is not whole.
func Request(in []byte) (r Req, n int) {
	end := bytes.Index(in, endOfHead)
	if end < 0 {
		return Req{}, 0
	}
	n = end + len(endOfHead)
	head := in[:n]
	r.Close = bytes.Contains(head, closing)
	line := head[:bytes.IndexByte(head, '\r')]
	if line[0] == 'P' {
		if at := bytes.Index(head, length); at >= 0 {
			digits := head[at+len(length):]
			size, _ := strconv.Atoi(string(digits[:bytes.IndexByte(digits, '\r')]))
			if n += size; n > len(in) {
				return Req{}, 0
			}
		}
		r.Body = posted
		return r, n
	}
	target := line[min(len(line), len("GET ")):]
	if sp := bytes.IndexByte(target, ' '); sp >= 0 {
		target = target[:sp]
	}
	path, query, _ := bytes.Cut(target, []byte("?"))
	if r.Body = peer.Body(path); r.Body == nil {
		r.Body = hello
		r.Delay = peer.Delay(query)
	}
	return r, n
}

// Answer appends the answer to dst.
func Answer(dst []byte, r Req) []byte {
	dst = append(dst, "HTTP/1.1 200 OK\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
	dst = append(dst, "\r\nDate: "...)
	dst = append(dst, *date.Load()...)
	if r.Close {
		dst = append(dst, "\r\nConnection: close"...)
	}
	dst = append(dst, endOfHead...)
	return append(dst, r.Body...)
}

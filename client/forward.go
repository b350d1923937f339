// What a proxy sends on of an answer (RFC 9110 7.6).

package client

import (
	"strconv"

	"github.com/lurcher-net/lurcher/internal/field"
)

// Forward calls add with each field that a proxy sends its client with this answer: add
// is the AddBytes of a server.Response. name is what Via calls the proxy. Call Forward in
// the function that was given r. The bytes that add gets are valid until it returns, and
// its error is ignored. The fields are
//
//   - those of the answer, but for Connection and what it lists, Keep-Alive,
//     Proxy-Authenticate and what else is for one connection (RFC 9110 7.6.1)
//   - Content-Length if the body, or that of the answer to GET, has one; not in a 1xx,
//     a 204 or a 2xx to CONNECT (RFC 9110 8.6)
//   - Upgrade, if the answer is a 101, or a 426, which has to say it (RFC 9110 15.5.22)
//   - Via, with name at its end (RFC 9110 7.6.3), unless the answer is an interim one
func (r Response) Forward(name string, add func(name, value []byte) error) {
	h := r.head()
	if h == nil {
		return
	}
	hops := field.HopsOf(h.Fields, h.buf)
	for i := range h.Fields {
		if n := h.Fields[i].Name(h.buf); !hops.Has(n) && !field.Is(text(n), "Via") {
			add(n, h.Fields[i].Value(h.buf))
		}
	}
	b := r.x.pool.scratch[:0]
	bodiless := r.status < 200 || r.status == 204 || r.x.method == "CONNECT" && r.status/100 == 2
	if n := h.Length; !bodiless && (n > 0 || n == 0 && string(h.Get(h.buf, "Content-Length")) == "0") {
		b = strconv.AppendInt(b, n, 10)
		add(raw("Content-Length"), b)
	}
	if r.status == 101 || r.status == 426 {
		if b = field.List(b[:0], h.Fields, h.buf, "Upgrade"); len(b) > 0 {
			add(raw("Upgrade"), b)
		}
	}
	if r.status >= 200 || r.status == 101 {
		b = field.Via(b[:0], h.Fields, h.buf, int(h.Minor), name)
		add(raw("Via"), b)
	}
	r.x.pool.scratch = b
}

// What a proxy sends on of a request (RFC 9110 7.6): its target, and its fields.

package server

import (
	"bytes"
	"errors"
	"net"
	"strconv"
	"time"
	"unsafe"

	"github.com/lurcher-net/lurcher/internal/field"
)

// OriginForm returns the target in origin-form, path and query, in whatever form it
// was sent, or "*" (RFC 9112 3.2): this is what a proxy asks an upstream for.
func (r Request) OriginForm() []byte {
	t := r.Target()
	if len(t) == 0 || t[0] == '/' || t[0] == '*' {
		return t
	}
	_, rest, _ := bytes.Cut(t, []byte("://"))
	if string(r.Method()) == "OPTIONS" && !bytes.ContainsAny(rest, "/?") {
		return []byte("*") // RFC 9112 3.2.4: asked of the whole server
	}
	form := append([]byte(nil), r.Path()...)
	if q := r.Query(); q != nil {
		form = append(append(form, '?'), q...)
	}
	return form
}

// Forward calls add with each field that a proxy sends an upstream for this request:
// add is the AddBytes of a client.Request. name is what Via calls the proxy. Call
// Forward in the handler. The bytes that add gets are valid until it returns, and its
// error is ignored. The fields are
//
//   - those of the request, but for Connection and what it lists, Keep-Alive,
//     Proxy-Connection, Proxy-Authorization and what else is for one connection
//     (RFC 9110 7.6.1)
//   - Host, as the target has it if that is in absolute-form (RFC 9112 3.2.2)
//   - Content-Length if the body has one, and Expect if the client waits for 100
//     Continue
//   - Max-Forwards, less one for TRACE and OPTIONS (RFC 9110 7.6.2)
//   - "TE: trailers" from a client that would get them, and an offer to upgrade, but
//     not to h2c, whose requests the proxy would not see
//   - Via, with name at its end (RFC 9110 7.6.3)
//   - X-Forwarded-For, X-Forwarded-Proto and X-Forwarded-Host, about the client
//
// Anybody can send Forwarded and X-Forwarded-*, so what the client says in them, or in
// X_Forwarded_*, which upstreams that follow CGI cannot tell from these, is left out. With
// trust, for clients that are proxies of one's own, it is kept: then
// X-Forwarded-For gets one more address.
func (r Request) Forward(name string, trust bool, add func(name, value []byte) error) {
	h := r.head()
	if h == nil {
		return
	}
	f := forwarding{r: r, head: h, b: r.s.worker.scratch[:0]}
	if host := r.Host(); len(host) > 0 {
		add(named("Host"), host)
	}
	hops := field.HopsOf(h.Fields, h.buf)
	limited := r.limited()
	for i := range h.Fields {
		if n := h.Fields[i].Name(h.buf); !hops.Has(n) && !proxyOwn(n, trust) && !(limited && field.Is(asString(n), "Max-Forwards")) {
			add(n, h.Fields[i].Value(h.buf))
		}
	}
	f.client(trust, add)
	f.line(add, "Via", field.Via(f.b, h.Fields, h.buf, r.Minor(), name))
	f.nextHop(add)
	r.s.worker.scratch = f.b
}

// named returns a string as bytes that are only read.
func named(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// proxyOwn reports whether a field is one that a proxy writes itself, or that clients are
// not believed.
func proxyOwn(name []byte, trust bool) bool {
	switch n := asString(name); {
	case len(n) == len("Via"):
		return field.Is(n, "Via")
	case len(n) == len("Host"):
		return field.Is(n, "Host")
	case len(n) == len("Forwarded"):
		return !trust && field.Is(n, "Forwarded")
	case len(n) <= len(xForwarded) || !field.Alike(n[:len(xForwarded)], xForwarded):
		return false
	default:
		n = n[len(xForwarded):]
		return !trust || field.Is(n, "For") || field.Is(n, "Proto") || field.Is(n, "Host")
	}
}

const xForwarded = "X-Forwarded-"

// forwarding is a call of Forward. b is room for a value. What calls add has it as a
// parameter: in here it would escape to the heap.
type forwarding struct {
	r    Request
	head *head
	b    []byte
}

// A forwarder takes a field.
type forwarder = func(name, value []byte) error

// line adds a field, whose value is built in f.b.
func (f *forwarding) line(add forwarder, name string, value []byte) {
	f.b = value[:0]
	add(named(name), value)
}

// list returns the value of a field, of all its lines.
func (f *forwarding) list(name string) []byte {
	return field.List(f.b, f.head.Fields, f.head.buf, name)
}

// client adds who the client is, and what it asked for.
func (f *forwarding) client(trust bool, add forwarder) {
	from, proto, host := f.b, []byte(nil), []byte(nil)
	if trust {
		if from = f.list("X-Forwarded-For"); len(from) > 0 {
			from = append(from, ", "...)
		}
		proto, host = f.r.Get("X-Forwarded-Proto"), f.r.Get("X-Forwarded-Host")
	}
	f.line(add, "X-Forwarded-For", append(from, f.r.s.from()...))
	if proto == nil {
		proto = named("http")
		if f.r.TLS() != nil {
			proto = named("https")
		}
	}
	add(named("X-Forwarded-Proto"), proto)
	if host == nil {
		host = f.r.Host()
	}
	if len(host) > 0 {
		add(named("X-Forwarded-Host"), host)
	}
}

// nextHop adds what is for the next connection alone.
func (f *forwarding) nextHop(add forwarder) {
	s := f.r.s
	if n := f.r.Length(); n > 0 {
		f.line(add, "Content-Length", strconv.AppendInt(f.b, n, 10))
	}
	if s.is(expecting) {
		add(named("Expect"), named("100-continue"))
	}
	if n, ok := f.r.hops(); ok && n > 0 {
		f.line(add, "Max-Forwards", strconv.AppendInt(f.b, int64(n)-1, 10))
	}
	if f.r.Get("TE") != nil && !s.is(old) && field.Lists(asString(f.list("TE")), "trailers") {
		add(named("TE"), named("trailers"))
		add(named("Connection"), named("TE"))
	}
	if s.is(upgrade) {
		if offer := f.list("Upgrade"); len(offer) > 0 && !field.Lists(asString(offer), "h2c") {
			add(named("Connection"), named("Upgrade"))
			f.line(add, "Upgrade", offer)
		}
	}
}

// LastHop reports whether this is a TRACE or OPTIONS that has no hops left: a proxy
// has to answer it itself (RFC 9110 7.6.2).
func (r Request) LastHop() bool {
	n, ok := r.hops()
	return ok && n == 0
}

// limited reports whether the method is one of the two for which Max-Forwards has a meaning. With others it is a field
// like any other.
func (r Request) limited() bool {
	m := r.Method()
	return string(m) == "TRACE" || string(m) == "OPTIONS"
}

// hops returns how many proxies a TRACE or OPTIONS may still pass, if it says so. A number that is too large is that of
// the most hops that are counted here.
func (r Request) hops() (n uint64, ok bool) {
	if !r.limited() {
		return 0, false
	}
	v := r.Get("Max-Forwards")
	if v == nil {
		return 0, false
	}
	n, err := strconv.ParseUint(string(v), 10, 31)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// A lasting is what a session keeps for all requests of its connection, if some need
// it.
type lasting struct {
	from    string // the client's address
	adapter any    // see adapt.go

	undelivered int       // bytes of large answers that the kernel held when it was last asked; 0: it was not
	takenAt     time.Time // when it was seen that the client had taken some
}

func (s *session) last() *lasting {
	if s.lasting == nil {
		s.lasting = new(lasting)
	}
	return s.lasting
}

// from returns the client's address as X-Forwarded-For has it. The system is asked
// once for each connection.
func (s *session) from() string {
	l := s.last()
	if l.from == "" {
		l.from = "unknown"
		if addr, ok := s.conn.RemoteAddr().(*net.TCPAddr); ok {
			l.from = addr.IP.String()
		}
	}
	return l.from
}

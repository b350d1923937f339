// Fields: what an upstream is sent of a request's head, and the client of an answer's.

package main

import (
	"cmp"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/server"
)

// A head is what upstreams are sent, as many as are asked. What the handler's Request
// says is gone by then.
type head struct {
	method, target string
	fields         [][2]string
	hops           int // that a TRACE or OPTIONS may still go; -1: any number
}

func (h *head) add(name, value string) { h.fields = append(h.fields, [2]string{name, value}) }

func (h *head) send(q client.Request) {
	q.Target(h.target)
	for _, f := range h.fields {
		q.Add(f[0], f[1])
	}
}

// idempotent reports whether an upstream may act on the request twice (RFC 9110 9.2.2).
func (h *head) idempotent() bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, h.method)
}

// requestHead is what an upstream is asked.
func (g *gateway) requestHead(r server.Request) head {
	h := head{method: string(r.Method()), target: target(r), fields: make([][2]string, 0, 16), hops: -1}
	for name, value := range r.EndToEnd() {
		if n := string(name); !g.says(n) {
			h.add(n, string(value))
		}
	}
	host := string(r.Host())
	if host != "" {
		h.add("Host", host)
	}
	g.forwarded(&h, r, host)
	if n := r.Length(); n > 0 {
		h.add("Content-Length", strconv.FormatInt(n, 10))
	}
	h.hop(r)
	return h
}

// target is the origin-form of the request's, or the asterisk (RFC 9112 3.2).
func target(r server.Request) string {
	t := string(r.Target())
	if _, rest, ok := strings.Cut(t, "://"); ok && t[0] != '/' && string(r.Method()) == "OPTIONS" && !strings.ContainsAny(rest, "/?") {
		return "*" // 9112 3.2.4: asked of the whole server
	}
	if strings.Contains(t, "?") {
		return string(r.Path()) + "?" + string(r.Query())
	}
	return string(r.Path())
}

// says reports whether a field is one that the gateway sends itself, or that says who
// passed the request on: anybody can, and is not believed unless he is trusted.
func (g *gateway) says(name string) bool {
	const forwarded = "X-Forwarded-"
	n := min(len(name), len(forwarded))
	switch {
	case strings.EqualFold(name, "Host"), strings.EqualFold(name, "Via"):
		return true
	case !strings.EqualFold(name[:n], forwarded):
		return !g.trust && strings.EqualFold(name, "Forwarded")
	}
	return !g.trust || strings.EqualFold(name[n:], "For") || strings.EqualFold(name[n:], "Proto") || strings.EqualFold(name[n:], "Host")
}

// forwarded says whom the request came from, and how; behind what others said who
// passed it on, if they are trusted.
func (g *gateway) forwarded(h *head, r server.Request, host string) {
	from, proto := "unknown", "http"
	if addr, ok := r.RemoteAddr().(*net.TCPAddr); ok {
		from = addr.IP.String()
	}
	if r.TLS() != nil {
		proto = "https"
	}
	if g.trust {
		if before := all(r, "X-Forwarded-For"); before != "" {
			from = before + ", " + from
		}
		proto = cmp.Or(all(r, "X-Forwarded-Proto"), proto)
		host = cmp.Or(all(r, "X-Forwarded-Host"), host)
	}
	h.add("X-Forwarded-For", from)
	h.add("X-Forwarded-Proto", proto)
	if host != "" {
		h.add("X-Forwarded-Host", host)
	}
	h.add("Via", g.via(all(r, "Via"), r.Minor()))
}

// via is a message's Via with this gateway in it.
func (g *gateway) via(before string, minor int) string {
	via := "1." + strconv.Itoa(minor) + " " + g.name
	if before != "" {
		return before + ", " + via
	}
	return via
}

type message interface {
	Get(name string) []byte
	All() iter.Seq2[[]byte, []byte]
}

// all is the value of a field that is a list, of all its lines (RFC 9110 5.3).
func all[M message](m M, name string) string {
	if m.Get(name) == nil {
		return ""
	}
	var values []string
	for n, v := range m.All() {
		if strings.EqualFold(string(n), name) {
			values = append(values, string(v))
		}
	}
	return strings.Join(values, ", ")
}

// hop says what goes for the next hop: that the body waits for 100 Continue, how much
// further the request may go, that trailers are taken, and another protocol if the
// client offers one, but for HTTP/2, whose requests nobody here would see.
func (h *head) hop(r server.Request) {
	if r.Minor() > 0 && r.Length() != 0 && r.Get("Expect") != nil {
		h.add("Expect", "100-continue")
	}
	if h.method == "TRACE" || h.method == "OPTIONS" {
		if n, err := strconv.ParseUint(string(r.Get("Max-Forwards")), 10, 31); err == nil {
			h.hops = int(n)
			h.add("Max-Forwards", strconv.Itoa(int(n)-1))
		}
	}
	if te := all(r, "TE"); te != "" && lists(te, "trailers") {
		h.add("TE", "trailers")
		h.add("Connection", "TE")
	}
	offer := all(r, "Upgrade")
	if r.Minor() > 0 && offer != "" && !lists(offer, "h2c") && lists(all(r, "Connection"), "upgrade") {
		h.add("Connection", "Upgrade")
		h.add("Upgrade", offer)
	}
}

// lists reports whether a list has a token, in any case of its letters.
func lists(value, token string) bool {
	return slices.ContainsFunc(strings.Split(value, ","), func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), token) })
}

// responseHead passes an upstream's fields on.
func (g *gateway) responseHead(w server.Response, a client.Response) {
	if n := a.Get("Content-Length"); n != nil && a.Status() != 101 && a.Status() != 204 {
		w.Set("Content-Length", string(n))
	}
	if a.Status() == 101 {
		w.Set("Upgrade", all(a, "Upgrade"))
	}
	for name, value := range a.EndToEnd() {
		w.AddBytes(name, value)
	}
	w.Set("Via", g.via(all(a, "Via"), a.Minor()))
}

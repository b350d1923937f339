// Fields: what an upstream is sent of a request's head, and the client of an answer's.

package main

import (
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
	h := head{method: string(r.Method()), target: target(r), hops: -1}
	ours := g.forwarded(r)
	for name, value := range r.EndToEnd() {
		n := strings.ToLower(string(name))
		if n == "forwarded" && !g.trust || n == "host" || slices.ContainsFunc(ours, func(f [2]string) bool { return strings.EqualFold(f[0], n) }) ||
			!g.trust && strings.HasPrefix(n, "x-forwarded-") {
			continue // anybody may say so, or it is a part of ours
		}
		h.add(string(name), string(value))
	}
	h.fields = append(h.fields, ours...)
	if host := r.Host(); len(host) > 0 {
		h.add("Host", string(host))
	}
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

// forwarded says whom the request came from, and how; behind what others said who
// passed it on, if they are trusted.
func (g *gateway) forwarded(r server.Request) (fields [][2]string) {
	from, proto := "unknown", "http"
	if addr, ok := r.RemoteAddr().(*net.TCPAddr); ok {
		from = addr.IP.String()
	}
	if r.TLS() != nil {
		proto = "https"
	}
	if before := all(r, "X-Forwarded-For"); g.trust && before != "" {
		from = before + ", " + from
	}
	fields = [][2]string{{"X-Forwarded-For", from}, {"X-Forwarded-Proto", proto}, {"X-Forwarded-Host", string(r.Host())}}
	for i := range fields[1:] {
		if f := &fields[1+i]; g.trust && all(r, f[0]) != "" {
			f[1] = all(r, f[0])
		}
	}
	return append(fields, [2]string{"Via", g.via(r, r.Minor())})
}

// via is a message's Via with this gateway in it.
func (g *gateway) via(m message, minor int) string {
	via := "1." + strconv.Itoa(minor) + " " + g.name
	if before := all(m, "Via"); before != "" {
		return before + ", " + via
	}
	return via
}

type message interface {
	All() iter.Seq2[[]byte, []byte]
}

// all is the value of a field that is a list, of all its lines (RFC 9110 5.3).
func all(m message, name string) (value string) {
	for n, v := range m.All() {
		if strings.EqualFold(string(n), name) {
			value += ", " + string(v)
		}
	}
	return strings.TrimPrefix(value, ", ")
}

// hop says what goes for the next hop: that the body waits for 100 Continue, how much
// further the request may go, that trailers are taken, and another protocol if the
// client offers one, but for HTTP/2, whose requests nobody here would see.
func (h *head) hop(r server.Request) {
	if r.Minor() > 0 && r.Length() != 0 && r.Get("Expect") != nil {
		h.add("Expect", "100-continue")
	}
	n, err := strconv.ParseUint(string(r.Get("Max-Forwards")), 10, 31)
	if err == nil && (h.method == "TRACE" || h.method == "OPTIONS") {
		h.hops = int(n)
		h.add("Max-Forwards", strconv.Itoa(int(n)-1))
	}
	if lists(all(r, "TE"), "trailers") {
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
		w.Add(string(name), string(value))
	}
	w.Set("Via", g.via(a, a.Minor()))
}

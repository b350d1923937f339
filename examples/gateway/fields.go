// Fields: which go on to the other side, and which are for this hop alone (RFC 9110
// 7.6.1).

package main

import (
	"bytes"
	"iter"
	"net"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/server"
)

// hop are the fields that are never passed on. What frames the message is said anew
// by who sends it; Via, Host and the like are put together here.
var hop = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-connection": true, "proxy-authenticate": true,
	"proxy-authorization": true, "proxy-authentication-info": true, "te": true, "transfer-encoding": true, "upgrade": true,
	"http2-settings": true, "content-length": true, "host": true, "expect": true, "max-forwards": true,
}

// endToEnd ranges over the fields of a message that are not for this hop alone.
func endToEnd(m interface {
	All() iter.Seq2[[]byte, []byte]
}) iter.Seq2[[]byte, []byte] {
	var listed []string
	for name, value := range m.All() {
		if bytes.EqualFold(name, []byte("Connection")) {
			for option := range strings.SplitSeq(string(value), ",") {
				listed = append(listed, strings.TrimSpace(option))
			}
		}
	}
	return func(yield func(name, value []byte) bool) {
		for name, value := range m.All() {
			if !hop[strings.ToLower(string(name))] && !contains(listed, string(name)) && !yield(name, value) {
				return
			}
		}
	}
}

// contains reports whether a list has a name, in any case of its letters.
func contains(list []string, name string) bool {
	for _, s := range list {
		if strings.EqualFold(s, name) {
			return true
		}
	}
	return false
}

// A head is what an upstream is sent of a request's, whatever becomes of that.
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
	return contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, h.method)
}

// requestHead is what an upstream is asked.
func (g *gateway) requestHead(r server.Request) head {
	h := head{method: string(r.Method()), target: target(r), hops: -1}
	if host := r.Host(); len(host) > 0 {
		h.add("Host", string(host))
	}
	if n := r.Length(); n > 0 {
		h.add("Content-Length", strconv.FormatInt(n, 10))
	}
	for name, value := range endToEnd(r) {
		if !g.trust && (len(name) > 12 && strings.EqualFold(string(name[:12]), "X-Forwarded-") || bytes.EqualFold(name, []byte("Forwarded"))) {
			continue // anybody may say so
		}
		h.add(string(name), string(value))
	}
	if r.Minor() > 0 && r.Length() != 0 && r.Get("Expect") != nil {
		h.add("Expect", "100-continue")
	}
	if m := h.method; m == "TRACE" || m == "OPTIONS" {
		if n, err := strconv.ParseUint(string(r.Get("Max-Forwards")), 10, 31); err == nil {
			h.hops = int(n)
			h.add("Max-Forwards", strconv.Itoa(int(n)-1))
		}
	}
	g.forwarded(&h, r)
	h.connection(r)
	return h
}

// target is the origin-form of the request's, or the asterisk (RFC 9112 3.2).
func target(r server.Request) string {
	t := r.Target()
	if i := bytes.Index(t, []byte("://")); t[0] != '/' && i > 0 && string(r.Method()) == "OPTIONS" && bytes.IndexAny(t[i+3:], "/?") < 0 {
		return "*" // RFC 9112 3.2.4: asked of the whole server
	}
	if bytes.IndexByte(t, '?') >= 0 {
		return string(r.Path()) + "?" + string(r.Query())
	}
	return string(r.Path())
}

// forwarded says whom the request came from, and how.
func (g *gateway) forwarded(h *head, r server.Request) {
	if addr, ok := r.RemoteAddr().(*net.TCPAddr); ok {
		h.add("X-Forwarded-For", addr.IP.String())
	}
	if !g.trust || r.Get("X-Forwarded-Proto") == nil {
		proto := "http"
		if r.TLS() != nil {
			proto = "https"
		}
		h.add("X-Forwarded-Proto", proto)
	}
	if host := r.Host(); len(host) > 0 && (!g.trust || r.Get("X-Forwarded-Host") == nil) {
		h.add("X-Forwarded-Host", string(host))
	}
	h.add("Via", "1."+strconv.Itoa(r.Minor())+" "+g.name)
}

// connection says what this hop offers: trailers, and another protocol if the client
// does, but for HTTP/2, whose requests nobody here would see.
func (h *head) connection(r server.Request) {
	if contains(strings.FieldsFunc(string(r.Get("TE")), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }), "trailers") {
		h.add("TE", "trailers")
		h.add("Connection", "TE")
	}
	offer := string(r.Get("Upgrade"))
	if r.Minor() == 0 || offer == "" || strings.Contains(strings.ToLower(offer), "h2c") {
		return
	}
	for name, value := range r.All() {
		if bytes.EqualFold(name, []byte("Connection")) && contains(strings.FieldsFunc(string(value), func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }), "upgrade") {
			h.add("Connection", "Upgrade")
			h.add("Upgrade", offer)
			return
		}
	}
}

// responseHead passes an upstream's fields on.
func (g *gateway) responseHead(w server.Response, a client.Response) {
	if n := a.Get("Content-Length"); n != nil && a.Status() != 101 && a.Status() != 204 {
		w.Set("Content-Length", string(n))
	}
	if a.Status() == 101 {
		w.Set("Upgrade", string(a.Get("Upgrade")))
	}
	for name, value := range endToEnd(a) {
		w.Add(string(name), string(value))
	}
	w.Add("Via", "1."+strconv.Itoa(a.Minor())+" "+g.name)
}

// Upgrade: the opening handshake, as the server sees it (RFC 6455 4.2).

package ws

import (
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/internal/field"
	"github.com/lurcher-net/lurcher/server"
)

// A HandshakeError says why an opening handshake failed.
type HandshakeError struct {
	Status int    // of the answer that refused it; 0: there was none
	Reason string // what was wrong
}

func (e *HandshakeError) Error() string {
	if e.Status == 0 {
		return "ws: handshake: " + e.Reason
	}
	return "ws: handshake: status " + strconv.Itoa(e.Status) + ": " + e.Reason
}

// Upgrade makes a WebSocket connection of a request. Fields that were set before,
// such as Set-Cookie, go with the answer. If the request is refused, Upgrade sends
// the answer that says so, HTTP goes on, and the error is a [HandshakeError].
// Upgrade is called while the server's Handler runs, for it reads the request's
// head. h.Open is called before Upgrade returns; no other callback is.
func Upgrade(w server.Response, r server.Request, h *Handler) (*Conn, error) {
	q := readHandshake(r)
	if e := q.check(r, h); e != nil {
		return nil, refuse(w, e)
	}
	c := &Conn{proto: q.choose(h.Protocols)}
	var extension string
	if h.Deflate != nil {
		extension, c.window = acceptDeflate(q.offers)
	}
	c.parser = NewParser(false, c.window != 0)
	w.Status(101)
	w.Set("Upgrade", "websocket")
	w.Set("Sec-WebSocket-Accept", accept(q.key[0]))
	if c.proto != 0 {
		w.Set("Sec-WebSocket-Protocol", h.Protocols[c.proto-1])
	}
	if extension != "" {
		w.Set("Sec-WebSocket-Extensions", extension)
	}
	nc, err := w.Hijack(h.conns())
	if err != nil { // the program has begun to answer
		for _, name := range []string{"Upgrade", "Sec-WebSocket-Accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
			w.Del(name)
		}
		refuse(w, &HandshakeError{500, "the protocol was not switched"})
		return nil, err
	}
	h.adopt(nc, c)
	return c, nil
}

// handshake is what the handshake reads of a head: the lines of each field.
type handshake struct {
	upgrade, connection, version, key, protocols, extensions, origin []string

	offers []extension // that extensions are
}

func readHandshake(r server.Request) (q handshake) {
	for name, value := range r.All() {
		var to *[]string
		switch len(name) { // of most fields that is all that is looked at
		case len("Origin"), len("Upgrade"), len("Connection"):
			to = q.field(strings.ToLower(string(name)))
		default:
			if len(name) > len("Sec-WebSocket-") && (name[0] == 'S' || name[0] == 's') {
				to = q.field(strings.ToLower(string(name)))
			}
		}
		if to != nil {
			*to = append(*to, string(value))
		}
	}
	return q
}

func (q *handshake) field(name string) *[]string {
	switch name {
	case "origin":
		return &q.origin
	case "upgrade":
		return &q.upgrade
	case "connection":
		return &q.connection
	case "sec-websocket-version":
		return &q.version
	case "sec-websocket-key":
		return &q.key
	case "sec-websocket-protocol":
		return &q.protocols
	case "sec-websocket-extensions":
		return &q.extensions
	}
	return nil
}

// check returns why the request is no handshake, or one that is refused (RFC 6455
// 4.2.1, 4.2.2).
func (q *handshake) check(r server.Request, h *Handler) *HandshakeError {
	var ok bool
	switch {
	case string(r.Method()) != "GET":
		return &HandshakeError{405, "a WebSocket handshake is a GET"}
	case r.Minor() == 0:
		return &HandshakeError{400, "a WebSocket handshake is HTTP/1.1"}
	case !lists(q.upgrade, "websocket") || !lists(q.connection, "upgrade"):
		return &HandshakeError{426, "this is a WebSocket: Upgrade: websocket and Connection: Upgrade are wanted"}
	case r.Length() != 0:
		return &HandshakeError{400, "a WebSocket handshake has no body"}
	case len(q.version) != 1 || q.version[0] != "13":
		return &HandshakeError{426, "Sec-WebSocket-Version has to be 13"}
	case len(q.key) != 1 || !isKey(q.key[0]):
		return &HandshakeError{400, "Sec-WebSocket-Key has to be 16 bytes in base64, once"}
	}
	for p := range elements(q.protocols) {
		if !field.IsName(p) {
			return &HandshakeError{400, "malformed Sec-WebSocket-Protocol"}
		}
	}
	if q.offers, ok = parseExtensions(q.extensions); !ok {
		return &HandshakeError{400, "malformed Sec-WebSocket-Extensions"}
	}
	allowed := h.CheckOrigin
	if allowed == nil {
		allowed = func(server.Request) bool { return sameOrigin(q.origin, string(r.Host())) }
	}
	switch {
	case !allowed(r):
		return &HandshakeError{403, "Origin is not allowed"}
	case h.crowded():
		return &HandshakeError{503, "there are too many connections"}
	}
	return nil
}

// refuse answers a request that is not going to be upgraded.
func refuse(w server.Response, e *HandshakeError) error {
	w.Status(e.Status)
	switch e.Status {
	case 405:
		w.Set("Allow", "GET")
	case 426: // RFC 9110 15.5.22
		w.Set("Upgrade", "websocket")
		w.Set("Connection", "upgrade")
	}
	w.Set("Sec-WebSocket-Version", "13") // RFC 6455 4.4
	w.Set("Content-Type", "text/plain")
	w.End(e.Reason + "\n")
	return e
}

// choose returns one more than the place in ours of the first of the client's
// subprotocols that is there, or 0.
func (q *handshake) choose(ours []string) uint8 {
	for p := range elements(q.protocols) {
		if i := slices.Index(ours, p); i >= 0 && i < 255 {
			return uint8(i + 1)
		}
	}
	return 0
}

// isKey reports whether key is 16 bytes in base64 (RFC 6455 4.1).
func isKey(key string) bool {
	var b [18]byte
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(b[:], []byte(key))
	return err == nil && n == 16
}

// accept returns the Sec-WebSocket-Accept for a key (RFC 6455 4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// SameOrigin reports whether the request has no Origin, so that it comes from no
// browser, or one of the host that it is for: the same name and port. The scheme
// is not compared: a proxy that ends TLS changes it.
func SameOrigin(r server.Request) bool {
	var origin []string
	for name, value := range r.All() {
		if strings.EqualFold(string(name), "Origin") {
			origin = append(origin, string(value))
		}
	}
	return sameOrigin(origin, string(r.Host()))
}

func sameOrigin(origin []string, host string) bool {
	if len(origin) == 0 {
		return true
	}
	u, err := url.Parse(origin[0])
	if err != nil || len(origin) > 1 || u.Host == "" {
		return false // "null" too
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(host, port))
}

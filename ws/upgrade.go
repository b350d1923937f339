// Upgrade: the server's side of the opening handshake (RFC 6455 4.2).

package ws

import (
	"crypto/sha1"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"unsafe"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/internal/field"
	"github.com/lurcher-net/lurcher/server"
)

// A HandshakeError says why an opening handshake failed.
type HandshakeError struct {
	Status int    // status of the answer that refused it; 0: there was no answer
	Reason string // what was wrong

	// Answer is the answer of a server that refused a Dial: its Get returns Location,
	// WWW-Authenticate, Retry-After. It is valid until the function given to Dial returns.
	// That function may ask for the body, by Body or Stream; otherwise the connection is
	// closed without reading it. An error of Upgrade has none.
	Answer client.Response
}

func (e *HandshakeError) Error() string {
	if e.Status == 0 {
		return "ws: handshake: " + e.Reason
	}
	return "ws: handshake: status " + strconv.Itoa(e.Status) + ": " + e.Reason
}

// Upgrade makes a WebSocket connection from a request. Fields that were set before, such
// as Set-Cookie, are sent with the answer. If Upgrade refuses the request, it sends that
// answer, HTTP goes on, and the error is a [HandshakeError]. Upgrade must be called
// while the server's Handler runs, because it reads the request's head. It calls h.Open
// before it returns, and no other callback.
func Upgrade(w server.Response, r server.Request, h *Handler) (*Conn, error) {
	q := handshake{h: h}
	for name, value := range r.All() {
		q.field(name, value)
	}
	if e := q.check(r); e != nil {
		return nil, refuse(w, e)
	}
	c := &Conn{proto: q.protocol}
	var extension string
	if h.Deflate != nil {
		extension, c.window = acceptDeflate(q.extensions)
	}
	c.parser = NewParser(false, c.window != 0)
	w.Status(101)
	w.Set("Upgrade", "websocket")
	sum := accept(q.key)
	w.Set("Sec-WebSocket-Accept", unsafe.String(&sum[0], len(sum))) // Set copies it
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
		refuse(w, &HandshakeError{Status: 500, Reason: "the protocol was not switched"})
		return nil, err
	}
	h.adopt(nc, c)
	return c, nil
}

// A handshake holds what the head of a request or of an answer says, read field by field
// and without copying.
type handshake struct {
	h *Handler

	upgrade, connection bool   // Upgrade lists websocket, Connection lists upgrade
	upgrades            int    // lines of the field, here and below
	key, accept, origin []byte // the last line
	keys, accepts       int
	versions, origins   int
	version             bool // the version is 13
	protocol            uint8
	protocols           int
	extensions          []extension
	bad                 string // the first field that is malformed
}

func (q *handshake) field(name, value []byte) {
	switch knownField(name) {
	case "upgrade":
		q.upgrades++
		q.upgrade = q.upgrade || lists(value, "websocket")
	case "connection":
		q.connection = q.connection || lists(value, "upgrade")
	case "origin":
		q.origins++
		q.origin = value
	case "sec-websocket-key":
		q.keys++
		q.key = value
	case "sec-websocket-accept":
		q.accepts++
		q.accept = value
	case "sec-websocket-version":
		q.versions++
		q.version = string(value) == "13"
	case "sec-websocket-protocol":
		q.protocols++
		q.choose(value)
	case "sec-websocket-extensions":
		more, ok := parseExtensions(string(value))
		if q.extensions = append(q.extensions, more...); !ok {
			q.bad = "malformed Sec-WebSocket-Extensions"
		}
	}
}

// choose notes the first subprotocol of a list that is one of ours.
func (q *handshake) choose(list []byte) {
	for len(list) > 0 {
		var p []byte
		if p, list = element(list); len(p) == 0 {
			continue
		}
		if !field.IsName(string(p)) {
			q.bad = "malformed Sec-WebSocket-Protocol"
		}
		for i, own := range q.h.Protocols {
			if q.protocol == 0 && string(p) == own && i < 255 {
				q.protocol = uint8(i + 1)
			}
		}
	}
}

// knownField returns the name in lower case if the field belongs to the handshake, else
// "". The length alone rules out most names.
func knownField(name []byte) (known string) {
	switch len(name) {
	case len("origin"):
		known = "origin"
	case len("upgrade"):
		known = "upgrade"
	case len("connection"):
		known = "connection"
	case len("sec-websocket-key"):
		known = "sec-websocket-key"
	case len("sec-websocket-accept"):
		known = "sec-websocket-accept"
	case len("sec-websocket-version"):
		known = "sec-websocket-version"
	case len("sec-websocket-protocol"):
		known = "sec-websocket-protocol"
	case len("sec-websocket-extensions"):
		known = "sec-websocket-extensions"
	}
	if !field.Is(string(name), known) {
		return ""
	}
	return known
}

// check returns why the request is refused: because it is no handshake, or not one that
// the server accepts (RFC 6455 4.2.1, 4.2.2).
func (q *handshake) check(r server.Request) *HandshakeError {
	switch {
	case string(r.Method()) != "GET":
		return &HandshakeError{Status: 405, Reason: "a WebSocket handshake is a GET"}
	case r.Minor() == 0:
		return &HandshakeError{Status: 400, Reason: "a WebSocket handshake is HTTP/1.1"}
	case !q.upgrade || !q.connection:
		return &HandshakeError{Status: 426, Reason: "this is a WebSocket: Upgrade: websocket and Connection: Upgrade are wanted"}
	case r.Length() != 0:
		return &HandshakeError{Status: 400, Reason: "a WebSocket handshake has no body"}
	case q.versions != 1 || !q.version:
		return &HandshakeError{Status: 426, Reason: "Sec-WebSocket-Version has to be 13"}
	case q.keys != 1 || !isKey(q.key):
		return &HandshakeError{Status: 400, Reason: "Sec-WebSocket-Key has to be 16 bytes in base64, once"}
	case q.bad != "":
		return &HandshakeError{Status: 400, Reason: q.bad}
	case q.h.CheckOrigin == nil && !sameOrigin(q.origins, q.origin, r.Host()),
		q.h.CheckOrigin != nil && !q.h.CheckOrigin(r):
		return &HandshakeError{Status: 403, Reason: "Origin is not allowed"}
	case q.h.crowded():
		return &HandshakeError{Status: 503, Reason: "there are too many connections"}
	}
	return nil
}

// refuse sends the answer to a request that is not upgraded.
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

// isKey reports whether key is 16 bytes in base64 (RFC 6455 4.1).
func isKey(key []byte) bool {
	var b [18]byte
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(b[:], key)
	return err == nil && n == 16
}

// accept returns the Sec-WebSocket-Accept for a key (RFC 6455 4.2.2).
func accept(key []byte) (b [28]byte) {
	var room [60]byte
	sum := sha1.Sum(append(append(room[:0], key...), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	base64.StdEncoding.Encode(b[:], sum[:])
	return b
}

// SameOrigin reports whether the request has no Origin, because it does not come from a
// browser, or an Origin with the name and port of the host to which it was sent. It does
// not compare the scheme, which a proxy that decrypts TLS changes.
func SameOrigin(r server.Request) bool {
	var q handshake
	for name, value := range r.All() {
		if knownField(name) == "origin" {
			q.field(name, value)
		}
	}
	return sameOrigin(q.origins, q.origin, r.Host())
}

func sameOrigin(lines int, origin, host []byte) bool {
	if lines == 0 {
		return true
	}
	u, err := url.Parse(string(origin))
	if err != nil || lines > 1 || u.Host == "" {
		return false // "null" too
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	return field.Is(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(string(host), port))
}

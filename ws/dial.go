// Dial: the opening handshake, as the client sees it (RFC 6455 4.1).

package ws

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/field"
)

// ErrURL is the error for a URL that is not ws:// or wss://, or has a fragment (RFC
// 6455 3).
var ErrURL = errors.New("ws: the URL has to be ws:// or wss://, without a fragment")

// A Dialer opens connections as a client. The zero value is ready for use. It may be
// used on any number of loops.
type Dialer struct {
	// Client has the settings for what comes before the first frame: the connection, TLS,
	// and the timeouts of the handshake.
	Client client.Client

	// Fields, if it is set, is called before the handshake is sent, and may add fields to
	// it, such as Origin, Cookie and Authorization.
	Fields func(q client.Request)
}

var dialer Dialer // of the function Dial

// Dial is [Dialer.Dial] of a Dialer with default settings.
func Dial(l *conn.Loop, url string, h *Handler, fn func(c *Conn, err error)) client.Request {
	return dialer.Dial(l, url, h, fn)
}

// Dial opens a connection on l, to a ws:// or wss:// URL. It must be called on l's
// goroutine. fn, unless it is nil, is called exactly once, after Dial has returned:
// after h.Open if there is a connection, else with a [HandshakeError], a client.Error
// or ErrURL. Until then, Abort of the returned request ends the attempt.
func (d *Dialer) Dial(l *conn.Loop, url string, h *Handler, fn func(c *Conn, err error)) client.Request {
	if fn == nil {
		fn = func(*Conn, error) {}
	}
	scheme, rest, _ := strings.Cut(url, "://")
	var to string
	switch {
	case strings.Contains(rest, "#"):
	case field.Is(scheme, "ws"):
		to = "http://" + rest
	case field.Is(scheme, "wss"):
		to = "https://" + rest
	}
	if to == "" {
		l.Post(func() { fn(nil, fmt.Errorf("%w: %.100q", ErrURL, url)) })
		return client.Request{}
	}
	var nonce [16]byte
	rand.Read(nonce[:]) // it never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	q := d.Client.On(l).Request("GET", to)
	q.Set("Upgrade", "websocket")
	q.Set("Connection", "Upgrade")
	q.Set("Sec-WebSocket-Key", key)
	q.Set("Sec-WebSocket-Version", "13")
	if len(h.Protocols) > 0 {
		q.Set("Sec-WebSocket-Protocol", strings.Join(h.Protocols, ", "))
	}
	if h.Deflate != nil {
		q.Set("Sec-WebSocket-Extensions", deflateOffer)
	}
	if d.Fields != nil {
		d.Fields(q)
	}
	q.Do(func(r client.Response, err error) {
		if err != nil {
			fn(nil, err)
			return
		}
		c, err := h.upgraded(r, key)
		if err != nil {
			defer func() { // also if fn panics
				if r.Trailer(nil) == nil { // it fails if fn has asked for the body
					q.Abort()
				}
			}()
		}
		fn(c, err)
	})
	q.End("")
	return q
}

// upgraded makes a connection from the server's answer.
func (h *Handler) upgraded(r client.Response, key string) (*Conn, error) {
	q := handshake{h: h}
	for name, value := range r.All() {
		q.field(name, value)
	}
	c := &Conn{flags: asClient, proto: q.protocol}
	sum := accept([]byte(key))
	reason := ""
	switch {
	case r.Status() != 101:
		reason = "not 101 Switching Protocols"
	case r.Minor() == 0: // RFC 9110 7.8: HTTP/1.0 has no Upgrade
		reason = "not HTTP/1.1"
	case q.upgrades != 1 || !field.Is(string(r.Get("Upgrade")), "websocket"):
		reason = "Upgrade is not websocket"
	case !q.connection:
		reason = "Connection is not Upgrade"
	case q.accepts != 1 || string(q.accept) != string(sum[:]):
		reason = "Sec-WebSocket-Accept is wrong"
	case q.bad != "":
		reason = q.bad
	case q.protocols > 1 || q.protocols == 1 && (c.proto == 0 || string(r.Get("Sec-WebSocket-Protocol")) != h.Protocols[c.proto-1]):
		reason = "a subprotocol that was not asked for"
	case !c.extended(q.extensions, h):
		reason = "an extension that was not offered, or with other parameters"
	}
	if reason != "" {
		return nil, &HandshakeError{r.Status(), reason, r}
	}
	nc, err := r.Hijack(h.conns())
	if err != nil {
		return nil, err
	}
	h.adopt(nc, c)
	return c, nil
}

// deflateOffer asks the server to compress each message without a context, as we do, so
// that we need to keep none.
const deflateOffer = deflateName + "; " + serverNoContext + "; " + clientNoContext + "; " + clientWindowBits

// extended notes the extension that the server took, and reports whether it may
// (RFC 7692 7.1).
func (c *Conn) extended(all []extension, h *Handler) bool {
	if len(all) == 0 {
		c.parser = NewParser(true, false)
		return true
	}
	d, isDeflate := readDeflate(all[0], true)
	if len(all) > 1 || h.Deflate == nil || !isDeflate || !d.serverNoContext {
		return false
	}
	c.parser = NewParser(true, true)
	if c.window = 15; d.clientBits != 0 {
		c.window = d.clientBits
	}
	return true
}

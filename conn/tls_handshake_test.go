// TLS: handshakes, from either side, late or never; and connections that change
// hands while they are encrypted.

package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

func TestDialTLS(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
		if err != nil {
			r.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				go func() { io.Copy(nc, nc); nc.Close() }()
			}
		}()
		ch, onClose := closes()
		opened := make(chan *tls.ConnectionState, 1)
		got := make(chan string, 4)
		h := conn.Handler{Close: onClose, Open: func(c *conn.Conn) { opened <- c.TLS() },
			Data: func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }}
		// The name that is dialled is the one that is expected: the certificate
		// has this address.
		c := &tls.Config{RootCAs: cfg.RootCAs, Renegotiation: tls.RenegotiateFreelyAsClient}
		h.TLS = &conn.TLS{Config: c}
		var k *conn.Conn
		r.do(func() {
			k, err = r.loop.Dial("tcp", ln.Addr().String(), &h)
			if err != nil {
				r.Fatal(err)
			}
			k.WriteString("written before Open")
			if k.TLS() != nil {
				r.Error("TLS before the handshake")
			}
		})
		if s := get(r, opened); s == nil || !s.HandshakeComplete || s.Version != cfg.MinVersion || len(s.VerifiedChains) == 0 {
			r.Errorf("%+v", s)
		}
		if s := get(r, got); s != "written before Open" {
			r.Error(s)
		}
		r.do(func() {
			if s := k.TLS(); s != k.TLS() {
				r.Error("the state is made anew each time")
			}
			k.CloseWrite()
		})
		r.wantErr(ch, io.EOF)
		if c.ServerName != "" || h.TLS.Stats().Done != 1 {
			r.Error("ServerName is", c.ServerName, h.TLS.Stats())
		}

		// A certificate of another name, one that nobody vouches for, a server
		// that speaks none, one that says nothing.
		mute := r.backend()
		for _, bad := range []struct {
			cfg  *tls.Config
			addr string
			want any
		}{
			{&tls.Config{RootCAs: cfg.RootCAs, ServerName: "other.example"}, ln.Addr().String(), new(*tls.CertificateVerificationError)},
			{&tls.Config{ServerName: "example.com"}, ln.Addr().String(), new(*tls.CertificateVerificationError)},
			{nil, ln.Addr().String(), new(*tls.CertificateVerificationError)},
			{nil, mute.Addr().String(), os.ErrDeadlineExceeded},
		} {
			h := h
			h.TLS = &conn.TLS{Config: bad.cfg}
			h.Open = func(*conn.Conn) { r.Error("opened") }
			r.do(func() {
				k, _ := r.loop.Dial("tcp", bad.addr, &h)
				k.WriteString("never sent")
				if _, ok := bad.want.(error); ok {
					k.SetDeadline(100 * time.Millisecond)
				}
			})
			err := get(r, ch)
			if target, ok := bad.want.(error); ok && !errors.Is(err, target) || !ok && !errors.As(err, bad.want) {
				r.Errorf("%v", err)
			}
		}
	})
}

// STARTTLS: both ends begin in plain text, and go on encrypted.
func TestStartTLS(t *testing.T) {
	needDetach(t)
	versions(t, func(r *rig, cfg *tls.Config) {
		got := make(chan string, 8)
		tell := func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }
		upgrade := func(c *conn.Conn, h *conn.Handler) {
			nc, err := c.Detach()
			if err != nil {
				r.Fatal(err)
			}
			// What Detach returns within Data is whole when that has returned.
			if err := r.loop.Post(func() {
				if _, err := r.loop.Adopt(nc, h); err != nil {
					r.Error(err)
				}
			}); err != nil {
				r.Error(err)
			}
		}
		r.listen(&conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			i := bytes.IndexByte(p, '\n') + 1
			if i > 0 { // after it comes the ClientHello, or has come already
				got <- string(p[:i])
				upgrade(c, &conn.Handler{TLS: &conn.TLS{Config: cfg}, Data: tell, Open: func(c *conn.Conn) { c.WriteString("welcome") }})
			}
			return i
		}})
		for range 2 {
			w, k := r.dialWire(cfg)
			first := true
			w.write = func(p []byte) error { // together with the ClientHello
				if first {
					first, p = false, append([]byte("STARTTLS\n"), p...)
				}
				_, err := w.Conn.Write(p)
				return err
			}
			k.Write([]byte("secret"))
			buf := make([]byte, 7)
			if _, err := io.ReadFull(k, buf); err != nil || string(buf) != "welcome" {
				r.Fatal(err, buf)
			}
			for _, want := range []string{"STARTTLS\n", "secret"} {
				if s := get(r, got); s != want {
					r.Errorf("%q, want %q", s, want)
				}
			}
		}
		r.do(func() { // and from here
			h := &conn.Handler{Data: tell, TLS: &conn.TLS{Config: cfg, Client: true}, Open: func(c *conn.Conn) { c.WriteString("again") }}
			r.loop.Dial(r.network, r.addr, &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("STARTTLS\n"); upgrade(c, h) }})
		})
		seen := map[string]bool{}
		for range 3 {
			seen[get(r, got)] = true
		}
		if !seen["STARTTLS\n"] || !seen["again"] || !seen["welcome"] {
			r.Error(seen)
		}
	})
}

// Detach returns a tls.Conn, for code that blocks; Adopt takes it back.
func TestDetachTLS(t *testing.T) {
	needDetach(t)
	versions(t, func(r *rig, cfg *tls.Config) {
		conns := make(chan *conn.Conn, 1)
		got := make(chan string, 4)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { conns <- c }})
		_, k := r.dialWire(cfg)
		k.Handshake()
		c := get(r, conns)
		var nc net.Conn
		var err error
		r.do(func() { nc, err = c.Detach() })
		if tc, ok := nc.(*tls.Conn); !ok || err != nil || !tc.ConnectionState().HandshakeComplete {
			r.Fatalf("%T %v", nc, err)
		}
		p, q := r.peer(k), r.peer(nc)
		p.send("to who blocks")
		q.want("to who blocks")
		q.send("back")
		p.want("back")
		p.send("12345read ahead") // in one record, and but a part of it is read
		q.want("12345")
		ch, onClose := closes()
		r.do(func() {
			_, err = r.loop.Adopt(nc, &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("hi") }, Close: onClose,
				Data: func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }})
			if err != nil {
				r.Fatal(err)
			}
		})
		if s := get(r, got); s != "read ahead" {
			r.Error(s)
		}
		p.want("hi")
		p.send("more")
		if s := get(r, got); s != "more" {
			r.Error(s)
		}
		p.closeWrite()
		r.wantErr(ch, io.EOF)
	})
}

// A function of the Config that blocks keeps nobody from computing.
func TestSlowCertificate(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		gate := make(chan bool)
		asked := make(chan bool, 100)
		own := theCertificate()
		cfg.Certificates = nil
		cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "slow.example" {
				asked <- true
				select {
				case <-gate:
				case <-hello.Context().Done():
					return nil, context.Cause(hello.Context())
				}
			}
			return &own, nil
		}
		ch, onClose := closes()
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { c.Pipe(c) }, Close: onClose})
		for range 64 { // more than processors
			c := certified()
			c.ServerName = "slow.example"
			w, k := r.dialWire(c)
			go k.Handshake()
			_ = w
			get(r, asked)
		}
		_, k := r.dialWire(certified())
		p := r.peer(k)
		p.send("x")
		p.want("x")
		close(gate)
		for range 64 { // the clients refuse another's certificate
			if err := get(r, ch); err == nil {
				r.Error("no error")
			}
		}
	})
}

// A loop that ends takes handshakes along, in whatever they are. One that waits for its peer
// while another waits for its turn is ended after half a second: on a busy machine that may come
// first, so it is asked until it does not.
func TestRunEndsHandshakes(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		loopback.Until(r, "the loop's end to be the end of three handshakes", func() bool {
			return newRig(r.T, r.name, "tcp").endsHandshakes(cfg)
		})
	})
}

// endsHandshakes ends the loop while three handshakes are under way. It returns false if one
// of them has ended before.
func (r *rig) endsHandshakes(cfg *tls.Config) bool {
	s := &conn.TLS{Config: cfg, Handshakes: 1}
	ch, onClose := closes()
	r.listen(&conn.Handler{TLS: s, Close: onClose})
	for i := range 3 { // one has not begun, one is at it, one waits for its turn
		w, k := r.dialWire(cfg)
		if i > 0 {
			w.read = func([]byte) { <-r.Context().Done() }
			go k.Handshake()
		}
	}
	r.until("one to run", func() bool {
		st := s.Stats()
		return st.Pending == 3 && st.Running == 1 || st.Failed > 0
	})
	why := errors.New("enough")
	r.cancel(why)
	if err := r.stopped(); err != why {
		r.Error(err)
	}
	ended := 0
	for range 3 {
		if err := get(r, ch); err == why {
			ended++
		}
	}
	loopback.Until(r, "no goroutine is left", func() bool { return s.Stats().Running == 0 })
	if st := s.Stats(); st.Pending != 0 || st.Failed != 3 {
		r.Errorf("%+v", st)
	}
	return ended == 3
}

// Whatever ends a handshake, Close is told that it was one, and by whom.
func TestHandshakeErrors(t *testing.T) {
	var reset error = syscall.ECONNRESET
	if runtime.GOOS == "windows" {
		reset = nil // wine shows it as an end
	}
	eachPoller(t, func(r *rig) {
		for _, k := range []struct {
			name string
			do   func(p *peer)
			want error // nil: of crypto/tls
		}{
			{"FIN", func(p *peer) { p.closeWrite() }, io.ErrUnexpectedEOF},
			{"FIN within a ClientHello", func(p *peer) { p.send("\x16\x03\x01"); p.closeWrite() }, io.ErrUnexpectedEOF},
			{"FIN behind a ClientHello", func(p *peer) { p.send(string(clientHello())); p.Read(make([]byte, 1)); p.closeWrite() }, io.ErrUnexpectedEOF},
			{"reset", func(p *peer) { p.reset() }, reset},
			{"reset behind a ClientHello", func(p *peer) { p.send(string(clientHello())); p.Read(make([]byte, 1)); p.reset() }, reset},
			{"no TLS", func(p *peer) { p.send("GET / HTTP/1.1\r\n\r\n") }, nil},
			{"no record", func(p *peer) { p.send("\x16\x03\x01\xff\xff") }, nil},
			{"silence", func(p *peer) {}, os.ErrDeadlineExceeded},
		} {
			ch, onClose := closes()
			s := &conn.TLS{Config: certified()}
			if k.name == "silence" {
				s.Timeout = 10 * time.Millisecond
			}
			r.listen(&conn.Handler{TLS: s, Close: onClose})
			p := r.peerOf(nil)
			own := p.LocalAddr().String()
			k.do(p)
			err := get(r, ch)
			var he *conn.HandshakeError
			if !errors.As(err, &he) || k.want != nil && !errors.Is(err, k.want) {
				r.Errorf("%s: %T %v", k.name, err, err)
			} else if he.RemoteAddr == nil && k.name != "reset" || he.RemoteAddr != nil && he.RemoteAddr.String() != own {
				r.Errorf("%s: from %v, not %s", k.name, he.RemoteAddr, own)
			}
		}
	})
}

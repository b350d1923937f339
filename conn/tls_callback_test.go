// The functions of a tls.Config: what they do to their own handshake, and not to others.

package conn_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// callbacks are the functions of a Config that a handshake calls; set has one of them call fn.
var callbacks = []struct {
	name   string
	client bool // it is a client's
	set    func(cfg *tls.Config, fn func() error)
}{
	{"GetConfigForClient", false, func(cfg *tls.Config, fn func() error) {
		cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, fn() }
	}},
	{"GetCertificate", false, func(cfg *tls.Config, fn func() error) {
		cert := cfg.Certificates[0]
		cfg.Certificates = nil
		cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, fn() }
	}},
	{"private key", false, func(cfg *tls.Config, fn func() error) {
		cfg.Certificates = []tls.Certificate{withKey(cfg.Certificates[0], fn)}
	}},
	{"private key of GetCertificate", false, func(cfg *tls.Config, fn func() error) {
		cert := withKey(cfg.Certificates[0], fn)
		cfg.Certificates = nil
		cfg.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }
	}},
	{"WrapSession", false, func(cfg *tls.Config, fn func() error) {
		cfg.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
			if err := fn(); err != nil {
				return nil, err
			}
			return cfg.EncryptTicket(cs, ss)
		}
		cfg.UnwrapSession = cfg.DecryptTicket
	}},
	{"VerifyConnection of GetConfigForClient", false, func(cfg *tls.Config, fn func() error) {
		other := cfg.Clone()
		other.VerifyConnection = func(tls.ConnectionState) error { return fn() }
		cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return other, nil }
	}},
	{"VerifyConnection", false, func(cfg *tls.Config, fn func() error) {
		cfg.VerifyConnection = func(tls.ConnectionState) error { return fn() }
	}},
	{"VerifyPeerCertificate", false, func(cfg *tls.Config, fn func() error) {
		cfg.ClientAuth = tls.RequireAnyClientCert
		cfg.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return fn() }
	}},
	{"client's VerifyConnection", true, func(cfg *tls.Config, fn func() error) {
		cfg.VerifyConnection = func(tls.ConnectionState) error { return fn() }
	}},
	{"client's VerifyPeerCertificate", true, func(cfg *tls.Config, fn func() error) {
		cfg.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return fn() }
	}},
	{"client's GetClientCertificate", true, func(cfg *tls.Config, fn func() error) {
		cert := cfg.Certificates[0]
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, fn() }
	}},
}

// A key is a private key that is somewhere else.
type key struct {
	crypto.Signer
	fn func() error
}

func (k key) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if err := k.fn(); err != nil {
		return nil, err
	}
	return k.Signer.Sign(rand, digest, opts)
}

func withKey(cert tls.Certificate, fn func() error) tls.Certificate {
	cert.PrivateKey = key{cert.PrivateKey.(crypto.Signer), fn}
	return cert
}

// A callbackRig is a loop whose handshakes, of one side, run into a function of the Config.
type callbackRig struct {
	*rig
	t      *conn.TLS
	client bool
	opened chan *conn.Conn
	closed chan error
	peers  net.Listener // of package net, where the loop dials
}

func newCallbackRig(r *rig, client bool, cfg *tls.Config) *callbackRig {
	// A place is not to be had by chance: there are fewer than handshakes that go wrong.
	k := &callbackRig{rig: r, client: client, opened: make(chan *conn.Conn, 100), closed: make(chan error, 100)}
	k.t = &conn.TLS{Config: cfg, Handshakes: 2 * runtime.GOMAXPROCS(0), Timeout: patience}
	if !client {
		r.listen(k.handler())
		return k
	}
	peer := certified()
	peer.ClientAuth = tls.RequestClientCert
	k.peers = tls.NewListener(loopback.Listen(r), peer)
	go func() {
		for {
			nc, err := k.peers.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(io.Discard, nc); nc.Close() }()
		}
	}()
	return k
}

func (k *callbackRig) handler() *conn.Handler {
	return &conn.Handler{TLS: k.t, Open: func(c *conn.Conn) { k.opened <- c }, Close: func(_ *conn.Conn, err error) { k.closed <- err }}
}

// begin begins one handshake.
func (k *callbackRig) begin() {
	k.Helper()
	if k.client {
		k.do(func() { k.loop.Dial("tcp", k.peers.Addr().String(), k.handler()) })
		return
	}
	nc, err := net.Dial("tcp", k.addr)
	if err != nil {
		k.Fatal(err)
	}
	k.Cleanup(func() { nc.Close() })
	go func() {
		cfg := certified()
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		c := tls.Client(nc, cfg)
		c.Handshake()
		io.Copy(io.Discard, c)
	}()
}

// A function of the Config that fails, panics or ends its goroutine fails its handshake alone, and keeps neither a goroutine
// nor a place among those who compute; one that blocks lets the others compute.
func TestConfigFunctions(t *testing.T) {
	wrong := errors.New("wrong")
	for _, how := range []string{"error", "panic", "Goexit", "blocks"} {
		for _, f := range callbacks {
			t.Run(how+"/"+f.name, func(t *testing.T) {
				versions(t, func(r *rig, cfg *tls.Config) {
					var mu sync.Mutex
					bad, gate, within := 0, make(chan bool), make(chan bool, 100)
					f.set(cfg, func() error {
						mu.Lock()
						does := bad > 0
						if does {
							bad--
						}
						mu.Unlock()
						switch {
						case !does:
						case how == "error":
							return wrong
						case how == "panic":
							panic("in a function of the Config")
						case how == "Goexit":
							runtime.Goexit()
						default:
							within <- true
							<-gate
						}
						return nil
					})
					k := newCallbackRig(r, f.client, cfg)
					// No more at a time than leave places free: who waits for a peer that a busy machine
					// makes slow is ended where others wait for a place, or the reserve is short.
					n := k.t.Handshakes + 2
					if how == "blocks" {
						n = k.t.Handshakes - k.t.Handshakes/8 - 1
					}
					mu.Lock()
					bad = n
					mu.Unlock()
					for range n {
						k.begin()
						if how == "blocks" {
							get(r, within)
							continue
						}
						err := get(r, k.closed)
						var he *conn.HandshakeError
						if !errors.As(err, &he) || how == "error" && !strings.Contains(err.Error(), wrong.Error()) {
							r.Errorf("%T %v", err, err)
						}
					}
					k.begin()
					get(r, k.opened)
					close(gate)
					if how == "blocks" {
						for range n {
							get(r, k.opened)
						}
					}
					for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
						st := k.t.Stats()
						if st.Running == 0 && st.Pending == 0 {
							break
						}
						if time.Now().After(end) {
							r.Fatalf("%+v", st)
						}
					}
				})
			})
		}
	}
}

// A connection may be closed while a function of its Config runs.
func TestCloseWithinConfigFunction(t *testing.T) {
	for _, f := range callbacks {
		t.Run(f.name, func(t *testing.T) {
			versions(t, func(r *rig, cfg *tls.Config) {
				rigs, ended := make(chan *callbackRig, 1), make(chan error, 1)
				f.set(cfg, func() error {
					k := <-rigs
					r.do(func() {
						for c := range r.loop.Conns() {
							c.Close()
						}
					})
					ended <- get(r, k.closed)
					return nil
				})
				k := newCallbackRig(r, f.client, cfg)
				k.begin()
				rigs <- k
				if err := get(r, ended); !errors.Is(err, net.ErrClosed) {
					r.Error(err)
				}
				if len(k.opened) > 0 {
					r.Error("Open after Close")
				}
			})
		})
	}
}

// provoke is what a peer does while a handshake waits for something else than it.
var provoke = map[string]func(p *peer){
	"FIN":      func(p *peer) { p.closeWrite() },
	"a byte":   func(p *peer) { p.send("\x16") },
	"a record": func(p *peer) { p.send("\x16\x03\x03\x00\x01x") },
	"closed":   func(p *peer) { p.Close() },
	"reset":    func(p *peer) { p.reset() },
}

// calm fails the test if the loop turns, with nothing to do.
func (r *rig) calm(what string) {
	r.Helper()
	r.turns(3)
	before := r.loop.Stats().Turns
	time.Sleep(50 * time.Millisecond)
	if n := r.loop.Stats().Turns - before; n > 50 {
		r.Errorf("%s: the loop turned %d times in 50 ms", what, n)
	}
}

// While a function of the Config runs, or a handshake waits for its goroutine, nothing that the peer does makes the loop turn.
func TestHandshakeThatWaitsForUsDoesNotSpin(t *testing.T) {
	eachPoller(t, func(r *rig) {
		for what, do := range provoke {
			cfg := certified()
			within, gate := make(chan bool, 2), make(chan bool)
			cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { within <- true; <-gate; return nil, nil }
			r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg, Handshakes: 1}})
			c := r.peerOf(clientHello())
			get(r, within)
			do(c)
			do(r.peerOf(clientHello())) // it has no goroutine
			r.calm(what)
			close(gate)
		}
	})
}

// So it is with a client's.
func TestClientHandshakeThatWaitsForUsDoesNotSpin(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ln := r.backend()
		for what, do := range provoke {
			cfg := certified()
			within, gate := make(chan bool, 1), make(chan bool)
			cfg.VerifyConnection = func(tls.ConnectionState) error { within <- true; <-gate; return nil }
			r.do(func() { r.loop.Dial("tcp", ln.Addr().String(), &conn.Handler{TLS: &conn.TLS{Config: cfg}}) })
			p := r.accept(ln)
			go tls.Server(p.Conn, certified()).Handshake()
			get(r, within)
			do(p)
			r.calm(what)
			close(gate)
		}
	})
}

// peerOf returns a peer in plain text, which has sent p.
func (r *rig) peerOf(p []byte) *peer {
	r.Helper()
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.Fatal(err)
	}
	c := r.peer(nc)
	c.send(string(p))
	return c
}

// What came in plain text before a client's handshake is no part of what the handshake protects (CVE-2011-0411).
func TestInputBeforeHandshakeIsNotDecrypted(t *testing.T) {
	needDetach(t)
	versions(t, func(r *rig, cfg *tls.Config) {
		ln := r.backend()
		got, ch := make(chan string, 1), make(chan error, 1)
		h := &conn.Handler{TLS: &conn.TLS{Config: cfg, Client: true},
			Data:  func(_ *conn.Conn, p []byte) int { got <- string(p); return len(p) },
			Close: func(_ *conn.Conn, err error) { ch <- err }}
		r.do(func() {
			r.loop.Dial("tcp", ln.Addr().String(), &conn.Handler{Data: func(c *conn.Conn, p []byte) int {
				nc, err := c.Detach()
				if err != nil {
					r.Error(err)
				}
				r.loop.Post(func() { r.loop.Adopt(nc, h) })
				return len("ready\n")
			}})
		})
		p := r.accept(ln)
		p.send("ready\ninjected")
		k := tls.Server(p.Conn, certified())
		go k.Handshake()
		var he *conn.HandshakeError
		if err := get(r, ch); !errors.As(err, &he) {
			r.Errorf("%v", err)
		}
		if len(got) > 0 {
			r.Errorf("Data was given %q", <-got)
		}
	})
}

// Who is gone keeps no place in the queue for a goroutine: handshakes would be computed for nobody.
func TestHandshakesThatWaitEndWithTheirPeer(t *testing.T) {
	eachPoller(t, func(r *rig) {
		for _, what := range []string{"FIN", "closed", "reset"} {
			cfg := certified()
			within, gate := make(chan bool, 4), make(chan bool)
			cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { within <- true; <-gate; return nil, nil }
			s := &conn.TLS{Config: cfg, Handshakes: 1}
			closed, onClose := closes()
			r.listen(&conn.Handler{TLS: s, Close: onClose})
			r.peerOf(clientHello())
			get(r, within)
			waits := r.peerOf(clientHello())
			r.until("both to be there", func() bool { return s.Stats().Pending == 2 })
			provoke[what](waits)
			var failed *conn.HandshakeError
			if err := get(r, closed); !errors.As(err, &failed) {
				r.Errorf("%s: %v", what, err)
			}
			if st := s.Stats(); st.Pending != 1 || len(within) > 0 {
				r.Errorf("%s: %+v, %d computed", what, st, len(within))
			}
			close(gate)
		}
	})
}

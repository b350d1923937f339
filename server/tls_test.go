// HTTPS: other people's clients are in cmd/hello; here is what is this package's
// own.

package server

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A selfSigned is a certificate that its holders trust.
type selfSigned struct {
	tls.Certificate
	pool *x509.CertPool
}

func newCertificate(name string) selfSigned {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return selfSigned{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool}
}

var testCertificate = sync.OnceValue(func() selfSigned { return newCertificate("example.com") })

// config is for either side.
func (c selfSigned) config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.Certificate}, RootCAs: c.pool, ClientCAs: c.pool, ServerName: "example.com"}
}

// startTLS is start with a second listener, for TLS.
func startTLS(t testing.TB, s *Server, h Handler) (r *rig, addr net.Addr) {
	t.Helper()
	if s.TLS == nil {
		s.TLS = testCertificate().config()
	}
	s.Handler = h
	if s.Loops == 0 {
		s.Loops = 1
	}
	if s.SlowCallback == 0 {
		s.SlowCallback = -1
	}
	log := new(logs)
	s.Log = slog.New(log)
	addr, err := s.ListenTLS("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = start(t, s, h)
	r.logs = log // the loops were made with it
	return r, addr
}

// dialTLS is dial, and a handshake.
func dialTLS(t testing.TB, addr net.Addr, c *tls.Config) (*client, error) {
	t.Helper()
	k := dial(t, addr)
	tc := tls.Client(k.Conn, c)
	if err := tc.Handshake(); err != nil {
		return nil, err
	}
	return &client{tc, t, bufio.NewReader(tc)}, nil
}

func mustDialTLS(t testing.TB, addr net.Addr, c *tls.Config) *client {
	t.Helper()
	k, err := dialTLS(t, addr, c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// One server, two listeners: what is answered does not differ, but for what the
// request knows of its connection.
func TestTLSAndPlain(t *testing.T) {
	t.Parallel()
	type seen struct {
		state *tls.ConnectionState
		req   Request
	}
	ch := make(chan seen, 8)
	s, addr := startTLS(t, &Server{}, func(w Response, r Request) {
		ch <- seen{r.TLS(), r}
		mirror(w, r)
	})
	plain, secure := s.dial(), mustDialTLS(t, addr, testCertificate().config())
	for _, c := range []*client{plain, secure} {
		for range 2 {
			c.send(post("/a", "body"))
			c.want("200 POST /a body")
			got := wait(t, ch)
			if (got.state != nil) != (c == secure) {
				t.Errorf("TLS: %v", got.state)
			}
			if got.state != nil && (got.state.ServerName != "example.com" || got.state.Version != tls.VersionTLS13 || !got.state.HandshakeComplete) {
				t.Errorf("%+v", got.state)
			}
			s.do(func() {
				if got.req.TLS() != nil {
					t.Error("TLS of a request that is over")
				}
			})
		}
		c.send(chunks("/b", "in ", "chunks"))
		c.want("200 POST /b in chunks")
		c.send(get("/1") + get("/2") + last)
		if got := c.all(); got != "200 GET /1, 200 GET /2, 200 GET /last" {
			t.Error(got)
		}
		for len(ch) > 0 {
			<-ch
		}
	}
	s.do(func() {})
	if st := s.Stats(); st.Handshakes != 1 || st.HandshakeErrors != 0 {
		t.Errorf("%+v", st)
	}
}

func TestTLSProtocols(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		server, client []string
		want           string // "-": the handshake fails (RFC 7301 3.2)
	}{
		{"none is set", nil, []string{"h2", "http/1.1"}, "http/1.1"},
		{"the client says nothing", nil, nil, ""},
		{"h2 is not spoken", []string{"h2", "http/1.1"}, []string{"h2", "http/1.1"}, "http/1.1"},
		{"one of the program's own", []string{"acme-tls/1"}, []string{"acme-tls/1"}, "acme-tls/1"},
		{"HTTP/1.0 alone", nil, []string{"http/1.0"}, "http/1.0"},
		{"nothing in common", nil, []string{"h2"}, "-"},
	} {
		for _, how := range []string{"Config", "GetConfigForClient"} {
			t.Run(c.name+", "+how, func(t *testing.T) {
				t.Parallel()
				cfg := testCertificate().config()
				cfg.NextProtos = c.server
				if how == "GetConfigForClient" {
					if c.server == nil {
						cfg.NextProtos = []string{"h2", "http/1.1"} // as the program says then
					}
					own := cfg
					cfg = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return own, nil }}
				}
				s, addr := startTLS(t, &Server{TLS: cfg}, mirror)
				ours := testCertificate().config()
				ours.NextProtos = c.client
				k, err := dialTLS(t, addr, ours)
				if c.want == "-" {
					if err == nil {
						t.Error("no error")
					}
					until(t, "it is counted", func() bool { return s.Stats().HandshakeErrors == 1 })
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := k.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			})
		}
	}
}

func TestTLSClientCertificates(t *testing.T) {
	t.Parallel()
	cert := newCertificate("client.example")
	cfg := testCertificate().config()
	cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, cert.pool
	_, addr := startTLS(t, &Server{TLS: cfg}, func(w Response, r Request) { w.End(r.TLS().PeerCertificates[0].Subject.CommonName) })
	ours := testCertificate().config()
	ours.Certificates = []tls.Certificate{cert.Certificate}
	k := mustDialTLS(t, addr, ours)
	k.send(get("/"))
	k.want("200 client.example")

	ours.Certificates = nil // TLS 1.3 tells with the first read
	if k, err := dialTLS(t, addr, ours); err == nil {
		if _, err := k.read("GET"); err == nil {
			t.Error("served without a certificate")
		}
	}
}

func TestTLSCertificateByName(t *testing.T) {
	t.Parallel()
	one, two := newCertificate("one.example"), newCertificate("two.example")
	cfg := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.Conn.RemoteAddr().String() == "" || hello.Conn.LocalAddr().String() == "" {
			t.Error("no addresses")
		}
		switch hello.ServerName {
		case "one.example":
			return &one.Certificate, nil
		case "two.example":
			return &two.Certificate, nil
		case "panic.example":
			panic("on purpose")
		}
		return nil, errors.New("no such name")
	}}
	s, addr := startTLS(t, &Server{TLS: cfg}, mirror)
	for _, c := range []selfSigned{one, two} {
		ours := &tls.Config{RootCAs: c.pool, ServerName: c.Leaf.DNSNames[0]}
		k := mustDialTLS(t, addr, ours)
		k.send(last)
		if got := k.all(); got != "200 GET /last" {
			t.Error(got)
		}
	}
	for _, name := range []string{"three.example", "panic.example"} {
		if _, err := dialTLS(t, addr, &tls.Config{ServerName: name}); err == nil {
			t.Error(name, "was served")
		}
	}
	until(t, "they are counted", func() bool { return s.Stats().HandshakeErrors == 2 })
	if log := s.logs.take(); !strings.Contains(log, "on purpose") || !strings.Contains(log, "tls_test.go") {
		t.Errorf("logged: %q", log)
	}
}

// A client that speaks HTTP is told what is wrong, in words, and in its own
// language.
func TestHTTPToTheTLSPort(t *testing.T) {
	t.Parallel()
	s, addr := startTLS(t, &Server{}, mirror)
	for _, in := range []string{get("/"), post("/", "a body"), "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "G", "BREW /pot HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"} {
		k := dial(t, addr)
		k.send(in)
		a := k.want("400")
		if !strings.Contains(a.body, "HTTPS") || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !a.Close {
			t.Errorf("%q: %q %v", in, a.body, a.Header)
		}
		k.send("more of it")
		k.fin()
		k.wantEnd()
	}
	s.idle()
	if _, err := http.Get("http://" + addr.String()); err != nil {
		t.Error(err) // it is an answer, too
	}
}

// A client that speaks TLS to a plain port is cut at its first byte, which no
// method begins with (RFC 9112 3).
func TestTLSToThePlainPort(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, mirror)
	k := s.dial()
	k.send("\x16") // the first byte of a ClientHello, no more
	k.want("400")
	k.wantEnd()
	_, err := dialTLS(t, s.addr, testCertificate().config())
	var re tls.RecordHeaderError
	if !errors.As(err, &re) || string(re.RecordHeader[:]) != "HTTP/" {
		t.Error(err)
	}
}

// What is neither ends without a word: there is nobody who understands one.
func TestGarbageToTheTLSPort(t *testing.T) {
	t.Parallel()
	s, addr := startTLS(t, &Server{}, mirror)
	garbage := []string{"\x00", "\x80\x2e\x01\x00\x02", "\x16\x03\x01\xff\xff", "\x16\x03\x01\x00\x00", "\x16\x03\x01\x00\x02\x01\x00",
		"\x15\x03\x01\x00\x02\x02\x28", "\x17\x03\x03\x00\x01\x00", "\xff\xff\xff\xff\xff", "\x16\x03\x01\x00\x05\x01\x00\xff\xff\xff", "\n\r\n"}
	for _, in := range garbage {
		k := dial(t, addr)
		k.send(in)
		k.fin()
		k.wantGone()
	}
	until(t, "each is counted", func() bool { return s.Stats().HandshakeErrors == uint64(len(garbage)) })
	k := mustDialTLS(t, addr, testCertificate().config())
	k.send(get("/"))
	k.want("200 GET /")
}

func TestListenTLSErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    *Server
		want error
	}{
		{&Server{Handler: mirror}, errNoCertificate},
		{&Server{Handler: mirror, TLS: new(tls.Config)}, errNoCertificate},
		{&Server{TLS: testCertificate().config()}, ErrNoHandler},
	} {
		if _, err := c.s.ListenTLS("tcp", "127.0.0.1:0"); err != c.want {
			t.Errorf("%v, want %v", err, c.want)
		}
		c.s.Close()
	}
	s, _ := startTLS(t, &Server{}, mirror)
	until(t, "it serves", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.state == serving })
	if _, err := s.ListenTLS("tcp", "127.0.0.1:0"); err != ErrServing {
		t.Error(err)
	}
	if err := ListenAndServeTLS("127.0.0.1:0", "/no/such/file", "", mirror); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// ListenAndServeTLS, from files, and a listener that is inherited.
func TestListenAndServeTLS(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	c := testCertificate()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate.Certificate[0]}), 0o600)
	os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// It gets as far as the address, which is taken.
	if err := ListenAndServeTLS(taken.Addr().String(), certFile, keyFile, mirror); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Error(err)
	}
	addr := taken.Addr()
	s := &Server{Handler: mirror, TLS: c.config(), Loops: 1}
	if err := s.InheritTLS(taken); err != nil {
		t.Fatal(err)
	}
	start(t, s, mirror)
	k := mustDialTLS(t, addr, c.config())
	k.send(get("/"))
	k.want("200 GET /")
}

// net/http's client, many at a time, with bodies of many sizes.
func TestTLSWithNetHTTP(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			_, addr := startTLS(t, &Server{Loops: 2}, func(w Response, r Request) { r.Pipe(w) })
			cfg := testCertificate().config()
			cfg.MinVersion, cfg.MaxVersion = version, version
			k := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}}
			defer k.CloseIdleConnections()
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for _, n := range []int{0, 1, 100, 16383, 16384, 16385, 100_000, 3 << 20} {
						body := string(pattern(n + g))
						resp, err := k.Post(fmt.Sprintf("https://%s/", addr), "text/plain", strings.NewReader(body))
						if err != nil {
							t.Error(err)
							return
						}
						got, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						if err != nil || string(got) != body {
							t.Errorf("%d of %d bytes, %v", len(got), len(body), err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

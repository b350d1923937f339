// HTTPS: other people's clients are in cmd/hello; here is what is this package's
// own.

package server

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// startTLS is start with a second listener, for TLS.
func startTLS(t testing.TB, s *Server, h Handler) (r *rig, addr net.Addr) {
	t.Helper()
	if s.TLS == nil {
		s.TLS = loopback.Example().Config()
	}
	s.Handler = h
	if s.Loops == 0 {
		s.Loops = 1
	}
	if s.SlowCallback == 0 {
		s.SlowCallback = -1
	}
	log := newLog()
	s.Log = slog.New(log)
	addr, err := s.ListenTLS("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r = start(t, s, h)
	r.logs = log // the loops were made with it
	return r, addr
}

var mustDialTLS = loopback.MustDialTLS

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
	plain, secure := s.dial(), mustDialTLS(t, addr, loopback.Example().Config())
	for _, c := range []*client{plain, secure} {
		for range 2 {
			c.Send(post("/a", "body"))
			c.Want("200 POST /a body")
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
		c.Send(chunks("/b", "in ", "chunks"))
		c.Want("200 POST /b in chunks")
		c.Send(get("/1") + get("/2") + last)
		if got := c.All(); got != "200 GET /1, 200 GET /2, 200 GET /last" {
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
				cfg := loopback.Example().Config()
				cfg.NextProtos = c.server
				if how == "GetConfigForClient" {
					if c.server == nil {
						cfg.NextProtos = []string{"h2", "http/1.1"} // as the program says then
					}
					own := cfg
					cfg = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return own, nil }}
				}
				s, addr := startTLS(t, &Server{TLS: cfg}, mirror)
				ours := loopback.Example().Config()
				ours.NextProtos = c.client
				k, err := loopback.DialTLS(t, addr, ours)
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
	cert := loopback.NewCertificate("client.example")
	cfg := loopback.Example().Config()
	cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, cert.Pool
	_, addr := startTLS(t, &Server{TLS: cfg}, func(w Response, r Request) { w.End(r.TLS().PeerCertificates[0].Subject.CommonName) })
	ours := loopback.Example().Config()
	ours.Certificates = []tls.Certificate{cert.Certificate}
	k := mustDialTLS(t, addr, ours)
	k.Send(get("/"))
	k.Want("200 client.example")

	ours.Certificates = nil // TLS 1.3 says so with the first read
	if k, err := loopback.DialTLS(t, addr, ours); err == nil {
		if _, err := k.Answer("GET"); err == nil {
			t.Error("served without a certificate")
		}
	}
}

func TestTLSCertificateByName(t *testing.T) {
	t.Parallel()
	one, two := loopback.NewCertificate("one.example"), loopback.NewCertificate("two.example")
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
	for _, c := range []loopback.Certificate{one, two} {
		ours := &tls.Config{RootCAs: c.Pool, ServerName: c.Leaf.DNSNames[0]}
		k := mustDialTLS(t, addr, ours)
		k.Send(last)
		if got := k.All(); got != "200 GET /last" {
			t.Error(got)
		}
	}
	for _, name := range []string{"three.example", "panic.example"} {
		if _, err := loopback.DialTLS(t, addr, &tls.Config{ServerName: name}); err == nil {
			t.Error(name, "was served")
		}
	}
	until(t, "they are counted", func() bool { return s.Stats().HandshakeErrors == 2 })
	s.logs.Want(t, "on purpose", "tls_test.go")
}

// A client that speaks HTTP is told what is wrong, in words, and in its own
// language.
func TestHTTPToTheTLSPort(t *testing.T) {
	t.Parallel()
	s, addr := startTLS(t, &Server{}, mirror)
	for _, in := range []string{get("/"), post("/", "a body"), "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "G", "BREW /pot HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"} {
		k := dial(t, addr)
		k.Send(in)
		a := k.Want("400")
		if !strings.Contains(a.Text, "HTTPS") || a.Header.Get("Content-Type") != "text/plain; charset=utf-8" || !a.Close {
			t.Errorf("%q: %q %v", in, a.Text, a.Header)
		}
		k.Send("more of it")
		k.FIN()
		k.WantEnd()
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
	k.Send("\x16") // the first byte of a ClientHello, no more
	k.Want("400")
	k.WantEnd()
	_, err := loopback.DialTLS(t, s.addr, loopback.Example().Config())
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
		k.Send(in)
		k.FIN()
		k.WantGone()
	}
	until(t, "each is counted", func() bool { return s.Stats().HandshakeErrors == uint64(len(garbage)) })
	k := mustDialTLS(t, addr, loopback.Example().Config())
	k.Send(get("/"))
	k.Want("200 GET /")
}

func TestListenTLSErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s    *Server
		want error
	}{
		{&Server{Handler: mirror}, errNoCertificate},
		{&Server{Handler: mirror, TLS: new(tls.Config)}, errNoCertificate},
		{&Server{TLS: loopback.Example().Config()}, ErrNoHandler},
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
	dir := loopback.TempDir(t)
	c := loopback.Example()
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
	s := &Server{Handler: mirror, TLS: c.Config(), Loops: 1}
	if err := s.InheritTLS(taken); err != nil {
		t.Fatal(err)
	}
	start(t, s, mirror)
	k := mustDialTLS(t, addr, c.Config())
	k.Send(get("/"))
	k.Want("200 GET /")
}

// net/http's client, many at a time, with bodies of many sizes.
func TestTLSWithNetHTTP(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			_, addr := startTLS(t, &Server{Loops: 2}, func(w Response, r Request) { r.Pipe(w) })
			cfg := loopback.Example().Config()
			cfg.MinVersion, cfg.MaxVersion = version, version
			k := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}}
			defer k.CloseIdleConnections()
			var wg sync.WaitGroup
			for g := range 4 {
				wg.Go(func() {
					for _, n := range []int{0, 1, 100, 16383, 16384, 16385, 100_000, 3 << 20} {
						body := string(loopback.Pattern(n + g))
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

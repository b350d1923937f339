// Servers and clients that speak TLS.

package nethttp

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
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
func startTLS(t testing.TB, s *server.Server, h server.Handler) (r *rig, addr net.Addr) {
	t.Helper()
	if s.TLS == nil {
		s.TLS = testCertificate().config()
	}
	s.Handler = h
	if s.Loops == 0 {
		s.Loops = 1
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
func dialTLS(t testing.TB, addr net.Addr, c *tls.Config) (*caller, error) {
	t.Helper()
	k := dial(t, addr)
	tc := tls.Client(k.Conn, c)
	if err := tc.Handshake(); err != nil {
		return nil, err
	}
	return &caller{tc, t, bufio.NewReader(tc)}, nil
}

func mustDialTLS(t testing.TB, addr net.Addr, c *tls.Config) *caller {
	t.Helper()
	k, err := dialTLS(t, addr, c)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

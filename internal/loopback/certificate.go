// Certificates for peers that speak TLS.

package loopback

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"
)

// A Certificate is signed by itself, and trusted by those who have it.
type Certificate struct {
	tls.Certificate
	Pool *x509.CertPool // holds it alone
}

// NewCertificate makes a Certificate for a name and for 127.0.0.1.
func NewCertificate(name string) Certificate {
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
	return Certificate{tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool}
}

// Example returns the one certificate of example.com.
var Example = sync.OnceValue(func() Certificate { return NewCertificate("example.com") })

// Config returns settings for either side.
func (c Certificate) Config() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{c.Certificate}, RootCAs: c.Pool, ClientCAs: c.Pool, ServerName: "example.com"}
}

// DialTLS is Dial, and a handshake.
func DialTLS(t testing.TB, addr net.Addr, config *tls.Config) (*Peer, error) {
	t.Helper()
	c := tls.Client(Dial(t, addr).Conn, config)
	if err := c.Handshake(); err != nil {
		return nil, err
	}
	return New(t, c), nil
}

// MustDialTLS is DialTLS, which ends the test if the handshake fails.
func MustDialTLS(t testing.TB, addr net.Addr, config *tls.Config) *Peer {
	t.Helper()
	k, err := DialTLS(t, addr, config)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

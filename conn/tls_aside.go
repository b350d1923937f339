// Stepping aside: while a handshake runs a function of the program, which may block, others may compute.

package conn

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"io"
	"slices"
)

// stepAside returns a copy of cfg. While one of its functions runs, other handshakes may compute.
func (s *TLS) stepAside(cfg *tls.Config) *tls.Config {
	p := &s.pool
	cfg = cfg.Clone()
	cfg.Certificates = slices.Clone(cfg.Certificates)
	for i := range cfg.Certificates {
		cfg.Certificates[i] = *keyAside(p, &cfg.Certificates[i])
	}
	cfg.GetCertificate = certificateAside(p, cfg.GetCertificate)
	cfg.GetClientCertificate = certificateAside(p, cfg.GetClientCertificate)
	cfg.GetEncryptedClientHelloKeys = aside(p, cfg.GetEncryptedClientHelloKeys)
	if get := aside(p, cfg.GetConfigForClient); get != nil {
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			cfg, err := get(hello)
			if cfg != nil {
				cfg = s.stepAside(cfg)
			}
			return cfg, err
		}
	}
	if verify := cfg.VerifyPeerCertificate; verify != nil {
		cfg.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			defer p.makeWay()()
			return verify(raw, chains)
		}
	}
	if wrap := cfg.WrapSession; wrap != nil {
		cfg.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
			defer p.makeWay()()
			return wrap(cs, ss)
		}
	}
	if unwrap := cfg.UnwrapSession; unwrap != nil {
		cfg.UnwrapSession = func(id []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
			defer p.makeWay()()
			return unwrap(id, cs)
		}
	}
	cfg.VerifyConnection = asideOf(p, cfg.VerifyConnection)
	cfg.EncryptedClientHelloRejectionVerify = asideOf(p, cfg.EncryptedClientHelloRejectionVerify)
	return cfg
}

// aside wraps fn, unless it is nil: while it runs, others may compute.
func aside[A, R any](p *pool, fn func(A) (R, error)) func(A) (R, error) {
	if fn == nil {
		return nil
	}
	return func(a A) (R, error) {
		defer p.makeWay()()
		return fn(a)
	}
}

// asideOf is aside for functions that return only an error.
func asideOf[A any](p *pool, fn func(A) error) func(A) error {
	if fn == nil {
		return nil
	}
	return func(a A) error {
		defer p.makeWay()()
		return fn(a)
	}
}

// certificateAside is aside, for functions that return a certificate.
func certificateAside[A any](p *pool, fn func(A) (*tls.Certificate, error)) func(A) (*tls.Certificate, error) {
	get := aside(p, fn)
	if get == nil {
		return nil
	}
	return func(a A) (*tls.Certificate, error) {
		cert, err := get(a)
		if cert != nil {
			cert = keyAside(p, cert)
		}
		return cert, err
	}
}

// keyAside wraps cert's private key if its type is not one of crypto's: such a key asks another process
// or a device to sign, and meanwhile others may compute.
func keyAside(p *pool, cert *tls.Certificate) *tls.Certificate {
	switch cert.PrivateKey.(type) {
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return cert
	}
	key, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return cert
	}
	other := *cert
	other.PrivateKey = remoteKey{key, p}
	if d, ok := key.(crypto.Decrypter); ok {
		other.PrivateKey = remoteDecrypter{remoteKey{key, p}, d}
	}
	return &other
}

// A remoteKey is a key outside of this process.
type remoteKey struct {
	crypto.Signer
	pool *pool
}

func (k remoteKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	defer k.pool.makeWay()()
	return k.Signer.Sign(rand, digest, opts)
}

// SignMessage signs with a key that hashes by itself, a [crypto.MessageSigner]; for others it hashes msg.
func (k remoteKey) SignMessage(rand io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	defer k.pool.makeWay()()
	return crypto.SignMessage(k.Signer, rand, msg, opts)
}

// A remoteDecrypter can decrypt too, for the RSA key exchange of TLS 1.2.
type remoteDecrypter struct {
	remoteKey
	decrypter crypto.Decrypter
}

func (k remoteDecrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	defer k.pool.makeWay()()
	return k.decrypter.Decrypt(rand, msg, opts)
}

// makeWay lets others compute until the function that it returns is called.
func (p *pool) makeWay() func() {
	p.goAway(1)
	<-computing
	return func() {
		p.goAway(-1)
		computing <- struct{}{}
	}
}

func (p *pool) goAway(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away += n
	p.advance()
}

// HTTPS with other people's clients.

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/program"
)

// A secureSite is a hello that speaks HTTPS, and the certificate that it has.
type secureSite struct {
	*program.Process
	t    *testing.T
	addr string
	url  string
	cert string // the file
	pool *x509.CertPool
}

func startTLS(t *testing.T) *secureSite {
	t.Helper()
	s := &secureSite{t: t, pool: x509.NewCertPool()}
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "hello"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, kind string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	s.cert = file("cert.pem", "CERTIFICATE", der)
	keyFile := file("key.pem", "PRIVATE KEY", keyDER)
	pemBytes, _ := os.ReadFile(s.cert)
	s.pool.AppendCertsFromPEM(pemBytes)
	s.Process = program.Start(t, "-addr", "127.0.0.1:0", "-cert", s.cert, "-key", keyFile)
	s.url, _, _ = strings.Cut(s.Line, "/ ")
	var ok bool
	if s.addr, ok = strings.CutPrefix(s.url, "https://"); !ok {
		t.Fatalf("it printed %q", s.Line)
	}
	return s
}

func TestTLSCurl(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	big := string(pattern(3 << 20))
	for _, c := range []struct {
		name, in string
		args     []string
		want     string
	}{
		{"keep-alive", "", []string{s.url, s.url, "-w", "%{num_connects}"}, "Hello World\n1Hello World\n0"},
		{"TLS 1.2", "", []string{"--tls-max", "1.2", s.url}, "Hello World\n"},
		{"TLS 1.3", "", []string{"--tlsv1.3", s.url}, "Hello World\n"},
		{"http/1.1 is agreed on", "", []string{"--http2", s.url, "-w", "%{http_version}"}, "Hello World\n1.1"},
		{"http/1.0", "", []string{"-0", s.url + "/stream?n=2&ms=1"}, "chunk 1\nchunk 2\n"},
		{"post a file", big, []string{"--data-binary", "@-", "-H", "Expect:", s.url + "/echo"}, big},
		{"chunked echo", big, []string{"-T", "-", s.url + "/echo"}, big},
		{"parallel", "", []string{"-Z", s.url + "/delay?ms=50", s.url + "/delay?ms=50"}, "Hello World\nHello World\n"},
		{"plain text", "", []string{"http://" + s.addr, "-w", "%{http_code}"}, "400 Bad Request: this port speaks HTTPS, and was sent HTTP\n400"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := program.Run(t, strings.NewReader(c.in), "curl", append([]string{"-sS", "--max-time", "60", "--cacert", s.cert}, c.args...)...)
			if got != c.want {
				t.Errorf("%d bytes %.80q, want %d bytes %.80q", len(got), got, len(c.want), c.want)
			}
		})
	}
	// A client that trusts nobody here goes away, which is logged, and nothing else happens.
	s.MayComplain()
	if out, err := exec.Command(program.Tool(t, "curl"), "-sS", s.url).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("certificate")) {
		t.Errorf("%s, %v", out, err)
	}
}

// A dialogue is a program that is talked to, and read as it speaks.
type dialogue struct {
	t   *testing.T
	in  io.WriteCloser
	mu  sync.Mutex
	out bytes.Buffer
	end chan error
}

func (d *dialogue) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

// say waits for what it wants to have been said since the last, and then says.
func (d *dialogue) say(after, what string) {
	d.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		d.mu.Lock()
		_, rest, ok := bytes.Cut(d.out.Bytes(), []byte(after))
		if ok {
			d.out.Next(d.out.Len() - len(rest))
			d.mu.Unlock()
			break
		}
		so := d.out.String()
		d.mu.Unlock()
		if time.Now().After(end) {
			d.t.Fatalf("no %q in %q", after, so)
		}
	}
	io.WriteString(d.in, what)
}

func (s *secureSite) openssl(t *testing.T, args ...string) *dialogue {
	t.Helper()
	d := &dialogue{t: t, end: make(chan error, 1)}
	cmd := exec.Command(program.Tool(t, "openssl"), append([]string{"s_client", "-connect", s.addr, "-CAfile", s.cert, "-verify_return_error"}, args...)...)
	cmd.Stdout, cmd.Stderr = d, d
	var err error
	if d.in, err = cmd.StdinPipe(); err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	go func() { d.end <- cmd.Wait(); stop.Stop() }()
	return d
}

// get is a request that s_client sends, whole, for no line of it begins as a
// command.
const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

func TestTLSOpenSSL(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	for _, version := range []string{"1_2", "1_3"} {
		name := "TLSv" + strings.Replace(version, "_", ".", 1)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session := filepath.Join(t.TempDir(), "session")
			d := s.openssl(t, "-tls"+version, "-sess_out", session)
			d.say("New, "+name, "")
			d.say("Verify return code: 0", get)
			d.say("Hello World\n", get)
			d.say("Hello World\n", "Q\n")
			if err := <-d.end; err != nil {
				t.Error(err)
			}
			d = s.openssl(t, "-tls"+version, "-sess_in", session)
			d.say("Reused, "+name, get)
			// The server closes, and says so: s_client then ends as if told to.
			d.say("Hello World\n", "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
			d.say("Hello World\n", "")
			d.say("closed\n", "")
			if err := <-d.end; err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("key update", func(t *testing.T) {
		t.Parallel()
		d := s.openssl(t, "-tls1_3")
		d.say("Verify return code: 0", get)
		d.say("Hello World\n", "k\n") // of its own key
		d.say("KEYUPDATE", get)
		d.say("Hello World\n", "K\n") // of both
		d.say("KEYUPDATE", get)
		for range 5 {
			d.say("Hello World\n", "K\n")
			d.say("KEYUPDATE", get)
		}
		d.say("Hello World\n", "Q\n")
		if err := <-d.end; err != nil {
			t.Error(err)
		}
	})
	t.Run("renegotiation", func(t *testing.T) {
		t.Parallel()
		d := s.openssl(t, "-tls1_2")
		d.say("Verify return code: 0", get)
		d.say("Hello World\n", "R\n") // is refused, and the connection with it
		d.say("RENEGOTIATING", "")
		if err := <-d.end; err == nil {
			t.Error("no error")
		}
	})
}

const nodeTLS = `
const https = require('https'), fs = require('fs');
const [base, ca] = process.argv.slice(1);
const agent = new https.Agent({keepAlive: true, maxSockets: 2, ca: fs.readFileSync(ca)});
const sockets = new Set();
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const q = https.request(base + path, {method, agent}, r => {
      const parts = [], protocol = r.socket.getProtocol();
      r.on('data', p => parts.push(p));
      r.on('end', () => resolve({status: r.statusCode, body: Buffer.concat(parts), protocol}));
      r.on('error', reject);
    });
    q.on('socket', s => sockets.add(s));
    q.on('error', reject);
    if (body) for (const b of body) q.write(b);
    q.end();
  });
}
(async () => {
  const out = {ok: 0};
  for (let i = 0; i < 50; i++) if ((await ask('GET', '/')).body.toString() === 'Hello World\n') out.ok++;
  const pieces = Array.from({length: 50}, (_, i) => Buffer.alloc(20000, i));
  const echo = await ask('POST', '/echo', pieces);
  out.echo = echo.body.equals(Buffer.concat(pieces));
  out.protocol = echo.protocol;
  out.stream = (await ask('GET', '/stream?n=3&ms=5')).body.toString();
  out.sockets = sockets.size;
  console.log(JSON.stringify(out));
  agent.destroy();
})().catch(e => { console.error(e); process.exit(1); });
`

func TestTLSNode(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	var got struct {
		Ok, Sockets      int
		Echo             bool
		Stream, Protocol string
	}
	out := program.Run(t, nil, "node", "-e", nodeTLS, s.url, s.cert)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Ok != 50 || !got.Echo || got.Stream != "chunk 1\nchunk 2\nchunk 3\n" || got.Sockets > 2 || got.Protocol != "TLSv1.3" {
		t.Errorf("%+v", got)
	}
}

// Go's client, which resumes sessions too.
func TestTLSGo(t *testing.T) {
	t.Parallel()
	s := startTLS(t)
	cfg := &tls.Config{RootCAs: s.pool, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
	for i := range 3 {
		r, err := client.Get(s.url)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(b) != "Hello World\n" || r.TLS.DidResume != (i > 0) {
			t.Errorf("%q, %v, resumed: %v", b, err, r.TLS.DidResume)
		}
	}
}

func TestTLSFlags(t *testing.T) {
	for _, args := range [][]string{{"-cert", "/no/such/file", "-key", "/no/such/file"}, {"-cert", "/dev/null"}} {
		if out, err := program.Command(append(args, "-addr", "127.0.0.1:0")...).CombinedOutput(); err == nil || !bytes.HasPrefix(out, []byte("hello: ")) {
			t.Errorf("%v: %s, %v", args, out, err)
		}
	}
}

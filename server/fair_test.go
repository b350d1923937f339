// Fairness: how long others wait beside clients that ask for much, or do not read,
// or never finish. The server is a process of its own. It runs in a small version
// always, where others have to be answered at all, and in full, with bounds, by
//
//	make show

package server_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/internal/program"
	"github.com/lurcher-net/lurcher/server"
)

const ( // in the environment of the process that serves
	fairServer = "LURCHER_FAIR_SERVER"
	fairMemory = "LURCHER_FAIR_MEMORY" // its MaxMemory
)

// TestFairServer is the server that TestShowFair starts.
func TestFairServer(t *testing.T) {
	if os.Getenv(fairServer) == "" {
		return // it is nothing by itself
	}
	var hub server.Hub
	srv := &server.Server{Loops: 1, MaxConns: -1, MaxHandshakes: 8192}
	srv.MaxMemory, _ = strconv.ParseInt(os.Getenv(fairMemory), 10, 64)
	srv.Handler = func(w server.Response, r server.Request) {
		switch string(r.Path()) {
		case "/never":
		case "/collect":
			r.Body(1<<30, func([]byte) { w.End("collected\n") })
		case "/held":
			st := srv.Stats()
			w.End(fmt.Sprintln(st.Held, st.Limits.MaxMemory))
		case "/dear":
			for began := time.Now(); time.Since(began) < 300*time.Microsecond; {
			}
			w.End("dear\n")
		case "/endless":
			endless(w, bytes.Repeat([]byte("."), 4096))
		case "/join":
			w.WriteString("joined\n")
			hub.Add(w)
		case "/say":
			hub.Send(bytes.Repeat([]byte("!"), 128))
			w.End("said\n")
		case "/shout":
			hub.Send(bytes.Repeat([]byte("!"), 32<<10))
			w.End("shouted\n")
		default:
			w.End("Hello World\n")
		}
	}
	plain, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t)}}
	secure, err := srv.ListenTLS("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("serving %v %v\n", plain, secure)
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the test ends
		srv.Close()
	}()
	if err := srv.Serve(); err != nil {
		t.Fatal(err)
	}
}

func endless(w server.Response, p []byte) {
	for !w.Full() {
		if _, err := w.Write(p); err != nil {
			return
		}
	}
	w.OnDrain(func() { endless(w, p) })
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// A fair rig is the server's process, and who attacks it.
type fairRig struct {
	*testing.T
	plain, secure string
	pid           int
	full          bool
	over          atomic.Bool
}

// mostWait is how long one of the others may wait while thousands of clients arrive at once.
const mostWait = time.Second

func TestShowFair(t *testing.T) {
	for name, c := range map[string]struct {
		attack func(r *fairRig)
		probe  func(r *fairRig, n int) []time.Duration
		bound  time.Duration // of the 99th percentile
	}{
		"one client pipelines to a handler of 300 µs":   {(*fairRig).pipeline, (*fairRig).probeBoth, 20 * time.Millisecond},
		"clients of an endless answer do not read":      {(*fairRig).unread, (*fairRig).probeBoth, 20 * time.Millisecond},
		"a Hub sends to thousands":                      {(*fairRig).crowd, (*fairRig).probeBoth, 20 * time.Millisecond},
		"handshakes drip a byte a second":               {(*fairRig).drip, (*fairRig).probeTLS, mostWait},
		"clients that come and go, a request each time": {(*fairRig).churn, (*fairRig).probeBoth, 20 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			r := startFair(t, 0)
			defer r.over.Store(true)
			c.attack(r)
			n := 20
			if r.full {
				n = 200
			}
			took := c.probe(r, n)
			slices.Sort(took)
			p99, longest := took[len(took)*99/100], took[len(took)-1]
			t.Logf("p50 %v, p99 %v, max %v of %d", took[len(took)/2], p99, longest, len(took))
			if r.full && (p99 > c.bound || longest > mostWait) {
				load, _ := os.ReadFile("/proc/loadavg")
				t.Errorf("want p99 within %v, and all within %v; the load is %s", c.bound, mostWait, load)
			}
		})
	}
}

func startFair(t *testing.T, memory int) *fairRig {
	t.Helper()
	r := &fairRig{T: t, full: program.Show(t)}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFairServer$", "-test.v")
	cmd.Env = append(os.Environ(), fairServer+"=1", fmt.Sprint(fairMemory, "=", memory))
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil || err1 != nil || err2 != nil {
		t.Fatal(err, err1, err2)
	}
	t.Cleanup(func() {
		in.Close()
		io.Copy(io.Discard, out)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	r.pid = cmd.Process.Pid
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, _ := fmt.Sscanf(lines.Text(), "serving %s %s", &r.plain, &r.secure); n == 2 {
			return r
		}
	}
	t.Fatal("the server did not start")
	return nil
}

// many returns how many clients there are of those that are meant to be n.
func (r *fairRig) many(n int) int {
	if r.full {
		return n
	}
	return n / 50
}

// dial opens a connection that lasts as long as the test.
func (r *fairRig) dial(addr string) net.Conn {
	r.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { c.Close() })
	return c
}

func (r *fairRig) ask(c net.Conn, path string) {
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
}

func (r *fairRig) pipeline() {
	c := r.dial(r.plain)
	batch := strings.Repeat("GET /dear HTTP/1.1\r\nHost: a\r\n\r\n", 500)
	go func() {
		for !r.over.Load() {
			if _, err := io.WriteString(c, batch); err != nil {
				return
			}
		}
	}()
	go io.Copy(io.Discard, c)
}

func (r *fairRig) unread() {
	for range r.many(4000) {
		r.ask(r.dial(r.plain), "/endless")
	}
}

// crowd has all members there before the first message, and reads what they get.
func (r *fairRig) crowd() {
	for range r.many(5000) {
		c := r.dial(r.plain)
		r.ask(c, "/join")
		b := bufio.NewReader(c)
		for line := ""; line != "joined\n"; {
			var err error
			if line, err = b.ReadString('\n'); err != nil {
				r.Fatal(err)
			}
		}
		go io.Copy(io.Discard, b)
	}
	c := r.dial(r.plain)
	go io.Copy(io.Discard, c)
	go func() {
		for !r.over.Load() {
			r.ask(c, "/say")
			time.Sleep(200 * time.Millisecond) // the rate of the messages, not a wait
		}
	}()
}

// drip begins handshakes: a record of a ClientHello that comes by the byte.
func (r *fairRig) drip() {
	hello := append([]byte{22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3}, make([]byte, 501)...)
	var all []net.Conn
	for range r.many(6000) {
		c := r.dial(r.secure)
		c.Write(hello[:11])
		all = append(all, c)
	}
	go func() {
		for i := 11; i < len(hello) && !r.over.Load(); i++ {
			for _, c := range all {
				c.Write(hello[i : i+1]) // those that were ended are not missed
			}
			time.Sleep(time.Second) // the rate of the attack, not a wait
		}
	}()
}

func (r *fairRig) churn() {
	for range 8 {
		go func() {
			for !r.over.Load() {
				c, err := net.Dial("tcp", r.plain)
				if err != nil {
					return
				}
				io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
				io.Copy(io.Discard, c)
				c.Close()
			}
		}()
	}
}

// probeBoth asks each 50 ms, in turn over a connection that is kept and over a new one.
func (r *fairRig) probeBoth(n int) (took []time.Duration) {
	kept := &http.Client{Transport: &http.Transport{}, Timeout: loopback.Patience}
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: loopback.Patience}
	defer kept.CloseIdleConnections()
	for i := range n {
		client := kept
		if i%2 == 1 {
			client = fresh
		}
		began := time.Now()
		resp, err := client.Get("http://" + r.plain + "/")
		if err != nil {
			r.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "Hello World\n" {
			r.Fatalf("%q, %v", body, err)
		}
		took = append(took, time.Since(began))
		time.Sleep(50 * time.Millisecond) // the rate of the probe, not a wait
	}
	return took
}

// probeTLS shakes hands anew each 50 ms.
func (r *fairRig) probeTLS(n int) (took []time.Duration) {
	for range n {
		began := time.Now()
		d := &net.Dialer{Timeout: loopback.Patience}
		c, err := tls.DialWithDialer(d, "tcp", r.secure, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			r.Fatal(err)
		}
		took = append(took, time.Since(began))
		c.Close()
		time.Sleep(50 * time.Millisecond) // the rate of the probe, not a wait
	}
	return took
}

// Attacks: what clients do that are hostile, or only heavy.

package load

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// attacks are what the connections of a job of the kind "attack" do, by Job.Attack. One that is over, or failed,
// is followed by the next.
var attacks = map[string]func(*attacker, net.Conn) error{
	"ask":        (*attacker).ask,
	"pipeline":   (*attacker).pipeline,
	"ignore":     (*attacker).ignore,
	"swallow":    (*attacker).swallow,
	"visit":      (*attacker).visit,
	"upload":     (*attacker).upload,
	"crumbs":     (*attacker).crumbs,
	"drip":       (*attacker).drip,
	"handshake":  (*attacker).handshake,
	"handshakes": (*attacker).handshakes,
}

// An attacker is one client.
type attacker struct {
	job     Job
	first   bool // the first of all, who may have something of its own to do
	request []byte
}

// attack does a job of the kind "attack". The result says that all clients had their first connection; they go
// on until standard input ends.
func attack(job Job) error {
	life := attacks[job.Attack]
	if life == nil {
		return fmt.Errorf("load: no attack %q", job.Attack)
	}
	var begun sync.WaitGroup
	var failed atomic.Int64
	slots := make(chan struct{}, opening)
	for n := range job.Conns {
		begun.Add(1)
		go func() {
			a := &attacker{job: job, first: n == 0, request: fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", job.Path, job.Addr)}
			for round := 0; ; round++ {
				slots <- struct{}{}
				c, err := a.dial()
				<-slots
				if round == 0 {
					begun.Done()
				}
				if err == nil {
					err = life(a, c)
					c.Close()
				}
				if err != nil {
					failed.Add(1)
					time.Sleep(100 * time.Millisecond)
				}
			}
		}()
	}
	begun.Wait()
	r := Result{Requests: job.Conns, All: job.Conns, Open: job.Conns, Elapsed: time.Nanosecond, Lost: int(failed.Load()), Generator: "own"}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// dial connects. Who means not to read has as little room for what comes as the system allows.
func (a *attacker) dial() (net.Conn, error) {
	d := net.Dialer{Timeout: patience}
	if a.job.Attack == "ignore" {
		d.Control = func(_, _ string, c syscall.RawConn) error {
			return c.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		}
	}
	return d.Dial("tcp", a.job.Addr)
}

// ask asks again whenever it has the answer.
func (a *attacker) ask(c net.Conn) error {
	for in := bufio.NewReader(c); ; {
		if _, err := c.Write(a.request); err != nil {
			return err
		}
		if err := drop(in); err != nil {
			return err
		}
	}
}

// drop reads one answer.
func drop(in *bufio.Reader) error {
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// pipeline writes as many requests as the server takes.
func (a *attacker) pipeline(c net.Conn) error {
	go io.Copy(io.Discard, c)
	for batch := bytes.Repeat(a.request, 64); ; {
		if _, err := c.Write(batch); err != nil {
			return err
		}
	}
}

// ignore does not read the answer. With job.Say the first client asks for that over and over: it is what has the server
// send to all others.
func (a *attacker) ignore(c net.Conn) error {
	if a.job.Say != "" && a.first {
		a.request = fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", a.job.Say, a.job.Addr)
		return a.ask(c)
	}
	if _, err := c.Write(a.request); err != nil {
		return err
	}
	select {}
}

// swallow reads an answer that does not end, as fast as it comes.
func (a *attacker) swallow(c net.Conn) error {
	if _, err := c.Write(a.request); err != nil {
		return err
	}
	buf := make([]byte, 256<<10)
	for {
		if _, err := c.Read(buf); err != nil {
			return err
		}
	}
}

// visit is one request, and a reset: ports that wait in TIME_WAIT would run out.
func (a *attacker) visit(c net.Conn) error {
	if _, err := c.Write(a.request); err != nil {
		return err
	}
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		return err
	}
	return c.(*net.TCPConn).SetLinger(0)
}

// upload sends bodies of job.Body, one behind the other.
func (a *attacker) upload(c net.Conn) error {
	for in := bufio.NewReader(c); ; {
		if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", a.job.Path, a.job.Addr, a.job.Body); err != nil {
			return err
		}
		for left := a.job.Body; left > 0; left -= len(dots) {
			if _, err := c.Write(dots[:min(left, len(dots))]); err != nil {
				return err
			}
		}
		if err := drop(in); err != nil {
			return err
		}
	}
}

// crumbs sends a body in chunks of one byte.
func (a *attacker) crumbs(c net.Conn) error {
	go io.Copy(io.Discard, c)
	if _, err := fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n", a.job.Path, a.job.Addr); err != nil {
		return err
	}
	for chunks := bytes.Repeat([]byte("1\r\nx\r\n"), 10_000); ; {
		if _, err := c.Write(chunks); err != nil {
			return err
		}
	}
}

// drip sends a head of which there is one more byte each second.
func (a *attacker) drip(c net.Conn) error {
	head := bytes.TrimSuffix(a.request, []byte("\r\n"))
	if _, err := c.Write(head[:1]); err != nil {
		return err
	}
	return trickle(c, append(head[1:], bytes.Repeat([]byte("X-Slow: y\r\n"), 1000)...))
}

// trickle sends a byte a second, clients not all at the same time, until the server has had enough.
func trickle(c net.Conn, p []byte) error {
	time.Sleep(rand.N(time.Second))
	for i := range p {
		if _, err := c.Write(p[i : i+1]); err != nil {
			return err
		}
		time.Sleep(time.Second)
	}
	return nil
}

// handshake begins a handshake of TLS, and has one more byte for it each second.
func (a *attacker) handshake(c net.Conn) error {
	if _, err := c.Write(clientHello()); err != nil {
		return err
	}
	return trickle(c, append([]byte{22, 3, 3, 64, 0}, make([]byte, 1000)...)) // one record, long to come
}

// handshakes makes one, and resets the connection.
func (a *attacker) handshakes(c net.Conn) error {
	s := tls.Client(c, peer.ClientTLS())
	if err := s.Handshake(); err != nil {
		return err
	}
	return c.(*net.TCPConn).SetLinger(0)
}

// clientHello is what a client of TLS sends first.
var clientHello = sync.OnceValue(func() []byte {
	ours, theirs := net.Pipe()
	go tls.Client(ours, peer.ClientTLS()).Handshake()
	p := make([]byte, 16<<10)
	n, _ := theirs.Read(p) // crypto/tls writes the record at once
	theirs.Close()
	return p[:n]
})

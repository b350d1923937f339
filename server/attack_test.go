// Memory under attack: thousands of clients that make the server hold as much as they
// can. In a small version always, where the server's account has to stay under
// MaxMemory and others to be served; in full, where the process is measured too, by
//
//	make show

//go:build unix

package server_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/internal/program"
)

// fullMemory is MaxMemory in the full version.
const fullMemory = 128 << 20

func TestShowMemory(t *testing.T) {
	for name, attack := range map[string]func(r *fairRig){
		"9000 connections pipeline 82 KB each":              (*fairRig).hoard,
		"4000 clients of an endless answer do not read":     (*fairRig).unread,
		"a Hub sends to 5000 members that do not read":      (*fairRig).deafen,
		"6000 TLS handshakes bring 62 KB and no end":        (*fairRig).halfHandshakes,
		"4000 bodies of nearly 1 MiB are collected":         (*fairRig).collect,
		"10,000 TLS clients begin a record of 16 KiB":       (*fairRig).halfRecords,
		"1000 clients pipeline while answers are not taken": (*fairRig).hoardAnswers,
	} {
		t.Run(name, func(t *testing.T) {
			most := fullMemory
			if !program.Show(t) {
				most /= 50
			}
			r := startFair(t, most)
			defer r.over.Store(true)
			before := r.resident("VmRSS")
			attack(r)
			var held, shed int64
			n := 10
			if r.full {
				n = 200
			}
			end := time.Now().Add(2 * loopback.Patience)
			for i := 0; i < n || shed == 0; i++ {
				if time.Now().After(end) {
					t.Fatalf("nobody is reset, %d bytes are held", held)
				}
				fmt.Sscan(r.fetch("/held"), &held, &shed)
				if held > 2*int64(most) { // those that are reset are closed in the next turns
					t.Errorf("%d bytes are held, %d are the most", held, most)
				}
				time.Sleep(20 * time.Millisecond) // the rate of the probe, not a wait
			}
			peak := r.resident("VmHWM")
			t.Logf("MaxMemory is %d KB; %d KB are held, %d clients were reset; the process took %d KB before and %d KB at most",
				most>>10, held>>10, shed, before, peak)
			// The collector lets the heap grow to double, and runs for a while before it is done;
			// goroutines and the connections themselves come on top.
			if bound := before + 3*int64(most>>10); r.full && peak > bound {
				t.Errorf("want at most %d KB", bound)
			}
		})
	}
}

// resident returns a value of the server's status, in KB.
func (r *fairRig) resident(name string) (n int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	if err != nil {
		return 0 // no Linux
	}
	if _, rest, ok := strings.Cut(string(status), name+":"); ok {
		fmt.Sscan(rest, &n)
	}
	return n
}

// fetch asks over a new connection.
func (r *fairRig) fetch(path string) string {
	r.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: loopback.Patience}
	resp, err := client.Get("http://" + r.plain + path)
	if err != nil {
		r.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.Fatal(err)
	}
	return string(body)
}

// swarm has n clients connect, 8 at a time, and do something.
func (r *fairRig) swarm(n int, addr string, do func(c net.Conn)) {
	r.Helper()
	var limit syscall.Rlimit // Go has raised it to the hard limit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		r.Fatal(err)
	}
	many := r.many(n)
	if room := int(min(limit.Cur, 1<<30)) - 200; many > room {
		r.Logf("%d connections instead of %d: ulimit -Hn is %d", room, many, limit.Max)
		many = room
	}
	var conns []net.Conn
	for range many {
		conns = append(conns, r.dial(addr))
	}
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for ; i < many; i += 8 {
				conns[i].SetDeadline(time.Now().Add(20 * time.Second))
				do(conns[i]) // which may have been reset
			}
		})
	}
	all.Wait()
}

// put writes as much of p as the server takes at once.
func put(c net.Conn, p []byte) {
	c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond))
	c.Write(p)
}

func (r *fairRig) hoard() {
	p := []byte("GET /never HTTP/1.1\r\nHost: a\r\n\r\n" + strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 82<<10/27))
	r.swarm(9000, r.plain, func(c net.Conn) { put(c, p) })
}

func (r *fairRig) hoardAnswers() {
	p := []byte(strings.Repeat("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n", 82<<10/35))
	r.swarm(1000, r.plain, func(c net.Conn) { put(c, p) })
}

func (r *fairRig) deafen() {
	r.swarm(5000, r.plain, func(c net.Conn) { r.ask(c, "/join") })
	go func() {
		for !r.over.Load() {
			c, err := net.Dial("tcp", r.plain)
			if err != nil {
				return
			}
			r.ask(c, "/shout")
			c.Read(make([]byte, 1))
			c.Close()
		}
	}()
}

func (r *fairRig) collect() {
	const size = 1<<20 - 1
	head := fmt.Sprintf("POST /collect HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", size)
	p := append([]byte(head), bytes.Repeat([]byte("b"), size-1)...)
	r.swarm(4000, r.plain, func(c net.Conn) { c.Write(p) })
}

// halfHandshakes begins with a ClientHello of nearly as many bytes as crypto/tls takes, in
// records of 15,500 bytes.
func (r *fairRig) halfHandshakes() {
	var p []byte
	for i := range 4 {
		record := append([]byte{22, 3, 1, 15500 >> 8, 15500 & 255}, make([]byte, 15500)...)
		if i == 0 {
			copy(record[5:], []byte{1, 0, 0xff, 0xf0, 3, 3})
		}
		p = append(p, record...)
	}
	r.swarm(6000, r.secure, func(c net.Conn) { c.Write(p) })
}

func (r *fairRig) halfRecords() {
	begin := []byte{23, 3, 3, 0x40, 0x11, 0}
	r.swarm(10_000, r.secure, func(c net.Conn) {
		if k := tls.Client(c, &tls.Config{InsecureSkipVerify: true}); k.Handshake() == nil {
			c.Write(begin)
		}
	})
}

// A listener that is out of descriptors.

//go:build unix

package conn_test

import (
	"context"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// Out of descriptors: the listener does not spin, and who waits is served once
// there are some. In a process of its own, because the limit hurts everybody.
func TestOutOfDescriptors(t *testing.T) {
	for _, name := range poller.Names() {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptorsChild$", "-test.v")
			cmd.Env = append(os.Environ(), "CONN_EMFILE="+name)
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "--- PASS") {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

// set is for a field whose type differs from system to system.
func set[T int64 | uint64](p *T, n int) { *p = T(n) }

func TestOutOfDescriptorsChild(t *testing.T) {
	name := os.Getenv("CONN_EMFILE")
	if name == "" {
		t.Skip("this is TestOutOfDescriptors' child")
	}
	log := &logbook{}
	l := newLoop(t, name)
	l.Log = slog.New(slog.NewTextHandler(log, nil))
	var conns []*conn.Conn
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) { conns = append(conns, c); c.WriteString("x") }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	do := func(fn func()) { c := make(chan bool); l.Post(func() { fn(); close(c) }); <-c }

	const n = 12
	var clients []net.Conn
	dial := func() net.Conn {
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(patience))
		return nc
	}
	// Sockets for the clients first, since they are of the same process: hold
	// the loop, connect, lower the limit so that there are 3 to accept with.
	hold, held := make(chan bool), make(chan bool)
	l.Post(func() { close(held); <-hold })
	<-held
	for range n {
		clients = append(clients, dial())
	}
	lift := limitDescriptors(t, 3)
	close(hold)
	for _, c := range clients[:3] {
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(patience); l.Stats().AcceptErrors == 0 && time.Now().Before(end); {
		do(func() {}) // until it has noticed
	}
	before, began := l.Stats(), time.Now()
	time.Sleep(300 * time.Millisecond)
	after := l.Stats()
	if n, d := after.Turns-before.Turns, time.Since(began); float64(n) > 10+d.Seconds()*100 {
		t.Errorf("%d turns in %v: it spins", n, d)
	}
	if after.AcceptErrors == 0 || after.Accepted != 3 {
		t.Errorf("%+v", after)
	}
	if c := strings.Count(log.String(), "accept failed"); c != 1 {
		t.Errorf("%d words in the log:\n%s", c, log)
	}
	// A connection that closes makes room for the next client, at once.
	for i := 3; i < n; i++ {
		do(func() { conns[i-3].Close() })
		if _, err := clients[i].Read(make([]byte, 1)); err != nil {
			t.Fatalf("client %d was not served: %v", i, err)
		}
	}
	if c := strings.Count(log.String(), "accept failed"); c != 1 {
		t.Errorf("%d words in the log:\n%s", c, log)
	}
	// And without one: the limit is lifted, and the listener comes back by itself.
	last := make(chan net.Conn)
	lift()
	go func() { last <- dial() }()
	if _, err := (<-last).Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
}

// limitDescriptors leaves n to the process, until lift is called.
func limitDescriptors(t *testing.T, n int) (lift func()) {
	var old syscall.Rlimit
	syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old)
	next, err := syscall.Dup(0) // the lowest that is free
	if err != nil {
		t.Fatal(err)
	}
	syscall.Close(next)
	low := old
	set(&low.Cur, next+n)
	syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low)
	return func() { syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old) }
}

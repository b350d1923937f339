// Benchmarks of what is done for each message. Compare ratios, interleaved: the
// peers of BenchmarkEcho are blocking sockets on another thread, and the
// kernel's loopback is most of what it measures.
//
// The system calls of the loop, one read and one write for each message, can be
// counted with
//
//	go test -c ./conn && strace -f -c -e trace=read,write,writev,epoll_pwait,epoll_ctl ./conn.test -test.run '^$' -test.bench Echo/unix -test.benchtime 10000x

package conn_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// onLoop runs fn on a loop of its own.
func onLoop(b *testing.B, fn func(l *conn.Loop)) {
	l := newLoop(b, "epoll")
	ctx, cancel := context.WithCancel(context.Background())
	l.Ref()
	l.Post(func() {
		defer cancel()
		fn(l)
	})
	l.Run(ctx)
}

func BenchmarkEcho(b *testing.B) {
	for _, network := range networks {
		for name, h := range map[string]*conn.Handler{
			"Data": {Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }},
			"Pipe": {Open: func(c *conn.Conn) { c.Pipe(c) }},
		} {
			b.Run(network+"/"+name, func(b *testing.B) {
				l := newLoop(b, "epoll")
				addr := "127.0.0.1:0"
				if network == "unix" {
					addr = "@conn-bench-" + name
				}
				ln, err := l.Listen(network, addr, h)
				if err != nil {
					b.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				done := make(chan error)
				go func() { done <- l.Run(ctx) }()
				nc, err := net.Dial(network, ln.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				msg := make([]byte, 64)
				b.ReportAllocs()
				b.SetBytes(64)
				for b.Loop() {
					nc.Write(msg)
					if _, err := io.ReadFull(nc, msg); err != nil {
						b.Fatal(err)
					}
				}
				cancel()
				<-done
			})
		}
	}
}

// BenchmarkLarge is what an answer of 64 KiB costs from memory, which the kernel copies,
// from a file that is opened for each, and from one that stays open.
func BenchmarkLarge(b *testing.B) {
	const size = 64 << 10
	name := filepath.Join(b.TempDir(), "large")
	body := make([]byte, size)
	if err := os.WriteFile(name, body, 0o600); err != nil {
		b.Fatal(err)
	}
	open := func() *os.File {
		f, err := os.Open(name)
		if err != nil {
			b.Error(err)
		}
		return f
	}
	shared := conn.NewFile(open())
	defer shared.Close()
	for _, way := range []struct {
		name string
		send func(c *conn.Conn)
	}{
		{"Write", func(c *conn.Conn) { c.Write(body) }},
		{"SendFile", func(c *conn.Conn) { c.SendFile(open(), 0, size) }},
		{"SendShared", func(c *conn.Conn) { c.SendShared(shared, 0, size) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			l := newLoop(b, "epoll")
			ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{Data: func(c *conn.Conn, p []byte) int { way.send(c); return len(p) }})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- l.Run(ctx) }()
			nc, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			in := make([]byte, size)
			b.ReportAllocs()
			b.SetBytes(size)
			for b.Loop() {
				nc.Write(in[:1])
				if _, err := io.ReadFull(nc, in); err != nil {
					b.Fatal(err)
				}
			}
			cancel()
			<-done
		})
	}
}

// BenchmarkSetTimeout is the store that a timeout is.
func BenchmarkSetTimeout(b *testing.B) {
	onLoop(b, func(l *conn.Loop) {
		c, err := l.Dial("unix", "/nonexistent", nil) // begun when this has returned
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			c.SetTimeout(30 * time.Second)
		}
	})
}

// BenchmarkTimerReset is the price of exact timers, many of which are running.
func BenchmarkTimerReset(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			onLoop(b, func(l *conn.Loop) {
				timers := make([]*conn.Timer, n)
				for i := range timers {
					timers[i] = l.After(time.Hour+time.Duration(i)*time.Millisecond, func() {})
				}
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					timers[i].Reset(time.Hour)
					if i += 7919; i >= n { // in no order of memory
						i -= n
					}
				}
			})
		})
	}
}

// BenchmarkAfter is a timer that is made, and stopped.
func BenchmarkAfter(b *testing.B) {
	onLoop(b, func(l *conn.Loop) {
		fn := func() {}
		b.ReportAllocs()
		for b.Loop() {
			l.After(time.Second, fn).Stop()
		}
	})
}

// BenchmarkPost is Post from another goroutine to a loop that is awake or not.
func BenchmarkPost(b *testing.B) {
	l := newLoop(b, "epoll")
	l.Ref()
	done := make(chan error)
	go func() { done <- l.Run(context.Background()) }()
	fn := func() {}
	b.ReportAllocs()
	for b.Loop() {
		l.Post(fn)
	}
	l.Post(l.Unref)
	<-done
}

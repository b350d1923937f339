package conn

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
	"unsafe"

	"github.com/lurcher-net/lurcher/poller"
)

func TestSize(t *testing.T) {
	t.Logf("Conn is %d bytes, slot %d, Timer %d", unsafe.Sizeof(Conn{}), unsafe.Sizeof(slot{}), unsafe.Sizeof(Timer{}))
}

func TestEchoSmoke(t *testing.T) {
	for _, name := range poller.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := poller.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			l, err := NewLoop(p)
			if err != nil {
				t.Fatal(err)
			}
			ln, err := l.Listen("tcp", "127.0.0.1:0", &Handler{Open: func(c *Conn) { c.WriteString("hi\n"); c.Pipe(c) }})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error)
			go func() { done <- l.Run(ctx) }()
			nc, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			msg := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
			go func() { nc.Write(msg); nc.(*net.TCPConn).CloseWrite() }()
			got, err := io.ReadAll(nc)
			if err != nil || !bytes.Equal(got, append([]byte("hi\n"), msg...)) {
				t.Fatal(len(got), err)
			}
			start := time.Now()
			l.Post(func() {
				l.After(20*time.Millisecond, func() { t.Log(time.Since(start)); cancel() })
			})
			if err := <-done; err != context.Canceled {
				t.Fatal(err)
			}
		})
	}
}

package conn_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// What it takes to dial, connect and close: an address that is there, and a name whose first address is dead.
func BenchmarkDial(b *testing.B) {
	ln, err := net.Listen("tcp4", "127.9.9.2:0")
	if err != nil {
		b.Skip(err)
	}
	defer ln.Close()
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			nc.Close()
		}
	}()
	port := ln.Addr().(*net.TCPAddr).Port
	for _, k := range []struct{ name, addr string }{
		{"address", ln.Addr().String()},
		{"name", fmt.Sprintf("good.test:%d", port)},
		{"dead first address", fmt.Sprintf("dead.test:%d", port)},
	} {
		b.Run(k.name, func(b *testing.B) {
			ips := addrs("127.9.9.2")
			if k.name == "dead first address" {
				blackHole(b, "127.9.9.1", port)
				ips = addrs("127.9.9.1", "127.9.9.2")
			}
			d := &conn.Dialer{Resolver: &hosts{ips: ips}}
			l := newLoop(b, "epoll")
			ctx, cancel := context.WithCancel(context.Background())
			left := b.N
			var h conn.Handler
			h.Open = func(c *conn.Conn) { c.Abort() }
			h.Close = func(*conn.Conn, error) {
				if left--; left == 0 {
					cancel()
					return
				}
				d.Dial(l, "tcp", k.addr, &h)
			}
			d.Dial(l, "tcp", k.addr, &h)
			b.ReportAllocs()
			b.ResetTimer()
			l.Run(ctx)
		})
	}
}

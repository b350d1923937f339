// What TLS costs on a loop, beside a goroutine of package net that blocks.

package conn_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// tlsEcho runs an echo server, on a loop or on goroutines, and returns its address.
func tlsEcho(b *testing.B, onLoop bool) string {
	b.Helper()
	if !onLoop {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", certified())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { ln.Close() })
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				go func() {
					defer nc.Close()
					buf := make([]byte, 16<<10)
					for {
						n, err := nc.Read(buf)
						if err != nil {
							return
						}
						nc.Write(buf[:n])
					}
				}()
			}
		}()
		return ln.Addr().String()
	}
	l := newLoop(b, "epoll")
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{TLS: &conn.TLS{Config: certified()}, Open: func(c *conn.Conn) { c.Pipe(c) }})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- l.Run(ctx) }()
	b.Cleanup(func() { cancel(); <-done })
	return ln.Addr().String()
}

func eachTLSEcho(b *testing.B, fn func(b *testing.B, addr string)) {
	for _, onLoop := range []bool{true, false} {
		b.Run(map[bool]string{true: "loop", false: "net"}[onLoop], func(b *testing.B) { fn(b, tlsEcho(b, onLoop)) })
	}
}

func BenchmarkTLSEcho(b *testing.B) {
	for _, n := range []int{64, 16 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			eachTLSEcho(b, func(b *testing.B, addr string) {
				nc, err := tls.Dial("tcp", addr, certified())
				if err != nil {
					b.Fatal(err)
				}
				defer nc.Close()
				msg := make([]byte, n)
				b.ReportAllocs()
				b.SetBytes(int64(n))
				for b.Loop() {
					nc.Write(msg)
					if _, err := io.ReadFull(nc, msg); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// BenchmarkTLSHandshake is a connection for each round, both ends of it.
func BenchmarkTLSHandshake(b *testing.B) {
	eachTLSEcho(b, func(b *testing.B, addr string) {
		cfg := certified()
		for b.Loop() {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				b.Fatal(err)
			}
			k := tls.Client(nc, cfg)
			k.Write([]byte("x"))
			if _, err := k.Read(make([]byte, 1)); err != nil {
				b.Fatal(err)
			}
			k.Close()
		}
	})
}

package main

import (
	"io"
	"testing"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// BenchmarkGateway has 64 requests under way at a time, through a gateway to a server
// of this process: the sum of the three.
func BenchmarkGateway(b *testing.B) {
	var asking, c client.Client
	up := &server.Server{Loops: 1, Handler: func(w server.Response, r server.Request) {
		w.Set("Content-Type", "text/plain")
		w.End("Hello World\n")
	}}
	loops := make(chan *conn.Loop, 1)
	up.OnLoop = func(l *conn.Loop) { loops <- l }
	up.OnShutdown = func(l *conn.Loop) { asking.On(l).Close() }
	at, err := up.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	g := &gateway{client: &c, name: "gw", upstreams: []*upstream{{url: "http://" + at.String()}}}
	srv := &server.Server{Handler: g.serve, Loops: 1}
	srv.OnShutdown = func(l *conn.Loop) { c.On(l).Close() }
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	url := "http://" + addr.String() + "/path?query"
	done := make(chan error, 1)
	serving := make(chan error, 2)
	go func() { serving <- srv.Serve() }()
	go func() { serving <- up.Serve() }()
	defer func() {
		srv.Close()
		up.Close()
		<-serving
		<-serving
	}()
	loop := <-loops
	b.ReportAllocs()
	b.ResetTimer()
	loop.Post(func() {
		p := asking.On(loop)
		left, under := b.N, 0
		var next func()
		stream := func(_ []byte, err error) {
			if err == io.EOF {
				under--
				next()
			} else if err != nil {
				done <- err
			}
		}
		next = func() {
			if left--; left < 0 {
				if under == 0 {
					done <- nil
				}
				return
			}
			under++
			q := p.Request("GET", url)
			q.Set("User-Agent", "a benchmark")
			q.Set("Accept", "*/*")
			q.Do(func(a client.Response, err error) {
				if err != nil {
					done <- err
					return
				}
				a.Stream(stream)
			})
			q.End("")
		}
		for range 64 {
			next()
		}
	})
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// Gateway is a reverse proxy: package server towards the clients, package client
// towards the upstreams, and a body that flows through no faster than both sides go.
//
//	go run ./gateway -listen 127.0.0.1:8080 -upstream 127.0.0.1:8000,127.0.0.1:8001
//
// This file is its settings, gateway.go the way of a request.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("gateway: ")
	g := gateway{client: new(client.Client)}
	var srv server.Server
	listen := flag.String("listen", "127.0.0.1:8080", "where to listen; port 0 picks a free one")
	upstreams := flag.String("upstream", "127.0.0.1:8000", "host:port of those that answer, by commas; https://host:port for TLS")
	flag.StringVar(&g.name, "name", "gateway", "what Via calls this one")
	flag.BoolVar(&g.trust, "trust-forwarded", false, "add to the X-Forwarded-* of the client, do not replace them: where it is a proxy of yours")
	flag.DurationVar(&g.failTimeout, "fail-timeout", 10*time.Second, "for which others are asked instead of an upstream that could not be reached, or was late")
	flag.DurationVar(&g.leftTimeout, "left-timeout", time.Second, "for an answer to begin, or for more of it, to a client that has sent its FIN")
	flag.DurationVar(&g.client.DialTimeout, "dial-timeout", 3*time.Second, "to connect to an upstream")
	flag.DurationVar(&g.client.HeadTimeout, "head-timeout", 30*time.Second, "for an upstream's answer to begin; negative, here and below: no limit")
	flag.DurationVar(&g.client.BodyTimeout, "body-timeout", time.Minute, "for more of it")
	flag.DurationVar(&g.client.IdleTimeout, "upstream-idle-timeout", 30*time.Second, "of connections to upstreams")
	flag.IntVar(&g.client.MaxConns, "max-upstream-conns", 512, "connections to an upstream, for each loop")
	flag.IntVar(&g.client.MaxHead, "max-answer-head", 64<<10, "bytes of an upstream's head")
	flag.DurationVar(&srv.HeadTimeout, "client-head-timeout", 10*time.Second, "for a client's head")
	flag.DurationVar(&srv.BodyTimeout, "client-body-timeout", 30*time.Second, "for each 4 KiB of its body")
	flag.DurationVar(&srv.IdleTimeout, "idle-timeout", 75*time.Second, "of connections of clients")
	flag.IntVar(&srv.MaxConns, "max-conns", 1<<16, "connections of clients")
	flag.IntVar(&srv.MaxHead, "max-head", 32<<10, "bytes of a client's head")
	flag.IntVar(&srv.MaxFields, "max-fields", 1000, "field lines of a head, of a client or an upstream")
	flag.Int64Var(&srv.MaxBody, "max-body", -1, "bytes of a client's body")
	flag.IntVar(&srv.Loops, "loops", runtime.GOMAXPROCS(0), "event loops")
	flag.Parse()
	g.client.MaxFields = srv.MaxFields

	for addr := range strings.SplitSeq(*upstreams, ",") {
		if addr = strings.TrimSpace(addr); !strings.Contains(addr, "://") {
			addr = "http://" + addr
		}
		g.upstreams = append(g.upstreams, &upstream{url: strings.TrimSuffix(addr, "/")})
	}
	srv.Handler = g.serve
	srv.OnShutdown = func(l *conn.Loop) { g.client.On(l).Close() }
	at, err := srv.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("gateway on http://%s/\n", at)
	go stopOnSignal(&srv)
	if err := srv.Serve(); err != nil {
		log.Fatal(err)
	}
}

// stopOnSignal lets what is under way end, unless a second signal comes.
func stopOnSignal(srv *server.Server) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	go func() { <-signals; cancel() }()
	srv.Shutdown(ctx)
}

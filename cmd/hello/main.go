// Hello is an HTTP server that shows what package server can do. Handlers are
// in handlers.go; this file starts the server and stops it.
//
//	go run ./cmd/hello -addr 127.0.0.1:8000
//
//	/                 Hello World
//	/echo             any method: the request's body, of any size
//	/delay?ms=2000    an answer from a timer
//	/wait             an answer when somebody says something: a long poll
//	/say              POST: what those who wait are to hear
//	/events           the same as server-sent events
//	/stream?n=&ms=    n chunks, one every ms; with 0 as fast as they are read
//	/upload           the number of bytes in the request's body
//	/file             the file that -file names, of any size
//	/ws               a WebSocket that sends every message back
//	/chat             a WebSocket: a message goes to all who are there; a browser gets a page for it
//	/stats            counters, as JSON
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
)

// grace is how long exchanges that are under way may take once a signal came.
const grace = 10 * time.Second

func main() {
	log.SetFlags(0)
	log.SetPrefix("hello: ")

	var srv server.Server
	addr := flag.String("addr", "127.0.0.1:8000", "where to listen; port 0 picks a free one")
	file := flag.String("file", "", "what /file answers")
	cert := flag.String("cert", "", "PEM file of a certificate: HTTPS, at -addr")
	key := flag.String("key", "", "PEM file of its key")
	access := flag.Bool("access", false, "log each exchange, on stderr")
	maxMessage := flag.Int("max-message", 0, "bytes of a WebSocket message; 0: the default, 64 KiB")
	deflate := flag.Bool("deflate", false, "compress WebSocket messages where the client agrees")
	settings(&srv)
	flag.Parse()

	a := &app{srv: &srv, file: *file}
	a.sockets(*maxMessage, *deflate)
	srv.Handler = a.serve
	if *access {
		srv.Access = logAccess
	}
	if srv.Loops <= 0 {
		srv.Loops = runtime.GOMAXPROCS(0)
	}
	if srv.Poller == "" {
		srv.Poller = bestPoller()
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	scheme, listen := "http", srv.Listen
	if *cert != "" || *key != "" {
		pair, err := tls.LoadX509KeyPair(*cert, *key)
		if err != nil {
			log.Fatal(err)
		}
		srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		scheme, listen = "https", srv.ListenTLS
	}
	at, err := listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s://%s/ (poller %s, loops %d)\n", scheme, at, srv.Poller, srv.Loops)

	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	select {
	case err := <-served: // it never ends on its own but by an error
		log.Fatal(err)
	case <-signals:
		a.stop(signals)
	}
}

// stop lets the exchanges that are under way end, unless they take too long or
// a second signal says to stop now.
func (a *app) stop(signals <-chan os.Signal) {
	go func() {
		<-signals
		a.srv.Close()
	}()
	a.waiting.End([]byte("the server stops\n"))
	a.events.End(nil)
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := a.srv.Shutdown(ctx); err != nil {
		log.Fatalf("after %v there were still answers under way: %v", grace, err)
	}
}

// settings makes a flag of each setting of the server. Zero means its default,
// a negative value that there is no limit.
func settings(s *server.Server) {
	flag.IntVar(&s.Loops, "loops", 0, "event loops; 0: one for each processor")
	flag.StringVar(&s.Poller, "poller", "", fmt.Sprintf("one of %v, the first is best", poller.Names()))

	flag.DurationVar(&s.HeadTimeout, "head-timeout", 0, "for a request's head; 0, here and below: the server's default; negative: none")
	flag.DurationVar(&s.BodyTimeout, "body-timeout", 0, "for each 4 KiB of a request's body")
	flag.DurationVar(&s.IdleTimeout, "idle-timeout", 0, "between two requests on a connection")
	flag.DurationVar(&s.WriteTimeout, "write-timeout", 0, "for a client to take anything of its answer")

	flag.DurationVar(&s.DrainTimeout, "drain-timeout", 0, "for one more request on an idle connection, once the server is to stop")

	flag.IntVar(&s.MaxHead, "max-head", 0, "bytes of a request's head")
	flag.IntVar(&s.MaxFields, "max-fields", 0, "field lines of a request's head")
	flag.Int64Var(&s.MaxBody, "max-body", -1, "bytes of a request's body; none of them are held here")
	flag.IntVar(&s.MaxConns, "max-conns", 0, "connections at a time")
	flag.IntVar(&s.MaxBacklog, "max-backlog", 0, "bytes of answers that a connection may hold when more is written")

	flag.BoolVar(&s.ReusePort, "reuseport", false, "let several processes listen on the port")
}

// bestPoller returns the name of what the server would pick on its own.
func bestPoller() string {
	p, err := poller.New()
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	return p.Name()
}

// Echo is a TCP server that greets, and then sends back whatever it is sent.
//
//	go run ./cmd/echo -addr 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// A client that sends and does not read is not read from either: Pipe holds a
// few pages for it, then TCP tells it to wait.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("echo: ")
	network := flag.String("network", "tcp", "tcp or unix")
	addr := flag.String("addr", "127.0.0.1:7000", "where to listen: host:port, or the path of a unix socket")
	banner := flag.String("banner", "Echo server\r\n", "what a client is greeted with")
	idle := flag.Duration("idle", 5*time.Minute, "close a connection on which nothing moves for so long; 0: never")
	flag.Parse()

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var srv server.Server
	at, err := srv.ListenConn(*network, *addr, &conn.Handler{
		Open: func(c *conn.Conn) {
			c.SetTimeout(*idle)
			c.WriteString(*banner)
			c.Pipe(c)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("echo on %s %s\n", at.Network(), at)

	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	select {
	case err := <-served: // it never ends on its own but by an error
		log.Fatal(err)
	case <-signals:
		srv.Close()
	}
}

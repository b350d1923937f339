// Systemd is a server whose sockets systemd opens (socket activation): it may
// listen on port 80 without being root, is started by the first connection, and
// when it is restarted what connects meanwhile waits. The units:
//
//	# hello.socket                     # hello.service
//	[Socket]                           [Service]
//	ListenStream=80                    ExecStart=/usr/local/bin/hello
//	ListenStream=/run/hello.sock       DynamicUser=yes
//	[Install]                          Type=exec
//	WantedBy=sockets.target
//
// To try it without systemd:
//
//	go build -o hello . && systemd-socket-activate -l 8000 ./hello
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"

	"github.com/lurcher-net/lurcher/server"
)

func main() {
	log.SetFlags(0)
	lns, err := activation.Listeners() // descriptors 3 to 3+LISTEN_FDS
	if err != nil {
		log.Fatal(err)
	}
	if len(lns) == 0 {
		log.Fatal("systemd passed no socket: start this by a .socket unit")
	}
	srv := &server.Server{Handler: func(w server.Response, r server.Request) { w.End("Hello World\n") }}
	for _, ln := range lns {
		if ln == nil {
			log.Fatal("a socket that was passed is not one that listens: ListenStream= makes these")
		}
		if err := srv.Inherit(ln); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("serves %s\n", ln.Addr())
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	select {
	case err := <-served:
		log.Fatal(err)
	case <-signals:
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			log.Fatal(err)
		}
	}
}

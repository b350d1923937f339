// Restart is a server that is replaced by a new process of itself, a new version
// as a rule, without losing a connection or a request. It uses
// github.com/cloudflare/tableflip:
//
//	go build -o restart . && ./restart -addr 127.0.0.1:8000
//	kill -HUP PID      # start the program anew, have it go on, and end
//	kill -TERM PID     # end
//
// What happens: tableflip starts the new process and gives it the listening
// sockets. When that calls Ready both accept from the same queue, and the old one
// is told to exit. Shutdown stops accepting; it does not cut idle connections
// off, on which requests may be on their way, but answers these with
// "Connection: close", and waits for one during Server.DrainTimeout.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"

	"github.com/lurcher-net/lurcher/server"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8000", "where to listen")
	pidFile := flag.String("pid", "", "file that is to hold the number of the process that serves, for systemd's PIDFile")
	grace := flag.Duration("grace", 30*time.Second, "how long exchanges under way may take when the process is replaced")
	drain := flag.Duration("drain", time.Second, "how long it waits for the next request on a connection that is idle then")
	flag.Parse()
	log.SetFlags(0)
	log.SetPrefix(fmt.Sprintf("restart %d: ", os.Getpid()))

	upg, err := tableflip.New(tableflip.Options{PIDFile: *pidFile})
	if err != nil {
		log.Fatal(err)
	}
	defer upg.Stop()
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
		for s := range signals {
			if s == syscall.SIGHUP {
				go replace(upg)
			} else {
				upg.Stop()
			}
		}
	}()

	srv := &server.Server{Handler: handler, DrainTimeout: *drain}
	ln, err := upg.Listen("tcp", *addr) // a new socket, or the one of the process before
	if err != nil {
		log.Fatal(err)
	}
	if err := srv.Inherit(ln); err != nil {
		log.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	if err := upg.Ready(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d serves http://%s/\n", os.Getpid(), ln.Addr())
	select {
	case err := <-served: // it never ends on its own but by an error
		log.Fatal(err)
	case <-upg.Exit():
	}

	ctx, cancel := context.WithTimeout(context.Background(), *grace)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		log.Printf("exchanges were cut off after %v: %v", *grace, err)
	}
	fmt.Printf("%d has ended\n", os.Getpid())
}

// replace starts the next process, when the one before this has ended: there are
// never three. If that fails this one serves on.
func replace(upg *tableflip.Upgrader) {
	err := upg.WaitForParent(context.Background())
	if err == nil {
		err = upg.Upgrade()
	}
	if err != nil {
		log.Print("not replaced: ", err)
	}
}

// handler says which process answers; /later takes its time.
func handler(w server.Response, r server.Request) {
	body := strconv.Itoa(os.Getpid()) + "\n"
	if string(r.Path()) == "/later" {
		w.After(300*time.Millisecond, func() { w.End(body) })
		return
	}
	w.End(body)
}

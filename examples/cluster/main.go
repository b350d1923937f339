// Cluster is many processes on one port, as node's cluster module has them: a
// parent that starts them, and a new one for each that dies. Each opens a socket
// of its own with SO_REUSEPORT, among which the kernel deals the connections.
//
//	go run . -addr 127.0.0.1:8000 -n 4
//
// A server with as many loops as processors (Server.Loops) is as fast, and shares
// its memory; processes of their own are worth it where one must not take the
// others with it when it dies, where each has its own garbage collector to wait
// for, or where state is not to be shared. What it costs: a connection stays with
// a process that is busy while others are idle; and when one dies, what waits in
// its queue is reset. To replace a program by its next version see restart.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("cluster: ")
	addr := flag.String("addr", "127.0.0.1:8000", "where to listen")
	n := flag.Int("n", 4, "how many processes")
	worker := flag.Bool("worker", false, "be one of them")
	flag.Parse()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	if *worker {
		work(*addr, signals)
	} else {
		lead(*addr, *n, signals)
	}
}

// work is what each process does, until it is told to stop or its parent is gone.
func work(addr string, signals chan os.Signal) {
	srv := &server.Server{Handler: answer, Loops: 1, ReusePort: true}
	at, err := srv.Listen("tcp", addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(at) // the parent reads it
	go func() {
		io.Copy(io.Discard, os.Stdin)
		signals <- os.Interrupt
	}()
	go func() {
		<-signals
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		srv.Shutdown(ctx)
	}()
	if err := srv.Serve(); err != nil {
		log.Fatal(err)
	}
}

func answer(w server.Response, r server.Request) { w.End(strconv.Itoa(os.Getpid()) + "\n") }

// lead keeps n processes at work.
func lead(addr string, n int, signals chan os.Signal) {
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	ended := make(chan error, n)
	var ends []io.Closer // the parent's ends of their stdin: closing one stops the child
	start := func() {
		cmd := exec.Command(self, "-worker", "-addr", addr)
		cmd.Stderr = os.Stderr
		stdin, err1 := cmd.StdinPipe()
		stdout, err2 := cmd.StdoutPipe()
		if err1 != nil || err2 != nil {
			log.Fatal(err1, err2)
		}
		if err := cmd.Start(); err != nil {
			log.Fatal(err)
		}
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			log.Fatal("a process did not listen: ", err)
		}
		addr = line[:len(line)-1] // with the port that the first found, if it was to find one
		ends = append(ends, stdin)
		go func() { ended <- cmd.Wait() }()
	}
	for range n {
		start()
	}
	fmt.Printf("http://%s/ by %d processes\n", addr, n)
	for stopping := false; n > 0; {
		select {
		case <-signals:
			stopping = true
			for _, e := range ends {
				e.Close()
			}
		case err := <-ended:
			if stopping {
				n--
				continue
			}
			log.Print("a process has ended, here is another: ", err)
			start()
		}
	}
}

package server_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// run serves h while the example asks it something.
func run(h server.Handler, ask func(url string)) {
	s := &server.Server{Handler: h}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve() }()
	ask("http://" + addr.String())
	s.Close()
	if err := <-done; err != nil {
		log.Fatal(err)
	}
}

// show prints an answer's body.
func show(resp *http.Response, err error) {
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Print(string(body))
}

func Example() {
	hello := func(w server.Response, r server.Request) { w.End("Hello World\n") }
	run(hello, func(url string) { show(http.Get(url)) })
	// Output: Hello World
}

// An answer that is complete after a while holds no goroutine meanwhile.
func ExampleResponse_After() {
	delay := func(w server.Response, r server.Request) {
		w.After(20*time.Millisecond, func() { w.End("Hello World\n") })
	}
	run(delay, func(url string) {
		start := time.Now()
		show(http.Get(url))
		fmt.Println(time.Since(start) >= 20*time.Millisecond)
	})
	// Output:
	// Hello World
	// true
}

// Work that blocks is done elsewhere, and its result posted.
func ExampleResponse_Post() {
	h := func(w server.Response, r server.Request) {
		host := string(r.Host()) // what r answers is gone when the handler returns
		go func() {
			name, _, _ := net.SplitHostPort(host)
			addrs, err := net.LookupHost(name)
			w.Post(func() {
				if err != nil {
					w.Status(502)
				}
				w.End(fmt.Sprintln(addrs))
			})
		}()
	}
	run(h, func(url string) { show(http.Get(url)) })
	// Output: [127.0.0.1]
}

// A long poll: clients wait at /, until somebody posts a message for all.
func ExampleHub() {
	var hub server.Hub
	h := func(w server.Response, r server.Request) {
		if string(r.Method()) != "POST" {
			hub.Add(w)
			return
		}
		r.Body(4096, func(msg []byte) {
			hub.End(msg)
			w.End("said\n")
		})
	}
	run(h, func(url string) {
		heard := make(chan *http.Response)
		for range 2 {
			go func() { resp, _ := http.Get(url); heard <- resp }()
		}
		for hub.Len() < 2 {
			time.Sleep(time.Millisecond)
		}
		show(http.Post(url, "text/plain", strings.NewReader("news\n")))
		show(<-heard, nil)
		show(<-heard, nil)
	})
	// Output:
	// said
	// news
	// news
}

// An upload of any size, of which no more is held than what has just arrived.
func ExampleRequest_Stream() {
	h := func(w server.Response, r server.Request) {
		n := 0
		r.Stream(func(p []byte, last bool) {
			n += len(p)
			if last {
				w.End(fmt.Sprintf("got %d bytes\n", n))
			}
		})
	}
	run(h, func(url string) {
		show(http.Post(url, "application/octet-stream", strings.NewReader(strings.Repeat("x", 1_000_000))))
	})
	// Output: got 1000000 bytes
}

// An echo of a body of any size, at the pace of whoever reads it.
func ExampleRequest_Pipe() {
	echo := func(w server.Response, r server.Request) { r.Pipe(w) }
	run(echo, func(url string) { show(http.Post(url, "text/plain", strings.NewReader("echo\n"))) })
	// Output: echo
}

// A long answer is written while the client takes it: Full says when to stop,
// OnDrain when to go on.
func ExampleResponse_OnDrain() {
	numbers := func(w server.Response, r server.Request) {
		i := 0
		var more func()
		more = func() {
			for !w.Full() {
				if _, err := fmt.Fprintln(w, i); err != nil {
					return // the client has left
				}
				if i++; i == 100_000 {
					w.End("")
					return
				}
			}
			w.OnDrain(more)
		}
		more()
	}
	run(numbers, func(url string) {
		resp, err := http.Get(url)
		if err != nil {
			log.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		fmt.Println(n, err)
	})
	// Output: 588890 <nil>
}

// Another protocol on the same loops: here an echo over TCP, by a server that
// lives until it is told to stop. ListenTCP is short for it.
func ExampleServer_ListenConn() {
	s := new(server.Server)
	addr, err := s.ListenConn("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) {
		c.WriteString("Echo server\r\n")
		c.Pipe(c)
	}})
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve() }()

	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Fprintln(c, "hello")
	c.(*net.TCPConn).CloseWrite()
	all, _ := io.ReadAll(c)
	fmt.Printf("%q\n", all)
	s.Close()
	fmt.Println(<-done)
	// Output:
	// "Echo server\r\nhello\n"
	// <nil>
}

// An interrupt ends the server once the exchanges under way are over, but after
// ten seconds in any case.
func ExampleServer_Shutdown() {
	s := &server.Server{Handler: func(w server.Response, r server.Request) { w.End("Hello World\n") }}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	go func() {
		<-interrupted.Done()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.Shutdown(ctx)
	}()
	go func() {
		show(http.Get("http://" + addr.String()))
		p, _ := os.FindProcess(os.Getpid())
		p.Signal(os.Interrupt)
	}()
	fmt.Println(s.Serve())
	// Output:
	// Hello World
	// <nil>
}

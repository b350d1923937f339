package client_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
)

// loop makes one that ends when nothing is left to wait for.
func loop() *conn.Loop {
	p, err := poller.New()
	if err != nil {
		log.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		log.Fatal(err)
	}
	return l
}

// A program without a server runs a loop of its own.
func Example() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s was asked for", r.URL.Path)
	}))
	defer s.Close()

	var c client.Client
	l := loop()
	p := c.On(l)
	p.Get(s.URL+"/dogs", func(r client.Response, err error) {
		if err != nil {
			log.Fatal(err)
		}
		r.Body(1<<20, func(body []byte, err error) {
			fmt.Println(r.Status(), string(body), err)
			p.Close() // else the loop goes on while the connection is idle
		})
	})
	l.Run(context.Background())
	// Output: 200 /dogs was asked for <nil>
}

// Safe requests share a connection: the server gets several of them before it has answered the first.
func ExampleClient_pipeline() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.URL.Path)
	}))
	defer s.Close()

	c := client.Client{Pipeline: 16, MaxConns: 1}
	l := loop()
	p := c.On(l)
	left := 10
	for i := range left {
		p.Get(fmt.Sprintf("%s/%d", s.URL, i), func(r client.Response, err error) {
			if err != nil {
				log.Fatal(err)
			}
			r.Body(1<<10, func(body []byte, err error) {
				fmt.Print(string(body), " ") // in the order in which they were asked for
				if left--; left == 0 {
					p.Close()
				}
			})
		})
	}
	l.Run(context.Background())
	fmt.Println(p.Stats().Dials, p.Stats().Pipelined > 0)
	// Output: /0 /1 /2 /3 /4 /5 /6 /7 /8 /9 1 true
}

// A body is written as fast as the server takes it.
func ExampleRequest() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d bytes of %s", n, r.Header.Get("Content-Type"))
	}))
	defer s.Close()

	var c client.Client
	l := loop()
	p := c.On(l)
	q := p.Request("POST", s.URL)
	q.Set("Content-Type", "text/plain")
	q.Do(func(r client.Response, err error) {
		if err != nil {
			log.Fatal(err)
		}
		r.Body(1<<20, func(body []byte, err error) {
			fmt.Println(string(body), err)
			p.Close()
		})
	})
	lines := 0
	var more func()
	more = func() {
		for ; lines < 100_000; lines++ {
			if q.Full() {
				q.OnDrain(more)
				return
			}
			q.WriteString("a line\n")
		}
		q.End("")
	}
	more()
	l.Run(context.Background())
	// Output: 700000 bytes of text/plain <nil>
}

// What a server's client is answered comes from elsewhere.
func ExampleResponse_Pipe() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("woof ", 3))
	}))
	defer s.Close()

	var c client.Client
	srv := &server.Server{Loops: 1, Handler: func(w server.Response, r server.Request) {
		c.On(w.Loop()).Get(s.URL, func(a client.Response, err error) {
			if err != nil {
				w.Status(502)
				w.End(err.Error())
				return
			}
			a.Pipe(w)
		})
	}}
	srv.OnShutdown = func(l *conn.Loop) { c.On(l).Close() }
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve()
	defer srv.Shutdown(context.Background())

	nc, err := net.Dial("tcp", addr.String())
	if err != nil {
		log.Fatal(err)
	}
	defer nc.Close()
	io.WriteString(nc, "GET / HTTP/1.0\r\n\r\n")
	answer, _ := io.ReadAll(nc)
	_, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	fmt.Println(body)
	// Output: woof woof woof
}

// Two servers have the same: where one cannot be reached, the other is asked.
func ExampleRequest_OnLost() {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s from the second", r.URL.Path)
	}))
	defer s.Close()
	urls := []string{"http://127.0.0.1:1", s.URL} // nobody listens at the first

	var c client.Client
	l := loop()
	p := c.On(l)
	q := p.Request("GET", urls[0]+"/dogs")
	q.OnLost(func(e *client.Error) string {
		fmt.Println("lost in phase", e.Phase)
		if urls = urls[1:]; len(urls) == 0 {
			return ""
		}
		return urls[0]
	})
	q.Do(func(r client.Response, err error) {
		if err != nil {
			log.Fatal(err)
		}
		r.Body(1<<20, func(body []byte, err error) {
			fmt.Println(string(body), err)
			p.Close()
		})
	})
	q.End("")
	l.Run(context.Background())
	// Output:
	// lost in phase dial
	// /dogs from the second <nil>
}

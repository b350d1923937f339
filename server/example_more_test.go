package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// The connection speaks another protocol from now on.
func ExampleResponse_Hijack() {
	upper := &conn.Handler{Data: func(c *conn.Conn, p []byte) int {
		c.WriteString(strings.ToUpper(string(p)))
		return len(p)
	}}
	run(func(w server.Response, r server.Request) {
		w.Status(101)
		w.Set("Upgrade", "upper")
		if _, err := w.Hijack(upper); err != nil {
			w.Status(426) // the client has not offered to upgrade
			w.End("")
		}
	}, func(url string) {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			log.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: upper\r\n\r\n")
		in := bufio.NewReader(c)
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(resp.StatusCode)
		fmt.Fprintln(c, "hello")
		line, _ := in.ReadString('\n')
		fmt.Print(line)
	})
	// Output:
	// 101
	// HELLO
}

// A file goes out by sendfile(2), where the system has it.
func ExampleResponse_SendFile() {
	run(func(w server.Response, r server.Request) {
		f, err := os.CreateTemp("", "example")
		if err != nil {
			log.Fatal(err)
		}
		os.Remove(f.Name())
		n, _ := f.WriteString("a file\n")
		w.SendFile(f, 0, int64(n)) // which closes it
		w.End("")
	}, func(url string) { show(http.Get(url)) })
	// Output: a file
}

// A file that many ask for is opened once.
func ExampleResponse_SendShared() {
	f, err := os.CreateTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	os.Remove(f.Name())
	n, _ := f.WriteString("a file\n")
	shared := conn.NewFile(f)
	run(func(w server.Response, r server.Request) {
		w.SendShared(shared, 0, int64(n))
		w.End("")
	}, func(url string) {
		show(http.Get(url))
		show(http.Get(url))
	})
	shared.Close() // once all of it has been sent
	// Output:
	// a file
	// a file
}

// What is known only when the body has been sent follows it.
func ExampleResponse_Trailer() {
	run(func(w server.Response, r server.Request) {
		w.WriteString("a body\n")
		w.Trailer("Checksum", "7")
		w.End("")
	}, func(url string) {
		resp, err := http.Get(url)
		if err != nil {
			log.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(os.Stdout, resp.Body)
		fmt.Println(resp.Trailer.Get("Checksum"))
	})
	// Output:
	// a body
	// 7
}

// A browser shows its script an answer from elsewhere only if that says so: those
// of the server's own too.
func ExampleServer_OnRefuse() {
	s := &server.Server{
		Handler: func(w server.Response, r server.Request) { r.Body(10, func(b []byte) { w.EndBytes(b) }) },
		OnRefuse: func(r server.Refusal) {
			r.Add("Access-Control-Allow-Origin", "*")
		},
	}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve()
	defer s.Close()
	resp, err := http.Post("http://"+addr.String(), "text/plain", strings.NewReader("more than ten bytes"))
	if err != nil {
		log.Fatal(err)
	}
	resp.Body.Close()
	fmt.Println(resp.StatusCode, resp.Header.Get("Access-Control-Allow-Origin"))
	// Output: 413 *
}

// What each loop keeps for itself needs no lock.
func ExampleServer_OnLoop() {
	visits := make(map[*conn.Loop]*int)
	s := &server.Server{Loops: 2, Handler: func(w server.Response, r server.Request) {
		n := visits[w.Loop()]
		*n++
		w.End(fmt.Sprintln("visit", *n))
	}}
	ready := make(chan *conn.Loop, 2)
	s.OnLoop = func(l *conn.Loop) { ready <- l }
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go s.Serve()
	defer s.Close()
	for range 2 {
		visits[<-ready] = new(int) // before anybody is served: nobody knows the address yet
	}
	show(http.Get("http://" + addr.String()))
	// Output: visit 1
}

// Stats is for operators: metrics has them for Prometheus.
func ExampleServer_Stats() {
	s := &server.Server{Handler: func(w server.Response, r server.Request) { w.End(fmt.Sprintln("Hello World")) }}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve() }()
	show(http.Get("http://" + addr.String()))
	s.Close()
	<-done
	st := s.Stats()
	fmt.Println(st.Requests, "request,", st.Status[2], "answer,", st.Conns, "connections")
	// Output:
	// Hello World
	// 1 request, 1 answer, 0 connections
}

// Early hints (RFC 8297) say what the client will need, while the answer is being made.
func ExampleResponse_Inform() {
	run(func(w server.Response, r server.Request) {
		w.Set("Link", "</style.css>; rel=preload")
		w.Inform(103)
		w.After(time.Millisecond, func() { w.End("<html>...\n") })
	}, func(url string) {
		hints := &httptrace.ClientTrace{Got1xxResponse: func(code int, fields textproto.MIMEHeader) error {
			fmt.Println(code, fields.Get("Link"))
			return nil
		}}
		ctx := httptrace.WithClientTrace(context.Background(), hints)
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		show(http.DefaultClient.Do(req))
	})
	// Output:
	// 103 </style.css>; rel=preload
	// <html>...
}

// A socket that systemd has opened, or the process that this one replaces.
func ExampleServer_Inherit() {
	s := &server.Server{Handler: func(w server.Response, r server.Request) { w.End("Hello World\n") }}
	ln, err := net.FileListener(os.NewFile(3, "the first that was passed"))
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Inherit(ln); err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.Serve())
}

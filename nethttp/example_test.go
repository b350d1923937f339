// Handlers in use.

package nethttp_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

// A handler of net/http, with this server's own way beside it.
func ExampleHandler() {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "Hello %s\n", r.PathValue("name"))
	})
	std := nethttp.Handler(mux, 64)
	s := &server.Server{Handler: func(w server.Response, r server.Request) {
		if string(r.Path()) == "/ping" {
			w.End("pong\n")
			return
		}
		std(w, r)
	}}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	defer s.Shutdown(context.Background())

	for _, path := range []string{"/ping", "/hello/lurcher", "/none"} {
		resp, err := http.Get("http://" + addr.String() + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%d %s", resp.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// 200 pong
	// 200 Hello lurcher
	// 404 404 page not found
}

// Handlers of both kinds in one table, by net/http's patterns.
func ExampleMux() {
	m := new(nethttp.Mux)
	m.Native("GET /native/{name}", func(w server.Response, r server.Request) { w.End("Hello " + r.PathValue("name")) })
	m.HandleFunc("GET /std/{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "Hello ", r.PathValue("name")) })

	s := &server.Server{Handler: m.Serve}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	defer s.Shutdown(context.Background())

	for _, path := range []string{"/native/one", "/std/two"} {
		resp, err := http.Get("http://" + addr.String() + path)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println(string(body))
	}
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// Hello one
	// Hello two
}

// http.Client over lurcher's client.
func ExampleTransport() {
	s := &server.Server{Handler: func(w server.Response, r server.Request) { w.End("Hello " + string(r.Path())) }}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	go s.Serve()
	defer s.Shutdown(context.Background())

	t := &nethttp.Transport{Proxy: http.ProxyFromEnvironment}
	defer t.Close()
	c := &http.Client{Transport: t}
	resp, err := c.Get("http://" + addr.String() + "/you")
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Println(resp.Status, string(body))
	// Output: 200 OK Hello /you
}

// HTTPS on one port: native handlers answer HTTP/1.1, net/http serves those who choose
// HTTP/2.
func ExampleHTTP2() {
	cert, err := tls.LoadX509KeyPair("cert.pem", "key.pem")
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "Hello by", r.Proto) })
	s := &server.Server{
		Handler: nethttp.Handler(mux, 256),
		TLS:     &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	if err := nethttp.HTTP2(s, mux); err != nil {
		log.Fatal(err)
	}
	if _, err := s.ListenTLS("tcp", ":443"); err != nil {
		log.Fatal(err)
	}
	log.Fatal(s.Serve())
}

// The package in use, as go doc shows it.

package fuzz_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/lurcher-net/lurcher/fuzz"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer server.Close()

	sent := []byte("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n" +
		"GETGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
	received, err := fuzz.Exchange("tcp", server.Listener.Addr().String(), [][]byte{sent[:20], sent[20:]}, 5*time.Second)
	if err != nil {
		fmt.Println(err)
	}
	err = fuzz.Explain(sent, received, func(request, answer fuzz.Message) error {
		fmt.Println(request.Method, request.Target, answer.Status)
		return nil
	})
	fmt.Println(err)
	// Output:
	// POST /a 200
	// GET /b 200
	// <nil>
}

// A soak without the fuzzing engine: each seed is another message, and names it when it fails.
func ExampleNew() {
	for seed := range int64(1000) {
		g := fuzz.New(seed)
		wire, want := g.Request()
		got, n, err := fuzz.ReadRequest(wire) // in its place, your parser
		if err != nil || n != len(wire) || got.Diff(&want) != "" {
			fmt.Println(seed, err, got.Diff(&want))
		}
	}
	// Output:
}

func ExampleGen_Mutate() {
	g := fuzz.New(1)
	refused := 0
	for range 1000 {
		wire, _ := g.Request()
		mutant, _ := g.Mutate(wire)
		if _, _, err := fuzz.ReadRequest(mutant); err != nil {
			refused++
		}
	}
	fmt.Println(refused > 300 && refused < 900)
	// Output: true
}

func ExampleReadRequest() {
	_, _, err := fuzz.ReadRequest([]byte("GET / HTTP/1.1\r\nHost : x\r\n\r\n"))
	fmt.Println(err)
	// Output: byte 20: RFC 9112 §5.1: the colon follows the name at once
}

func ExampleExplain() {
	// A server that reads past the body's end, and takes what it finds there for a request.
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	defer listener.Close()
	go func() {
		c, _ := listener.Accept()
		c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" +
			"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
		c.Close()
	}()
	sent := []byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 19\r\n\r\nGET /b HTTP/1.1\r\n\r\n")
	received, _ := fuzz.Exchange("tcp", listener.Addr().String(), [][]byte{sent}, 5*time.Second)
	fmt.Println(fuzz.Explain(sent, received, nil))
	// Output: an answer to nothing: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
}

package conn_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"

	"github.com/lurcher-net/lurcher/conn"
)

// An echo server that encrypts, and its client, on one loop.
func ExampleTLS() {
	l := exampleLoop()
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{
		TLS:  &conn.TLS{Config: &tls.Config{Certificates: []tls.Certificate{theCertificate()}}}, // as tls.LoadX509KeyPair returns it
		Open: func(c *conn.Conn) { c.Pipe(c) },
	})
	if err != nil {
		log.Fatal(err)
	}
	_, err = l.Dial("tcp", ln.Addr().String(), &conn.Handler{
		TLS: &conn.TLS{Config: &tls.Config{RootCAs: theAuthority().pool, ServerName: "example.com"}},
		Open: func(c *conn.Conn) {
			fmt.Println(tls.VersionName(c.TLS().Version), c.TLS().VerifiedChains[0][0].Subject.CommonName)
			c.WriteString("hello")
		},
		Data: func(c *conn.Conn, p []byte) int {
			fmt.Printf("%s\n", p)
			c.Close()
			ln.Close()
			return len(p)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	l.Run(context.Background())
	// Output:
	// TLS 1.3 example.com
	// hello
}

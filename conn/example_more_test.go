package conn_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"

	"github.com/lurcher-net/lurcher/conn"
)

// A connection begins with one protocol and goes on with another: after a line with a
// name, it is an echo.
func ExampleConn_SetHandler() {
	echo := &conn.Handler{Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }}
	greet := &conn.Handler{Data: func(c *conn.Conn, p []byte) int {
		name, _, ok := bytes.Cut(p, []byte("\n"))
		if !ok {
			return 0 // not a whole line yet
		}
		fmt.Fprintf(c, "hello, %s\n", name)
		c.SetHandler(echo) // which gets what follows the line
		return len(name) + 1
	}}
	l := exampleLoop()
	ln, err := l.Listen("tcp", "127.0.0.1:0", greet)
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		ask(ln.Addr(), "Ann\nand now an echo\n")
		l.Post(func() { ln.Close() })
	}()
	l.Run(context.Background())
	// Output:
	// hello, Ann
	// and now an echo
}

// ask sends something to a server, and prints what comes back.
func ask(addr net.Addr, text string) {
	c, err := net.Dial(addr.Network(), addr.String())
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, text)
	c.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(c)
	fmt.Print(string(answer))
}

// A file, with a line before it and one after it.
func ExampleConn_SendFile() {
	l := exampleLoop()
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) {
		f, err := os.CreateTemp("", "example")
		if err != nil {
			log.Fatal(err)
		}
		os.Remove(f.Name())
		n, _ := f.WriteString("a file\n")
		c.WriteString("this is\n")
		c.SendFile(f, 0, int64(n)) // which closes f
		c.WriteString("as promised\n")
		c.Close()
	}})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		ask(ln.Addr(), "")
		l.Post(func() { ln.Close() })
	}()
	l.Run(context.Background())
	// Output:
	// this is
	// a file
	// as promised
}

// The connections of one listener on several loops.
func ExampleListener_Spread() {
	loops := []*conn.Loop{exampleLoop(), exampleLoop(), exampleLoop()}
	served := make(chan *conn.Loop, 1)
	ln, err := loops[0].Listen("tcp", "127.0.0.1:0", &conn.Handler{Open: func(c *conn.Conn) {
		served <- c.Loop()
		c.Close()
	}})
	if err != nil {
		log.Fatal(err)
	}
	ln.Spread(loops...)
	done := make(chan error)
	for _, l := range loops {
		go func() { done <- l.Run(context.Background()) }()
	}
	some := make(map[*conn.Loop]bool)
	for len(some) < len(loops) { // three connections as a rule: those of a loop that is blocked go to the others
		ask(ln.Addr(), "")
		some[<-served] = true
	}
	fmt.Println("each loop has served some")
	loops[0].Post(func() { ln.Close() })
	for range loops {
		<-done
	}
	// Output: each loop has served some
}

// A connection that code of package net has opened, or accepted, goes on on a loop.
func ExampleLoop_Adopt() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		c, _ := server.Accept()
		io.WriteString(c, "hello\n")
		c.Close()
	}()
	nc, err := net.Dial("tcp", server.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	l := exampleLoop()
	_, err = l.Adopt(nc, &conn.Handler{ // nc is closed: the loop has its socket
		Data:  func(c *conn.Conn, p []byte) int { fmt.Print(string(p)); return len(p) },
		Close: func(c *conn.Conn, err error) { fmt.Println(err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	l.Run(context.Background())
	// Output:
	// hello
	// EOF
}

// Several processes, each with this code, listen on one port.
func ExampleReusePort() {
	lc := net.ListenConfig{Control: conn.ReusePort}
	nl, err := lc.Listen(context.Background(), "tcp", ":7000")
	if err != nil {
		log.Fatal(err)
	}
	l := exampleLoop()
	if _, err := l.AdoptListener(nl, &conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }}); err != nil {
		log.Fatal(err)
	}
	l.Run(context.Background())
}

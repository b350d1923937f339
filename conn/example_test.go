package conn_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// exampleLoop returns what every program begins with.
func exampleLoop() *conn.Loop {
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

// An echo server: what comes in goes out, no faster than the peer reads it.
func ExampleLoop_Listen() {
	l := exampleLoop()
	ln, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{
		Open: func(c *conn.Conn) { c.WriteString("Echo server\r\n"); c.Pipe(c) },
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() { // a client
		nc, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			log.Fatal(err)
		}
		io.WriteString(nc, "hello\n")
		nc.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(nc)
		fmt.Printf("%s", bytes.ReplaceAll(answer, []byte("\r"), nil))
		l.Post(func() { ln.Close() }) // Run returns when nothing is left
	}()
	if err := l.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output:
	// Echo server
	// hello
}

// Timers run on the loop, between the other calls.
func ExampleLoop_After() {
	l := exampleLoop()
	t := l.After(time.Minute, func() { fmt.Println("never") })
	l.After(0, func() {
		fmt.Println("hello", t.Stop())
		l.After(20*time.Millisecond, func() { fmt.Println("world") })
	})
	l.Run(context.Background())
	// Output:
	// hello true
	// world
}

// A client of a protocol of lines: Data leaves what is not a whole one, and
// gets it again with what follows.
func ExampleLoop_Dial() {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		nc, _ := server.Accept()
		line, _ := bufio.NewReader(nc).ReadString('\n')
		fmt.Fprintf(nc, "you said: %sbye\n", line)
		nc.Close()
	}()

	l := exampleLoop()
	_, err = l.Dial("tcp", server.Addr().String(), &conn.Handler{
		Open: func(c *conn.Conn) { c.WriteString("hello\n") },
		Data: func(c *conn.Conn, p []byte) (n int) {
			for {
				i := bytes.IndexByte(p[n:], '\n')
				if i < 0 {
					return n
				}
				fmt.Printf("%s\n", p[n:n+i])
				n += i + 1
			}
		},
		Close: func(c *conn.Conn, err error) { fmt.Println(err) }, // also if it cannot be reached
	})
	if err != nil {
		log.Fatal(err)
	}
	l.Run(context.Background())
	// Output:
	// you said: hello
	// bye
	// EOF
}

// Connections from one address of this machine, to whichever address of a name connects first.
func ExampleDialer() {
	l := exampleLoop()
	backend, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	_, port, _ := net.SplitHostPort(backend.Addr().String())
	d := &conn.Dialer{
		LocalAddr:     &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)},
		Timeout:       5 * time.Second,
		FallbackDelay: 100 * time.Millisecond,
	}
	_, err = d.Dial(l, "tcp", "localhost:"+port, &conn.Handler{
		Open: func(c *conn.Conn) {
			fmt.Println("connected from", c.LocalAddr().(*net.TCPAddr).IP)
			c.Close()
		},
		Close: func(c *conn.Conn, err error) { // err is a *net.OpError if no address has answered
			if err != nil {
				fmt.Println(err)
			}
		},
	})
	if err != nil { // nothing that can be dialled
		log.Fatal(err)
	}
	if err := l.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Output: connected from 127.0.0.1
}

// A proxy: two connections that pipe to each other. Neither is read faster than
// the other one is, an end of one side is passed on, and so is a reset.
func ExampleConn_Pipe() {
	l := exampleLoop()
	backend, _ := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{
		Open: func(c *conn.Conn) { c.WriteString("from the backend: "); c.Pipe(c) },
	})
	proxy, err := l.Listen("tcp", "127.0.0.1:0", &conn.Handler{
		Open: func(c *conn.Conn) {
			d, err := c.Loop().Dial("tcp", backend.Addr().String(), &conn.Handler{})
			if err != nil {
				c.Abort()
				return
			}
			c.Pipe(d)
			d.Pipe(c)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		nc, _ := net.Dial("tcp", proxy.Addr().String())
		io.WriteString(nc, "hello")
		nc.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(nc)
		fmt.Printf("%s\n", answer)
		l.Post(func() { backend.Close(); proxy.Close() })
	}()
	l.Run(context.Background())
	// Output: from the backend: hello
}

// A connection leaves the loop for code that blocks, which begins with what was
// not consumed.
func ExampleConn_Detach() {
	l := exampleLoop()
	done := make(chan bool)
	var ln *conn.Listener
	ln, _ = l.Listen("tcp", "127.0.0.1:0", &conn.Handler{
		Data: func(c *conn.Conn, p []byte) int {
			i := bytes.IndexByte(p, '\n')
			if i < 0 {
				return 0
			}
			nc, err := c.Detach()
			if err != nil {
				c.Abort()
				return len(p)
			}
			ln.Close()
			go func() {
				defer close(done)
				defer nc.Close()
				rest, _ := io.ReadAll(nc)
				fmt.Printf("%q\n", rest)
			}()
			return i + 1
		},
	})
	go func() {
		nc, _ := net.Dial("tcp", ln.Addr().String())
		io.WriteString(nc, "UPGRADE\nand the rest")
		nc.Close()
	}()
	l.Run(context.Background())
	<-done
	// Output: "and the rest"
}

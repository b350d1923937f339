// What package ws looks like in use.

package ws_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

// serve runs a server on a port of its own, and returns its URL.
func serve(h server.Handler) (url string, stop func()) {
	srv := &server.Server{Loops: 1, Handler: h}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go srv.Serve()
	return "ws://" + addr.String(), func() { srv.Close() }
}

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

// A server that shouts back, and a client on a loop of its own.
func Example() {
	shout := &ws.Handler{Message: func(c *ws.Conn, op ws.Op, p []byte) { c.WriteText(string(p) + "!") }}
	url, stop := serve(func(w server.Response, r server.Request) { ws.Upgrade(w, r, shout) })
	defer stop()

	l := loop()
	ws.Dial(l, url, &ws.Handler{
		Open: func(c *ws.Conn) { c.WriteText("hello") },
		Message: func(c *ws.Conn, op ws.Op, p []byte) {
			fmt.Printf("%v: %s\n", op, p)
			c.Close(ws.NormalClosure, "thanks")
		},
		Close: func(c *ws.Conn, err *ws.CloseError) { fmt.Println(err) },
	}, func(c *ws.Conn, err error) {
		if err != nil {
			log.Fatal(err)
		}
	})
	l.Run(context.Background())
	// Output:
	// text: hello!
	// ws: closed, 1000 normal closure
}

// A request that is not a handshake, or that CheckOrigin or the limits refuse, has been
// answered when Upgrade returns.
func ExampleUpgrade() {
	h := &ws.Handler{
		Protocols:   []string{"v2", "v1"},
		CheckOrigin: func(r server.Request) bool { return string(r.Get("Origin")) != "http://evil.example" },
		MaxMessage:  1 << 20,
	}
	url, stop := serve(func(w server.Response, r server.Request) {
		user := string(r.Path())
		c, err := ws.Upgrade(w, r, h)
		if err != nil {
			return
		}
		c.State = user
		c.WriteText("welcome " + user + ", let us speak " + c.Protocol())
	})
	defer stop()

	l := loop()
	guest := &ws.Handler{
		Protocols: []string{"v3", "v1"},
		Message: func(c *ws.Conn, op ws.Op, p []byte) {
			fmt.Printf("%s\n", p)
			c.Close(ws.GoingAway, "")
		},
	}
	ws.Dial(l, url+"/ada", guest, nil)
	l.Run(context.Background())
	// Output: welcome /ada, let us speak v1
}

// What a Dialer adds to the handshake, and what comes of one that is refused.
func ExampleDialer() {
	url, stop := serve(func(w server.Response, r server.Request) {
		if string(r.Get("Authorization")) != "Bearer secret" {
			w.Status(401)
			w.End("who are you?")
			return
		}
		ws.Upgrade(w, r, &ws.Handler{Open: func(c *ws.Conn) { c.Close(ws.NormalClosure, "") }})
	})
	defer stop()

	l := loop()
	ws.Dial(l, url, &ws.Handler{}, func(c *ws.Conn, err error) {
		fmt.Println(err)
		d := &ws.Dialer{Fields: func(q client.Request) { q.Set("Authorization", "Bearer secret") }}
		d.Dial(l, url, &ws.Handler{}, func(c *ws.Conn, err error) { fmt.Println(err) })
	})
	l.Run(context.Background())
	// Output:
	// ws: handshake: status 401: not 101 Switching Protocols
	// <nil>
}

// A chat room: what one says, all hear.
func ExampleHub() {
	var room ws.Hub
	member := &ws.Handler{
		Open:    func(c *ws.Conn) { room.Add(c) },
		Message: func(c *ws.Conn, op ws.Op, p []byte) { room.Send(op, p) },
	}
	url, stop := serve(func(w server.Response, r server.Request) { ws.Upgrade(w, r, member) })
	defer stop()

	l := loop()
	heard := 0
	listener := &ws.Handler{Message: func(c *ws.Conn, op ws.Op, p []byte) {
		fmt.Printf("%s\n", p)
		if heard++; heard == 3 {
			for c := range ws.Conns(l) {
				c.Close(ws.NormalClosure, "")
			}
		}
	}}
	joined := 0
	for range 3 {
		ws.Dial(l, url, listener, func(c *ws.Conn, err error) {
			if joined++; joined == 3 {
				c.WriteText("hi all")
			}
		})
	}
	l.Run(context.Background())
	// Output:
	// hi all
	// hi all
	// hi all
}

// A message in parts whose number need not be known.
func ExampleAppendHead() {
	var b []byte
	for i, part := range []string{"one, ", "two, ", "three"} {
		op := ws.Continuation
		if i == 0 {
			op = ws.Text
		}
		b = ws.AppendHead(b, op, i == 2, len(part))
		b = append(b, part...)
	}
	fmt.Printf("%q\n", b)
	// Output: "\x01\x05one, \x00\x05two, \x80\x05three"
}

// Frames need no connection: bytes go in as they come, and pieces of messages come
// out.
func ExampleParser() {
	var p ws.Parser
	input := ws.AppendMaskedFrame(nil, ws.Text, []byte("Hello"), 0x3d21fa37)
	input = ws.AppendMaskedFrame(input, ws.Ping, nil, 0x3d21fa37)
	for _, in := range [][]byte{input[:8], input[8:]} { // in whatever pieces
		for len(in) > 0 {
			piece, n, err := p.Parse(in)
			if err != nil {
				fmt.Println(err)
				return
			}
			in = in[n:]
			if piece.Op != 0 {
				fmt.Printf("%v %q, the last piece: %v\n", piece.Op, piece.Data, piece.Last())
			}
		}
	}
	// Output:
	// text "He", the last piece: false
	// text "llo", the last piece: true
	// ping "", the last piece: true
}

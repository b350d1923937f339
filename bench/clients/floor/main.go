// The floor of clients: a request that was made before, and parser.Response over conn. No pool, no
// deadlines, no look at a connection before it is used.
package main

import (
	"bytes"
	"context"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/poller"
)

// A connection reads answers.
type connection struct {
	head parser.Response
	left int // bytes of the body
	due  int // answers of the batch that have not come
}

func main() {
	ask.Main(func(j ask.Job, m *ask.Meter) error {
		p, err := poller.New()
		if err != nil {
			return err
		}
		l, err := conn.NewLoop(p)
		if err != nil {
			return err
		}
		batch := bytes.Repeat([]byte("GET "+j.Path+" HTTP/1.1\r\nHost: "+j.Addr+"\r\n\r\n"), j.Pipeline)
		h := &conn.Handler{
			Open: func(c *conn.Conn) {
				c.State = &connection{head: parser.Response{Head: parser.Head{Fields: make([]parser.Field, 0, 32)}}, due: j.Pipeline}
				c.Write(batch)
			},
			Data: func(c *conn.Conn, p []byte) int {
				s := c.State.(*connection)
				n, err := s.read(p, m)
				if err != nil {
					m.Fail(err)
					c.Close()
				} else if s.due <= 0 {
					s.due = j.Pipeline
					c.Write(batch)
				}
				return n
			},
		}
		for range j.Conns {
			if _, err := l.Dial("tcp", j.Addr, h); err != nil {
				return err
			}
		}
		l.Ref()
		go l.Run(context.Background())
		return nil
	})
}

// read takes answers, and counts those that are whole.
func (s *connection) read(p []byte, m *ask.Meter) (n int, err error) {
	for n < len(p) {
		if s.left == 0 {
			size, err := s.head.Parse(p[n:])
			if err != nil || size == 0 {
				return n, err
			}
			n += size
			s.left = int(s.head.Length)
			s.head.Reset()
		}
		take := min(s.left, len(p)-n)
		n += take
		if s.left -= take; s.left == 0 {
			if m.Answer() {
				s.due--
			}
		}
	}
	return n, nil
}

// Hub: answers that wait for the same thing, on several loops.

package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// crowd lets n clients wait in hub, at /.
func crowd(s *rig, hub *Hub, n int) (list []*client) {
	s.t.Helper()
	for range n {
		c := s.dial()
		c.send(get("/"))
		list = append(list, c)
	}
	until(s.t, "all wait in the hub", func() bool { return hub.Len() == n })
	return list
}

func TestHub(t *testing.T) {
	t.Parallel()
	var hub Hub
	s := start(t, &Server{Loops: 3}, func(w Response, r Request) { hub.Add(w) })
	list := crowd(s, &hub, 20)
	hub.End([]byte("news\n"))
	if hub.Len() != 0 {
		t.Error("End leaves answers in the hub")
	}
	for _, c := range list {
		c.want("200 news")
		c.send(get("/")) // on the same connection: another exchange
	}
	until(t, "all wait again", func() bool { return hub.Len() == len(list) })
	msg := []byte("event\n")
	for i := range 3 {
		copy(msg, fmt.Sprintf("even%d", i))
		hub.Send(msg)
	}
	copy(msg, "xxxxx") // it is ours again
	hub.End(nil)
	for _, c := range list {
		c.want("200 even0\neven1\neven2")
	}
}

// TestHubOver: an answer that was completed otherwise is not kept, nor is one
// whose client left.
func TestHubOver(t *testing.T) {
	t.Parallel()
	var hub, other Hub
	s := start(t, &Server{Loops: 2}, func(w Response, r Request) {
		hub.Add(w)
		hub.Add(w)
		other.Add(w)
		if string(r.Path()) == "/timeout" {
			w.After(time.Millisecond, func() { w.Status(204); w.End("") })
		}
	})
	c := s.dial()
	c.send(get("/timeout"))
	c.want("204")
	until(t, "it is taken out", func() bool { return hub.Len()+other.Len() == 0 })
	c.send(get("/"))
	until(t, "it is in", func() bool { return hub.Len() == 1 && other.Len() == 1 })
	c.fin()
	c.wantEnd()
	s.idle()
	if hub.Len()+other.Len() != 0 {
		t.Error("who left is still in the hub")
	}
	for _, leave := range []func(*client){(*client).reset, func(c *client) { c.Close() }} {
		list := crowd(s, &hub, 10)
		for _, c := range list {
			leave(c)
		}
		until(t, "they are taken out", func() bool { return hub.Len()+other.Len() == 0 })
		s.idle()
	}
	hub.Add(Response{}) // stale
	hub.Send([]byte("x"))
	hub.End(nil)
}

// TestHubBusy has goroutines send and end while clients come and go.
func TestHubBusy(t *testing.T) {
	t.Parallel()
	var hub Hub
	s := start(t, &Server{Loops: 3}, func(w Response, r Request) { w.WriteString("("); hub.Add(w) })
	stop := make(chan struct{})
	var speakers, clients sync.WaitGroup
	for range 2 {
		speakers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					hub.Send([]byte("."))
					hub.Len()
					hub.End([]byte(")"))
				}
			}
		})
	}
	for i := range 8 {
		c := s.dial()
		clients.Go(func() {
			for range 100 {
				c.send(get("/"))
				a, err := c.read("GET")
				if err != nil || strings.ReplaceAll(a.body, ".", "") != "()" {
					t.Errorf("%q, %v", a.body, err)
					return
				}
			}
			if i%2 == 0 {
				c.send(get("/"))
				c.reset()
			}
		})
	}
	clients.Wait()
	close(stop)
	speakers.Wait()
}

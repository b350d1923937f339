// Hub: answers that wait for the same thing, on several loops.

package server

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
)

// crowd lets n clients wait in hub, at /.
func crowd(s *rig, hub *Hub, n int) (list []*client) {
	s.t.Helper()
	for range n {
		c := s.dial()
		c.Send(get("/"))
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
		c.Want("200 news")
		c.Send(get("/")) // on the same connection: another exchange
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
		c.Want("200 even0\neven1\neven2")
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
	c.Send(get("/timeout"))
	c.Want("204")
	until(t, "it is taken out", func() bool { return hub.Len()+other.Len() == 0 })
	c.Send(get("/"))
	until(t, "it is in", func() bool { return hub.Len() == 1 && other.Len() == 1 })
	c.FIN()
	c.WantEnd()
	s.idle()
	if hub.Len()+other.Len() != 0 {
		t.Error("who left is still in the hub")
	}
	for _, leave := range []func(*client){(*client).Reset, func(c *client) { c.Close() }} {
		list := crowd(s, &hub, 10)
		for _, c := range list {
			leave(c)
		}
		until(t, "they are taken out", func() bool { return hub.Len()+other.Len() == 0 })
		s.idle()
	}
	if hub.Add(Response{}) {
		t.Error("a stale answer is taken")
	}
	hub.Send([]byte("x"))
	hub.End(nil)
}

// TestHubRemove: who is taken out is not written to any more, and goes on.
func TestHubRemove(t *testing.T) {
	t.Parallel()
	var hub, other Hub
	s := start(t, &Server{}, func(w Response, r Request) {
		if hub.Remove(w) || !hub.Add(w) || !other.Add(w) {
			t.Error("it is in the set before Add, or not after")
		}
		hub.Send([]byte("lost"))
		if !hub.Remove(w) || hub.Remove(w) || hub.Len() != 0 {
			t.Error("Remove does not take it out")
		}
		other.End([]byte("kept"))
		if other.Remove(w) {
			t.Error("End leaves it in the set")
		}
	})
	c := s.dial()
	c.Send(get("/"))
	c.Want("200 kept")
	// Outside of any hub a FIN is no reason to close.
	w := make(chan Response, 1)
	s = start(t, &Server{}, func(x Response, r Request) { hub.Add(x); hub.Remove(x); x.OnAbort(func() { w <- x }) })
	c = s.dial()
	c.Send(get("/"))
	c.FIN()
	s.do(func() {})
	x := wait(t, w)
	s.do(func() { x.End("still") })
	c.Want("200 still")
}

// TestHubHead: the answer to HEAD is complete with its head (RFC 9110 9.3.2), be
// that sent before Add, after it, or by Send.
func TestHubHead(t *testing.T) {
	t.Parallel()
	var hub Hub
	s := start(t, &Server{}, func(w Response, r Request) {
		if string(r.Path()) == "/begun" {
			w.WriteString(": comment")
			if hub.Add(w) {
				t.Error("an answer that is complete is taken")
			}
			return
		}
		hub.Add(w)
		switch string(r.Path()) {
		case "/write":
			w.WriteString(": comment")
		case "/file":
			w.SendFile(file(t, "0123456789"), 2, 5)
		}
	})
	c := s.dial()
	for _, path := range []string{"/begun", "/write", "/file"} {
		c.Send(request("HEAD", path))
		if a, err := c.Answer("HEAD"); err != nil || a.StatusCode != 200 {
			t.Fatal(a, err)
		}
	}
	for _, tell := range []func([]byte){hub.Send, hub.End} {
		c.Send(request("HEAD", "/"))
		until(t, "it waits", func() bool { return hub.Len() == 1 })
		tell([]byte("news"))
		if a, err := c.Answer("HEAD"); err != nil || a.StatusCode != 200 {
			t.Fatal(a, err)
		}
	}
}

// TestHubGoesOnAfterAPanic: what one exchange's end calls may panic, and ends its
// own connection alone: the others have what was sent.
func TestHubGoesOnAfterAPanic(t *testing.T) {
	t.Parallel()
	const members = 20
	for _, by := range []string{"End", "Send"} {
		hub := Hub{MaxBacklog: 1}
		ended := 0
		s := start(t, &Server{MaxBacklog: -1, Access: func(Access) {
			if ended++; ended == 5 && by == "End" {
				panic("the fifth")
			}
		}}, func(w Response, r Request) {
			hub.Add(w)
			if by == "Send" && hub.Len() == 5 {
				w.Write(make([]byte, 16<<20)) // more than is read, or taken by the kernel
				w.OnAbort(func() { panic("the fifth") })
			}
		})
		var list []*client
		for range members {
			c := s.dial()
			c.Send(get("/"))
			list = append(list, c)
			until(t, "it waits", func() bool { return hub.Len() == len(list) })
		}
		if by == "Send" {
			hub.Send([]byte("news"))
		}
		hub.End([]byte("."))
		answered := 0
		for i, c := range list {
			if i == 4 && by == "Send" {
				c.Close()
				continue
			}
			if a, err := c.Answer("GET"); err == nil && (by == "End" && a.Text == "." || a.Text == "news.") {
				answered++
			}
			c.Close()
		}
		if answered != members-1 {
			t.Errorf("%s: %d of %d were answered, one panicked", by, answered, members)
		}
		s.idle()
		if text := s.logs.Want(t, "panic=the fifth"); strings.Count(text, "panic=the fifth") != 1 {
			t.Errorf("%s: logged %.200q", by, text)
		}
	}
}

// TestHubDealsInPortions: what goes to many leaves the others their turns, and
// each member gets what was sent in order.
func TestHubDealsInPortions(t *testing.T) {
	if loopback.Poller(t) == "select" {
		t.Skip("select takes descriptors up to 1023 only, and this needs twice as many")
	}
	t.Parallel()
	const members = 3*dealMost + 10
	var hub Hub
	var turn, in, most uint64 // of the loop alone
	var s *rig
	s = start(t, &Server{Access: func(Access) {
		if now := s.workers[0].loop.Stats().Turns; now != turn {
			turn, in = now, 0
		}
		in++
		most = max(most, in)
	}}, func(w Response, r Request) { hub.Add(w) })
	list := crowd(s, &hub, members)
	s.do(func() { // all of it waits, and meanwhile others come and go
		hub.Send([]byte("1"))
		hub.Send([]byte("2"))
		hub.End([]byte("3"))
		hub.Send([]byte("4"))
	})
	for i, c := range list {
		c.Want("200 123")
		if i%100 == 0 {
			c.Send(get("/"))
		}
	}
	s.Close()
	if most > dealMost {
		t.Errorf("%d of %d answers were ended in one turn of the loop", most, members)
	}
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
					time.Sleep(50 * time.Microsecond) // the rate of the speakers, not a wait: without it they take all processors
				}
			}
		})
	}
	for i := range 8 {
		c := s.dial()
		clients.Go(func() {
			for range 40 {
				c.Send(get("/"))
				a, err := c.Answer("GET")
				if err != nil || strings.ReplaceAll(a.Text, ".", "") != "()" {
					t.Errorf("%q, %v", a.Text, err)
					return
				}
			}
			if i%2 == 0 {
				c.Send(get("/"))
				c.Reset()
			}
		})
	}
	clients.Wait()
	close(stop)
	speakers.Wait()
}

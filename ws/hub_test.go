// Hubs: who gets which messages, in which order, and who is dropped.

package ws

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
)

// inHub upgrades every request, on several loops, and sends the connections to a
// channel.
func inHub(t testing.TB, h *Handler) (s *rig, conns chan *Conn) {
	conns = make(chan *Conn, 1000)
	h.Open = func(c *Conn) { conns <- c }
	unhurried(h)
	return startWith(t, &server.Server{Loops: 3}, func(w server.Response, r server.Request) { Upgrade(w, r, h) }), conns
}

func TestHub(t *testing.T) {
	t.Parallel()
	var hub, other Hub
	s, conns := inHub(t, &Handler{})
	const n = 100 // more than a portion on each loop
	peers, all := make([]*peer, n), make([]*Conn, n)
	for i := range peers {
		peers[i] = s.dial()
		all[i] = wait(t, conns)
		hub.Add(all[i])
		hub.Add(all[i]) // once is enough
		other.Add(all[i])
	}
	if hub.Len() != n || other.Len() != n {
		t.Fatalf("%d and %d members, want %d", hub.Len(), other.Len(), n)
	}
	if err := hub.Send(Text, []byte("to all")); err != nil {
		t.Fatal(err)
	}
	for _, p := range peers {
		p.want(`text "to all"`)
	}
	for _, c := range all[50:] {
		hub.Remove(c)
		hub.Remove(c)
	}
	hub.Send(Binary, []byte("to half"))
	other.Send(Text, []byte("to all others"))
	for i, p := range peers {
		if i < 50 {
			p.want(`binary "to half"`)
		}
		p.want(`text "to all others"`)
	}
	peers[0].send(bye(1000, ""))
	peers[0].all()
	until(t, "it has left both", func() bool { return hub.Len() == 49 && other.Len() == n-1 })
	hub.Add(all[0]) // it is closed
	if hub.Len() != 49 {
		t.Error("a connection that is closed was added")
	}
	hub.Each(func(c *Conn) { c.Close(GoingAway, "") })
	for _, p := range peers[1:50] {
		p.want("close 1001")
		p.send(bye(1001, ""))
	}
	until(t, "nobody is left", func() bool { return hub.Len() == 0 })
	if err := hub.Send(Text, []byte("to nobody")); err != nil {
		t.Error(err)
	}
	if err := hub.Send(Text, []byte("\xff")); err != ErrUTF8 {
		t.Error(err)
	}
	hub.mu.Lock()
	defer hub.mu.Unlock()
	if len(hub.crews) != 0 {
		t.Errorf("%d crews are left of an empty hub", len(hub.crews))
	}
}

// Messages of each sender come in the order in which they were sent, nothing is
// lost and nothing comes twice, while members come and go.
func TestHubOrder(t *testing.T) {
	t.Parallel()
	var hub Hub
	s, conns := inHub(t, &Handler{})
	const members, senders, messages = 40, 3, 300
	var readers, writers, churn sync.WaitGroup
	for range members {
		p := s.dial()
		hub.Add(wait(t, conns))
		readers.Go(func() {
			var next [senders]int
			for range senders * messages {
				f, err := p.read()
				if err != nil {
					t.Error(err)
					return
				}
				var from, i int
				fmt.Sscanf(string(f.data), "%d %d", &from, &i)
				if i != next[from] {
					t.Errorf("message %d of %d, want %d", i, from, next[from])
					return
				}
				next[from]++
			}
		})
	}
	stop := make(chan bool)
	churn.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			p := s.dial()
			c := wait(t, conns)
			hub.Add(c)
			p.Close()
			hub.Remove(c)
		}
	})
	for from := range senders {
		writers.Go(func() {
			for i := range messages {
				if err := hub.Send(Text, fmt.Appendf(nil, "%d %d", from, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	readers.Wait()
	close(stop)
	churn.Wait()
}

// A member that does not read is closed with a code, and keeps nothing from the
// others.
func TestHubSlowMember(t *testing.T) {
	t.Parallel()
	hub := Hub{MaxBacklog: 100 << 10, Code: PolicyViolation}
	h, ends := closing(&Handler{CloseTimeout: 200 * time.Millisecond})
	s, conns := inHub(t, h)
	slow := s.dial()
	hub.Add(wait(t, conns))
	quick := s.dial()
	hub.Add(wait(t, conns))
	m, _ := Prepare(Binary, []byte(k64))
	for i := 0; hub.Len() == 2; i++ {
		if i > 1000 {
			t.Fatal("60 MB wait for a member that does not read")
		}
		hub.SendPrepared(m)
		quick.want("binary of 65536")
	}
	// Who reads at last finds the close frame after what was sent.
	if got := slow.all(); !strings.HasSuffix(got, "close 1008") && !strings.Contains(got, "reset") && !strings.Contains(got, "EOF") {
		t.Errorf("the slow one read ...%s", got[max(0, len(got)-100):])
	}
	if e := wait(t, ends); e.Code != Abnormal {
		t.Error(e)
	}
	hub.SendPrepared(m)
	quick.want("binary of 65536")
}

// A negative MaxBacklog is no limit, as everywhere: a member stays though more than the
// default waits for it.
func TestHubNoLimit(t *testing.T) {
	t.Parallel()
	hub := Hub{MaxBacklog: -1}
	h, _ := closing(&Handler{})
	s, conns := inHub(t, h)
	s.dial()
	member := wait(t, conns)
	hub.Add(member)
	m, _ := Prepare(Binary, []byte(k64))
	until(t, "more than the default waits, or it is closed", func() bool {
		hub.SendPrepared(m)
		pending := make(chan int, 1)
		if member.Post(func() { pending <- member.Pending() }) != nil {
			return true
		}
		return wait(t, pending) > 2<<20
	})
	if hub.Len() != 1 {
		t.Error("it was closed")
	}
}

// A loop that does not turn keeps no more than so many messages, which count for its
// MaxMemory.
func TestHubQueue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ maxMemory, most int64 }{
		{1 << 30, HubQueue},
		{80 << 20, 10 << 20},
		{-1, HubQueue},
	} {
		var hub Hub
		conns := make(chan *Conn, 1)
		h := &Handler{Open: func(c *Conn) { conns <- c }}
		unhurried(h)
		s := startWith(t, &server.Server{Loops: 1, MaxMemory: c.maxMemory}, func(w server.Response, r server.Request) { Upgrade(w, r, h) })
		p := s.dial()
		member := wait(t, conns)
		hub.Add(member)
		held, release := make(chan bool), make(chan bool)
		member.Post(func() { close(held); <-release })
		wait(t, held)
		m, _ := Prepare(Binary, make([]byte, 1<<20))
		var err error
		n := int64(0)
		for ; err == nil && n < 1000; n++ {
			err = hub.SendPrepared(m)
		}
		close(release)
		if !errors.Is(err, ErrQueue) || n > c.most>>20+2 {
			t.Errorf("%d MiB are held: %v", n, err)
		}
		p.want("binary of 1048576")
		p.Close()
		until(t, "nothing is held", func() bool { return s.Stats().Held == 0 })
	}
}

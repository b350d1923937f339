// test: the clients, the sender, and what is found.

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/ws"
)

// A test is one run.
type test struct {
	urls, senders                    []string
	mix                              []string
	clients, rooms, messages, size   int
	loops                            int
	rate                             float64
	patience                         time.Duration
	progress                         func(line string)
	tag                              string
	client                           client.Client
	dialer                           ws.Dialer
	sockets                          ws.Handler
	connected, received, reconnects  atomic.Int64
	acked, resent                    atomic.Int64
	twice, unordered, lost, failures atomic.Int64
	expected                         []int // messages of each room
	times                            histogram
	acks                             histogram
	finale                           time.Time // when the last message was sent to the server
	refusals                         refusals
}

// A result is what a run found.
type result struct {
	Clients, Messages  int
	Received           int64 // by all clients
	Missed             int64
	Twice, Unordered   int64
	Reconnects, Resent int64
	Refused            map[string]int64 // why messages were sent again
	Lost               int64            // times that a client was told that messages are not kept any more
	Took               time.Duration    // for all messages
	Latency, Ack       percentiles      // from sending to receiving, and to the acknowledgement
	Sent               time.Duration    // from sending the last message to its last byte at the last client's socket; 0: not known
}

func (r result) String() string {
	s := fmt.Sprintf("%d clients, %d messages in %v: %d received, %d missed, %d twice, %d out of order\n"+
		"%d reconnects, %d messages sent again\nreceived after: %v\nacknowledged after: %v\n"+
		"the last one's last byte was at a client's socket after %v\n",
		r.Clients, r.Messages, r.Took.Round(time.Millisecond), r.Received, r.Missed, r.Twice, r.Unordered,
		r.Reconnects, r.Resent, r.Latency, r.Ack, r.Sent.Round(time.Millisecond))
	for why, n := range r.Refused {
		s += fmt.Sprintf("sent again %d times because of %s\n", n, why)
	}
	return s
}

func (t *test) run() (r result, err error) {
	t.client = client.Client{MaxConns: -1, MaxIdle: 1024, HeadTimeout: 90 * time.Second, BodyTimeout: -1, DialTimeout: 5 * time.Second}
	t.dialer.Client = client.Client{MaxConns: -1, DialTimeout: 5 * time.Second, HeadTimeout: 10 * time.Second}
	t.sockets = ws.Handler{
		Message:    func(c *ws.Conn, op ws.Op, p []byte) { c.State.(*visitor).take(p) },
		Close:      func(c *ws.Conn, err *ws.CloseError) { c.State.(*visitor).again() },
		MaxMessage: 16 << 20,
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	loops := make([]*conn.Loop, t.loops)
	for i := range loops {
		p, err := poller.New()
		if err != nil {
			return r, err
		}
		if loops[i], err = conn.NewLoop(p); err != nil {
			return r, err
		}
		loops[i].Ref()
	}
	visitors := make([]*visitor, t.clients)
	for i := range visitors {
		visitors[i] = &visitor{test: t, loop: loops[i%len(loops)], room: i % t.rooms, kind: t.mix[i*37%len(t.mix)], name: fmt.Sprint("c", i), url: i}
	}
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for _, l := range loops {
		running.Go(func() { l.Run(ctx) })
	}
	if err := t.connect(visitors); err != nil {
		return r, err
	}
	began := time.Now()
	if err := t.say(loops[0]); err != nil {
		return r, err
	}
	want := int64(0)
	for i := range visitors {
		want += int64(t.expected[i%t.rooms])
	}
	t.wait(func() bool { return t.received.Load() >= want }, "receiving")
	sent := t.sent(loops)
	return result{
		Clients: t.clients, Messages: t.messages, Received: t.received.Load(), Missed: max(want-t.received.Load(), 0),
		Twice: t.twice.Load(), Unordered: t.unordered.Load(), Reconnects: t.reconnects.Load(), Resent: t.resent.Load(),
		Lost: t.lost.Load(), Took: time.Since(began), Latency: t.times.percentiles(), Ack: t.acks.percentiles(), Sent: sent, Refused: t.refusals.all(),
	}, nil
}

// sent returns how long after its beginning the last message was with the kernel for all.
func (t *test) sent(loops []*conn.Loop) time.Duration {
	var last time.Time
	for _, l := range loops {
		at := make(chan time.Time, 1)
		l.Post(func() { at <- arrived(l) })
		if a := <-at; a.After(last) {
			last = a
		}
	}
	if last.IsZero() {
		return 0
	}
	return last.Sub(t.finale)
}

// wait shows progress until done, or for as long as the patience lasts.
func (t *test) wait(done func() bool, doing string) bool {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	last, since := int64(-1), time.Now()
	for !done() {
		if now := t.received.Load() + t.connected.Load() + t.acked.Load(); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) > t.patience {
			return false
		}
		t.progress(fmt.Sprintf("%s: %d connected, %d said, %d received, %d reconnects", doing,
			t.connected.Load(), t.acked.Load(), t.received.Load(), t.reconnects.Load()))
		<-ticker.C
	}
	return true
}

// connect has all clients come in, a few hundred at a time.
func (t *test) connect(visitors []*visitor) error {
	for i, v := range visitors {
		v.loop.Post(v.visit)
		if i%256 == 255 {
			t.wait(func() bool { return t.connected.Load() >= int64(i-128) }, "connecting")
		}
	}
	if !t.wait(func() bool { return t.connected.Load() >= int64(t.clients) }, "connecting") {
		return fmt.Errorf("%d of %d clients are connected", t.connected.Load(), t.clients)
	}
	return nil
}

// say sends all messages at their rate, and waits until each is acknowledged.
func (t *test) say(l *conn.Loop) error {
	t.expected = make([]int, t.rooms)
	gap := time.Duration(float64(time.Second) / t.rate)
	next, shown := time.Now(), time.Time{}
	for n := range t.messages {
		if d := time.Until(next); d > time.Millisecond {
			time.Sleep(d)
		}
		next = next.Add(gap)
		room := n % t.rooms
		t.expected[room]++
		l.Post(func() { t.send(l, room, n, n) })
		if now := time.Now(); now.Sub(shown) > 100*time.Millisecond {
			shown = now
			t.progress(fmt.Sprintf("%d of %d said, %d acknowledged, %d received", n+1, t.messages, t.acked.Load(), t.received.Load()))
		}
	}
	if !t.wait(func() bool { return t.acked.Load() >= int64(t.messages) }, "acknowledging") {
		return errors.New("not all messages were acknowledged")
	}
	return nil
}

// send says message n, at one node after the other until one acknowledges it.
func (t *test) send(l *conn.Loop, room, n, try int) {
	began := time.Now()
	if n == t.messages-1 {
		t.finale = began
	}
	text := fmt.Sprintf("%s %d %d ", t.tag, n, began.UnixNano())
	text += strings.Repeat("x", max(t.size-len(text), 0))
	body := fmt.Sprintf(`{"room":"%s.%d","name":"sender","text":"%s","key":"%d"}`, t.tag, room, text, n)
	q := t.client.On(l).Request("POST", t.senders[try%len(t.senders)]+"/send")
	q.Set("Content-Type", "application/json")
	q.Do(func(r client.Response, err error) {
		if err == nil {
			err = r.Body(1<<16, func(_ []byte, _ error) {})
		}
		if err != nil || r.Status() != 200 {
			t.resent.Add(1)
			t.refusals.add(r, err)
			// A server that has too much to do gets less: twice the time each time, by chance.
			l.After(rand.N(100*time.Millisecond<<min(try-n, 5)), func() { t.send(l, room, n, try+1) })
			return
		}
		t.acks.add(time.Since(began))
		t.acked.Add(1)
	})
	q.End(body)
}

// refusals counts why messages were not acknowledged.
type refusals struct {
	mu  sync.Mutex
	why map[string]int64
}

func (c *refusals) add(r client.Response, err error) {
	what := "no answer"
	var e *client.Error
	switch {
	case err == nil:
		what = fmt.Sprint("status ", r.Status())
	case errors.As(err, &e):
		cause := e.Err
		for u := errors.Unwrap(cause); u != nil; u = errors.Unwrap(u) { // without addresses
			cause = u
		}
		what = fmt.Sprint(e.Phase, ": ", cause)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.why == nil {
		c.why = make(map[string]int64)
	}
	c.why[what]++
}

func (c *refusals) all() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.why)
}

// visitor: one client, which comes back when its connection is lost.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/ws"
)

// A visitor belongs to its loop.
type visitor struct {
	test *test
	loop *conn.Loop
	room int
	kind string
	name string
	url  int // of test.urls, the one to go to next

	seen  bool   // it was connected
	epoch string // of the last message
	seq   uint64
	at    time.Time // when what is being read was received
	part  []byte    // of a server-sent event
	had   []uint64  // a bit for each message of the room: one that was stored twice has two ids
	q     client.Request
}

func (v *visitor) address(path string) string {
	id := ""
	if v.epoch != "" {
		id = v.epoch + "-" + strconv.FormatUint(v.seq, 10)
	}
	q := url.Values{"room": {fmt.Sprintf("%s.%d", v.test.tag, v.room)}, "name": {v.name}, "token": {v.test.tag + v.name}, "id": {id}}
	base := v.test.urls[v.url%len(v.test.urls)]
	v.url++
	return base + path + "?" + q.Encode()
}

// visit begins, or comes back.
func (v *visitor) visit() {
	switch v.kind {
	case "websocket":
		at := strings.Replace(v.address("/ws"), "http", "ws", 1)
		v.test.dialer.Dial(v.loop, at, &v.test.sockets, func(c *ws.Conn, err error) {
			if err != nil {
				v.again()
				return
			}
			c.State = v
		})
	case "events":
		v.part = v.part[:0]
		v.test.client.On(v.loop).Get(v.address("/events"), func(r client.Response, err error) {
			if err != nil || r.Status() != 200 {
				v.again()
				return
			}
			r.Stream(func(p []byte, err error) {
				v.stream(p)
				if err != nil {
					v.again()
				}
			})
		})
	default:
		v.poll()
	}
}

// again visits the next node in a while.
func (v *visitor) again() {
	v.test.reconnects.Add(1)
	v.loop.After(50*time.Millisecond+rand.N(500*time.Millisecond), v.visit)
}

func (v *visitor) poll() {
	v.test.client.On(v.loop).Get(v.address("/wait"), func(r client.Response, err error) {
		if err != nil {
			v.again()
			return
		}
		r.Body(16<<20, func(body []byte, err error) {
			if err != nil || r.Status() != 200 {
				v.again()
				return
			}
			v.url-- // the same node again
			v.take(body)
			v.poll()
		})
	})
}

// stream takes pieces of server-sent events.
func (v *visitor) stream(p []byte) {
	v.part = append(v.part, p...)
	for {
		i := bytes.Index(v.part, []byte("\n\n"))
		if i < 0 {
			return
		}
		for line := range bytes.SplitSeq(v.part[:i], []byte("\n")) {
			if data, ok := bytes.CutPrefix(line, []byte("data: ")); ok {
				v.take(data)
			}
		}
		v.part = append(v.part[:0], v.part[i+2:]...)
	}
}

// take checks an array of events.
func (v *visitor) take(p []byte) {
	t := v.test
	if !v.seen {
		v.seen = true
		t.connected.Add(1)
	}
	if bytes.HasPrefix(p, []byte(`[{"who"`)) { // most of what a large crowd hears as it comes in
		return
	}
	var events []struct {
		ID, Text string
		Lost     bool
	}
	if err := json.Unmarshal(p, &events); err != nil {
		t.failures.Add(1)
		return
	}
	now := time.Now()
	for _, e := range events {
		if e.Lost {
			t.lost.Add(1)
		}
		words := strings.Fields(e.Text)
		if len(words) < 3 || words[0] != t.tag {
			continue
		}
		epoch, number, _ := strings.Cut(e.ID, "-")
		seq, _ := strconv.ParseUint(number, 10, 64)
		switch {
		case epoch == v.epoch && seq == v.seq:
			t.twice.Add(1)
			continue
		case epoch == v.epoch && seq < v.seq:
			t.unordered.Add(1)
			continue
		}
		v.epoch, v.seq = epoch, seq
		if n, err := strconv.Atoi(words[1]); err != nil || !v.first(n/t.rooms) {
			t.twice.Add(1)
			continue
		}
		t.received.Add(1)
		if sent, err := strconv.ParseInt(words[2], 10, 64); err == nil {
			t.times.add(now.Sub(time.Unix(0, sent)))
		}
	}
}

// first reports whether the room's message n is new to the visitor, and notes that it came.
func (v *visitor) first(n int) bool {
	for len(v.had) <= n/64 {
		v.had = append(v.had, 0)
	}
	bit := uint64(1) << (n % 64)
	if v.had[n/64]&bit != 0 {
		return false
	}
	v.had[n/64] |= bit
	return true
}

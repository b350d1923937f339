// Stats: every state that a connection can be in, and every limit that can end it.

package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// stats waits until the server's are as want has them.
func (r *rig) stats(what string, want func(st Stats) bool) Stats {
	r.t.Helper()
	var st Stats
	for end := time.Now().Add(patience); ; {
		if st = r.Stats(); want(st) {
			return st
		}
		if time.Now().After(end) {
			b, _ := json.MarshalIndent(st, "", "\t")
			r.t.Fatalf("waited in vain: %s, in %s", what, b)
		}
		time.Sleep(time.Millisecond)
	}
}

// states are those of the connections, which have to add up at any time.
func (r *rig) states(what string, idle, reading, receiving, answering, closing int) {
	r.t.Helper()
	r.stats(what, func(st Stats) bool {
		if sum := st.Idle + st.Reading + st.Receiving + st.Answering + st.Closing; sum != st.Conns {
			r.t.Errorf("%s: %d connections, the states add up to %d", what, st.Conns, sum)
		}
		return st.Idle == idle && st.Reading == reading && st.Receiving == receiving && st.Answering == answering && st.Closing == closing
	})
}

func TestStatsStates(t *testing.T) {
	t.Parallel()
	handles := make(chan Response, 1)
	s := start(t, &Server{Loops: 2, MaxHead: 1000}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/wait":
			handles <- w
		case "/hijack":
			w.Hijack(nil)
		default:
			r.Body(100, func(p []byte) { w.End(string(p)) })
		}
	})
	c := s.dial()
	s.states("a new connection", 1, 0, 0, 0, 0)
	c.Send(get("/")[:10])
	s.states("a part of a head", 0, 1, 0, 0, 0)
	c.Send(get("/")[10:11])
	s.states("a larger part", 0, 1, 0, 0, 0)
	c.Send(get("/")[11:])
	c.Want("200")
	s.states("answered", 1, 0, 0, 0, 0)
	c.Send(post("/", "hello")[:len(post("/", "hello"))-1])
	s.states("a part of a body", 0, 0, 1, 0, 0)
	c.Send("o")
	c.Want("200 hello")
	s.states("answered again", 1, 0, 0, 0, 0)
	c.Send(get("/wait") + get("/")[:5])
	w := wait(t, handles)
	s.states("it waits", 0, 0, 0, 1, 0)
	w.Post(func() { w.End("") })
	c.Want("200")
	s.states("the next head has come in part", 0, 1, 0, 0, 0)
	begun := time.Now()
	c.Send("\n\n")
	c.Want("400")
	s.stats("refused, and not closed by the client", func(st Stats) bool {
		return st.Closing == 1 && st.Conns == 1 || time.Since(begun) > lingerTime // on a busy machine it has been closed
	})
	c.Close()
	s.states("gone", 0, 0, 0, 0, 0)

	c = s.dial()
	c.Send(get("/")[:10])
	s.states("a part of a head", 0, 1, 0, 0, 0)
	c.Reset()
	s.states("gone while its head was read", 0, 0, 0, 0, 0)

	c = s.dial()
	c.Send(request("POST", "/wait", "Content-Length: 5"))
	w = wait(t, handles)
	s.states("a body that nobody reads", 0, 0, 1, 0, 0)
	w.Post(func() { w.End("") })
	c.Want("200")
	s.states("the rest of it is skipped", 0, 0, 0, 0, 1)
	c.Send("hello")
	s.states("it is", 1, 0, 0, 0, 0)
	c.Send(get("/wait"))
	w = wait(t, handles)
	c.Reset()
	st := s.stats("aborted", func(st Stats) bool { return st.Conns == 0 })
	if st.Aborted != 1 {
		t.Errorf("%d were aborted", st.Aborted)
	}

	c = s.dial()
	c.Send(get("/hijack"))
	st = s.stats("hijacked", func(st Stats) bool { return st.Requests == 6 && st.Conns == 0 })
	if st.Status != [6]uint64{2: 4, 4: 1} || st.Accepted != 4 || st.Refused != 1 || st.Limits != (Limits{Malformed: 1}) {
		t.Errorf("%+v", st)
	}
	c.Close()
}

func TestStatsLimits(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 32<<20)
	for _, c := range []struct {
		limit string
		s     *Server
		send  string
	}{
		{"Malformed", &Server{}, "GET / HTTP/1.1\n\n"},
		{"Malformed", &Server{}, "GET / HTTP/2.1\r\nHost: x\r\n\r\n"},
		{"Malformed", &Server{}, get("/", "Expect: a miracle")},
		{"Malformed", &Server{}, chunks("/", "a")[:len(chunks("/", "a"))-7] + "z"},
		{"MaxHead", &Server{MaxHead: 200}, get("/", "A: "+big[:200])},
		{"MaxHead", &Server{MaxHead: 200}, get("/" + big[:200])},
		{"MaxFields", &Server{MaxFields: 2}, get("/", "A: 1", "B: 2")},
		{"MaxBody", &Server{MaxBody: 10}, post("/", big[:11])},
		{"MaxBody", &Server{MaxBody: 10}, chunks("/", big[:11])},
		{"MaxBody", &Server{}, post("/", big[:2000])},
		{"MaxConns", &Server{MaxConns: 1}, ""},
		{"MaxBacklog", &Server{MaxBacklog: 1 << 20}, get("/twice")},
		{"HeadTimeout", &Server{HeadTimeout: time.Millisecond}, "GET /"},
		{"BodyTimeout", &Server{BodyTimeout: time.Millisecond}, post("/", "hello")[:len(post("/", "hello"))-1]},
		{"IdleTimeout", &Server{IdleTimeout: time.Millisecond}, get("/")},
		{"HeadTimeout", &Server{HeadTimeout: time.Millisecond}, ""}, // it never said a word
		{"WriteTimeout", &Server{WriteTimeout: 20 * time.Millisecond}, get("/big")},
	} {
		s := start(t, c.s, func(w Response, r Request) {
			if string(r.Path()) == "/twice" {
				w.Write([]byte(big))
				w.After(0, func() { w.End("x") })
				return
			}
			if string(r.Path()) == "/big" {
				w.End(big)
				return
			}
			r.Body(1000, func(p []byte) { w.End("") })
		})
		if c.limit == "MaxConns" {
			s.dial()
			s.states("the first is there", 1, 0, 0, 0, 0)
		}
		k := s.dial()
		if c.send != "" {
			k.Say(c.send) // it may be late already
		}
		counts := func(st Stats) map[string]int {
			m := map[string]int{}
			b, _ := json.Marshal(st.Limits)
			json.Unmarshal(b, &m)
			for name, n := range m {
				if n == 0 {
					delete(m, name)
				}
			}
			return m
		}
		st := s.stats(c.limit, func(st Stats) bool { return len(counts(st)) > 0 })
		if m := counts(st); len(m) != 1 || m[c.limit] != 1 {
			t.Errorf("%.40q went over the limits %v, want %s", c.send, m, c.limit)
		}
		s.Close()
	}
}

// TestStatsPaused: a client that does not read its answers.
func TestStatsPaused(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) { w.EndBytes(make([]byte, 32<<20)) })
	c := s.dial()
	c.Send(get("/"))
	st := s.stats("it is paused", func(st Stats) bool { return st.Paused == 1 })
	if st.Pauses != 1 || st.LongestTurn <= 0 {
		t.Errorf("%+v", st)
	}
	c.Answer("GET")
	s.stats("it reads", func(st Stats) bool { return st.Paused == 0 })
}

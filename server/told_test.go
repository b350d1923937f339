// What is told: fields that are set, read back and sent, refusals that carry the
// program's fields, mistakes, and requests that nobody answers.

package server

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestConnectionField: RFC 9110 7.6.1, 7.8. Options are sent in one line with the
// server's own; Set is in place of what was set before.
func TestConnectionField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		set    func(w Response) error
		want   string
		closes bool
	}{
		{"upgrade", func(w Response) error { w.Status(426); w.Set("Upgrade", "y"); return w.Set("Connection", "upgrade") }, "upgrade", false},
		{"Upgrade alone", func(w Response) error { w.Status(426); return w.Set("Upgrade", "y") }, "upgrade", false},
		{"Upgrade, taken back", func(w Response) error { w.Set("Upgrade", "y"); return w.Del("upgrade") }, "", false},
		{"a list", func(w Response) error { return w.Set("connection", " , a,close , A, keep-alive") }, "close, a", true},
		{"two lines", func(w Response) error { w.Add("Connection", "a"); return w.Add("Connection", "b") }, "a, b", false},
		{"close, then not", func(w Response) error { w.Set("Connection", "close"); return w.Set("Connection", "keep-alive") }, "", false},
		{"close, taken back", func(w Response) error { w.Set("Connection", "close"); return w.Del("Connection") }, "", false},
		{"close, and more", func(w Response) error { w.Set("Connection", "close"); return w.Add("Connection", "x") }, "close, x", true},
	} {
		said := make(chan error, 1)
		s := start(t, &Server{}, func(w Response, r Request) { said <- c.set(w); w.End("ok") })
		k := s.dial()
		k.Send(get("/"))
		if err := wait(t, said); err != nil {
			t.Fatal(c.name, err)
		}
		var lines []string
		for {
			line, err := k.In.ReadString('\n')
			if err != nil || line == "\r\n" {
				break
			}
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), "Connection: "); ok {
				lines = append(lines, value)
			}
		}
		if got := strings.Join(lines, "; "); got != c.want || strings.HasPrefix(got, "close") != c.closes {
			t.Errorf("%s: Connection: %s, want %q", c.name, got, c.want)
		}
	}
	s := start(t, &Server{}, func(w Response, r Request) {
		if w.Set("Connection", "no token") != ErrField {
			t.Error("an option that is no token is taken")
		}
		w.End("")
	})
	k := s.dial()
	k.Send(get("/"))
	k.Want("200")
}

// TestManyOptions: a list of options takes no more than its length asks for. It counts allocations, of
// the whole process, and so is not parallel.
func TestManyOptions(t *testing.T) {
	const n = 1000
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "option-%d, ", i)
	}
	allocations := make(chan float64, 1)
	s := start(t, &Server{}, func(w Response, r Request) {
		allocations <- testing.AllocsPerRun(1, func() {
			if err := w.Set("Connection", list.String()+"close"); err != nil {
				t.Error(err)
			}
		})
		w.End("ok")
	})
	k := s.dial()
	k.Send(get("/"))
	head := k.Head()
	if got := wait(t, allocations); got > n/2 {
		t.Errorf("%d options cost %v allocations", n, got)
	}
	if !strings.Contains(head, "Connection: close, option-0, ") || strings.Count(head, "option-") != n || !strings.Contains(head, ", option-999\r\n") {
		t.Errorf("%.100q", head)
	}
}

// TestReadBack: what was set can be asked for, taken back, and set from bytes.
func TestReadBack(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		if w.Code() != 200 || w.Begun() || w.Get("A") != nil {
			t.Error("something is set from the start")
		}
		w.Status(404)
		w.Add("A", "1")
		name, value := []byte("a"), []byte("2")
		w.AddBytes(name, value)
		value[0] = 'x'
		w.SetBytes([]byte("B"), []byte("  b "))
		w.Set("Content-Length", "9")
		w.Del("content-length")
		w.Set("Date", "then")
		w.Del("Date")
		if w.Code() != 404 || string(w.Get("a")) != "1" || string(w.Get("B")) != "b" || w.Get("Date") != nil {
			t.Errorf("%d, %q, %q", w.Code(), w.Get("a"), w.Get("B"))
		}
		w.Set("C", "c")
		w.Del("c")
		w.WriteString("x")
		if !w.Begun() || w.Del("A") != ErrHeadSent {
			t.Error("the head is not said to be written")
		}
		w.End("")
		if w.Code() != 0 || w.Begun() || w.Get("A") != nil {
			t.Error("a handle that is over says something")
		}
	})
	c := s.dial()
	c.Send(get("/"))
	a := c.Want("404")
	if got := strings.Join(a.Header["A"], ","); got != "1,2" || a.Header.Get("B") != "b" || a.Header["C"] != nil || a.Header.Get("Date") == "then" || a.Header.Get("Date") == "" {
		t.Errorf("%v", a.Header)
	}
}

// TestExpectIsAList: RFC 9110 10.1.1, 5.3, 5.6.1.2.
func TestExpectIsAList(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, mirror)
	for lines, want := range map[string]string{
		"Expect:":                                      "200 POST / hi",
		"Expect: , ,":                                  "200 POST / hi",
		"Expect: , 100-continue":                       "200 POST / hi",
		"Expect: 100-continue, 100-Continue":           "200 POST / hi",
		"Expect: 100-continue\r\nExpect: other":        "417",
		"Expect: other\r\nExpect: 100-continue":        "417",
		"Expect: 100-continue, other":                  "417",
		"Expect: 100-continue;q=1":                     "417",
		"Expect: 100-continue\r\nexpect: 100-CONTINUE": "200 POST / hi",
	} {
		c := s.dial()
		c.Send(post("/", "hi", lines))
		c.Want(want)
	}
}

// TestRefusalFields: the server's own answers carry what OnRefuse adds, and know
// what was asked.
func TestRefusalFields(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{MaxBody: 2, OnRefuse: func(r Refusal) {
		if origin := r.Request().Get("Origin"); origin != nil {
			r.Add("Access-Control-Allow-Origin", string(origin))
		}
		for _, name := range []string{"Content-Length", "Connection", "Content-Type", "a b"} {
			if r.Add(name, "x") != ErrField {
				t.Errorf("%s is taken", name)
			}
		}
		if r.Add("X", "a\r\nb") != ErrField || r.Status() < 400 || r.Reason() == "" {
			t.Errorf("%d %q", r.Status(), r.Reason())
		}
	}}, mirror)
	for in, want := range map[string]string{
		post("/", "abc", "Origin: a"):            "413 a",
		"GET /\r\n":                              "400 ",
		post("/", "a", "Expect: x", "Origin: b"): "417 b",
	} {
		c := s.dial()
		c.Send(in)
		a, err := c.Answer("GET")
		if err != nil || a.Status[:4]+a.Header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%.20q: %s %v, %v", in, a.Status, a.Header, err)
		}
	}
}

// TestMistakes: the program's are logged, once for each place.
func TestMistakes(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		w.Set("a b", "")
		w.Status(99)
		w.End("")
		w.End("")
	})
	c := s.dial()
	for range 3 {
		c.Send(get("/"))
		c.Want("200")
	}
	told := s.logs.Apart()
	if len(told) != 3 {
		t.Fatalf("%d mistakes at 3 places: %v", len(told), told)
	}
	for i, want := range []error{ErrField, ErrStatus, ErrEnded} {
		told[i].Attrs(func(a slog.Attr) bool {
			if a.Key == "error" && a.Value.Any() != want {
				t.Errorf("%v, want %v", a.Value, want)
			}
			return true
		})
	}
}

// TestUnanswered: a request that nobody is going to answer is logged, once; those
// that wait for a timer, or in a Hub, or whose answer has begun are not.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	var hub Hub
	s := start(t, &Server{Unanswered: 20 * time.Millisecond}, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/timer":
			w.After(time.Hour, func() {})
		case "/hub":
			hub.Add(w)
		case "/begun":
			w.WriteString("x")
		}
	})
	for _, path := range []string{"/timer", "/hub", "/begun", "/forgotten?secret"} {
		s.dial().Send(get(path))
	}
	var text string
	until(t, "it is logged", func() bool { text = s.logs.Take(); return text != "" })
	for _, want := range []string{"nobody has answered", "handler=", "server.TestUnanswered.func1", "method=GET", "path=/forgotten ", "more of them=0"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	passed := make(chan bool)
	s.do(func() { s.workers[0].loop.After(100*time.Millisecond, func() { close(passed) }) })
	wait(t, passed)
	if text := s.logs.Take(); text != "" {
		t.Errorf("again, or of another: %s", text)
	}
}

// TestHeadThatWaitsIsSmall: half a head costs what has come of it, whatever
// MaxFields allows.
func TestHeadThatWaitsIsSmall(t *testing.T) {
	s := start(t, &Server{MaxFields: -1}, mirror)
	c := s.dial()
	c.Send(get("/"))
	c.Want("200 GET /")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const n = 50
	for range n {
		s.dial().Send("GET / HTTP/1.1\r\nHost: a\r\nX")
	}
	until(t, "all are read", func() bool { return s.Stats().Reading == n })
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / n; each > 32<<10 {
		t.Errorf("%d bytes for each", each)
	}
}

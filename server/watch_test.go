package server

import (
	"bytes"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// blocks is what a handler must not do.
func blocks(begun, end chan bool) {
	begun <- true
	<-end
}

// TestSlowCallback: a loop that is blocked is reported while it is, with the place;
// and one that turns is not, nor who watches awake while all sleep.
func TestSlowCallback(t *testing.T) {
	t.Parallel()
	const slow = time.Second // a machine that is busy does not block a loop for so long
	begun, end := make(chan bool, 2), make(chan bool)
	defer close(end) // whatever happens
	srv := &Server{Loops: 2, SlowCallback: slow}
	s := start(t, srv, func(w Response, r Request) {
		switch string(r.Path()) {
		case "/blocks":
			blocks(begun, end)
		case "/posts":
			w.After(0, func() { blocks(begun, end); w.End("") })
			return
		case "/loop":
			w.End(strconv.Itoa(slices.IndexFunc(srv.workers, func(o *worker) bool { return o.loop == w.Loop() })))
			return
		}
		w.End("")
	})
	// A loop that has no processor gets no connections: the two need not be dealt out in turn.
	on := func(loop int) (c *client) {
		until(t, "a connection comes to the loop", func() bool {
			c = s.dial()
			c.Send(get("/loop"))
			a, err := c.Answer("GET")
			return err == nil && a.Text == strconv.Itoa(loop)
		})
		return c
	}
	parked := func() bool { return s.watch.parked.Load() }
	until(t, "nobody is awake", parked)
	for i, path := range []string{"/blocks", "/posts"} {
		c := on(i)
		c.Send(get(path))
		wait(t, begun)
		var text string
		until(t, "it is reported", func() bool { text = s.logs.Take(); return text != "" })
		for _, want := range []string{"blocks its loop", "server.blocks ", "watch_test.go:", "TestSlowCallback.func1", []string{"loop=0", "loop=1"}[i]} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: the report does not have %q:\n%s", path, want, text)
			}
		}
		if strings.Contains(text, "(*Loop)") {
			t.Errorf("%s: the report has the loop's own functions:\n%s", path, text)
		}
		end <- true
		c.Want("200")
		until(t, "nobody is awake", parked)
		c.Send(get("/"))
		c.Want("200")
	}
	if n := s.Stats().LongestTurn; n < slow {
		t.Errorf("the longest turn is said to have taken %v", n)
	}
	// Both loops were reported: not again so soon.
	c, other := on(0), on(1)
	for _, c := range []*client{c, other} {
		c.Send(get("/blocks"))
		wait(t, begun)
	}
	time.Sleep(2 * slow) // nothing is to happen
	end <- true
	end <- true
	c.Want("200")
	other.Want("200")
}

// TestLabels: a profile says which goroutine is which loop.
func TestLabels(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Loops: 2}, mirror)
	until(t, "both loops run", func() bool { return s.stackOf(0) != "" && s.stackOf(1) != "" })
	var b bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&b, 1)
	want := `# labels: {"lurcher loop":"1", "lurcher server":"` + s.addr.String() + `"}`
	if !strings.Contains(b.String(), want) {
		t.Errorf("no %s in\n%s", want, &b)
	}
	if got := s.stackOf(2); got != "" {
		t.Errorf("there is no third loop, but it is at\n%s", got)
	}
}

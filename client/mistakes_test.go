// Mistakes of the program in making a request: the error says what, whenever Do is called.

package client

import (
	"errors"
	"os"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// TestLength holds the program to what it said.
func TestLength(t *testing.T) {
	t.Parallel()
	url := serveNothing(t)
	r := start(t, &Client{})
	for name, fn := range map[string]func(q Request) error{
		"too long":           func(q Request) error { q.Set("Content-Length", "3"); return q.End("four") },
		"too short":          func(q Request) error { q.Set("Content-Length", "5"); return q.End("four") },
		"too long in parts":  func(q Request) error { q.Set("Content-Length", "3"); q.WriteString("fo"); return q.End("ur") },
		"too short in parts": func(q Request) error { q.Set("Content-Length", "5"); q.WriteString("fo"); return q.End("ur") },
		"too long, and whole without the last part": func(q Request) error {
			q.Set("Content-Length", "3")
			q.WriteString("one")
			if _, err := q.WriteString("two"); err != ErrLength {
				t.Errorf("Write returned %v", err)
			}
			return q.End("")
		},
		"a file too long": func(q Request) error {
			q.Set("Content-Length", "3")
			q.WriteString("one")
			f, err := os.Open("client.go")
			if err != nil {
				t.Fatal(err)
			}
			if err := q.SendFile(f, 0, 3); err != ErrLength {
				t.Errorf("SendFile returned %v", err)
			}
			return q.End("")
		},
	} {
		g := r.ask("POST", url, func(q Request) {
			if err := fn(q); err != ErrLength {
				t.Errorf("%s: End returned %v", name, err)
			}
		})
		if !errors.Is(g.err, ErrLength) {
			t.Errorf("%s: %v", name, g)
		}
		ch := make(chan got, 2)
		r.do(func() {
			q := r.pool.Request("POST", url)
			fn(q)
			q.Do(collect(ch)) // the mistake came before
		})
		if g := wait(t, ch); !errors.Is(g.err, ErrLength) {
			t.Errorf("%s before Do: %v", name, g)
		}
	}
}

// TestBacklogBeforeDo has more written than is allowed before anybody asks.
func TestBacklogBeforeDo(t *testing.T) {
	t.Parallel()
	url := serveNothing(t)
	r := start(t, &Client{MaxBacklog: 10 << 10})
	ch := make(chan got, 2)
	r.do(func() {
		q := r.pool.Request("POST", url)
		if _, err := q.Write(make([]byte, 9<<10)); err != nil {
			t.Error(err)
		}
		for range 2 {
			if _, err := q.Write(make([]byte, 2<<10)); err != ErrBacklog {
				t.Error(err)
			}
		}
		if err := q.End(""); err != ErrBacklog {
			t.Error(err)
		}
		q.Do(collect(ch))
	})
	if g := wait(t, ch); !errors.Is(g.err, ErrBacklog) {
		t.Error(g)
	}
	r.do(func() {})
	if held := r.loop.Stats().Held; held != 0 {
		t.Errorf("%d bytes are held", held)
	}
}

// TestNegativeFile is a mistake that can be matched.
func TestNegativeFile(t *testing.T) {
	t.Parallel()
	r := start(t, &Client{})
	r.do(func() {
		q := r.pool.Request("POST", "http://127.0.0.1/")
		f, err := os.Open("client.go")
		if err != nil {
			t.Fatal(err)
		}
		if err := q.SendFile(f, -1, 1); !errors.Is(err, os.ErrInvalid) {
			t.Error(err)
		}
		if f.Close() == nil {
			t.Error("the file was left open")
		}
		q.Abort()
	})
}

// TestShortFile has a file end before SendFile's range does: nobody takes the request, or the error, for another.
func TestShortFile(t *testing.T) {
	t.Parallel()
	url := serveNothing(t)
	r := start(t, &Client{})
	for _, begin := range []string{"", "chunked"} {
		g := r.ask("PUT", url, func(q Request) {
			f, err := os.Open("list.go")
			if err != nil {
				t.Fatal(err)
			}
			q.WriteString(begin)
			if err := q.SendFile(f, 0, 1<<20); err != nil {
				t.Error(err)
			}
			q.End("")
		})
		var e *Error
		if !errors.As(g.err, &e) || e.Phase != Write || !errors.Is(e, errShortFile) {
			t.Error(g)
		}
	}
}

// TestConnectFailsWithNil is a mistake in Connect, and an error all the same.
func TestConnectFailsWithNil(t *testing.T) {
	t.Parallel()
	r := start(t, &Client{Connect: func(_ *conn.Loop, _ string, _ *conn.Handler, fail func(error)) { fail(nil) }})
	if g := r.get("http://x/"); !errors.Is(g.err, errNoConn) || g.String() == "" {
		t.Error(g)
	}
}

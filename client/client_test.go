package client

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

var (
	_ conn.Sink = Request{}
	_ conn.Sink = (*conn.Conn)(nil)
)

func TestGet(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Test", "yes")
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %q", r.Method, r.URL, r.Host, body)
	})
	host := strings.TrimPrefix(url, "http://")
	r := start(t, &Client{})
	for range 3 {
		g := r.get(url+"/a?b#c").want(t, "200 GET /a?b "+host+` ""`)
		if !strings.Contains(g.fields, "X-Test: yes\n") {
			t.Errorf("fields %q", g.fields)
		}
	}
	r.ask("POST", url, func(q Request) { q.End("hello") }).want(t, "200 POST / "+host+` "hello"`)
	r.ask("PUT", url, func(q Request) { q.Write([]byte("he")); q.WriteString("llo"); q.End("!") }).want(t, "200 PUT / "+host+` "hello!"`)
	r.ask("HEAD", url, nil).want(t, "200")
	if st := r.Stats(); st.Dials != 1 || st.Requests != 6 || st.Status[2] != 6 || st.Reused != 5 {
		t.Errorf("%+v", st)
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // to write before that would stop the reading
		if err != nil {
			t.Error(err)
		}
		w.Write(body)
	})
	r := start(t, &Client{})
	big := strings.Repeat("0123456789", 100_000)
	r.ask("POST", url, func(q Request) { q.End(big) }).want(t, "200 "+big)
	r.ask("POST", url, func(q Request) {
		rest := big
		var more func()
		more = func() {
			for !q.Full() {
				n := min(len(rest), 10_000)
				if n == 0 {
					q.Close()
					return
				}
				q.WriteString(rest[:n])
				rest = rest[n:]
			}
			q.OnDrain(more)
		}
		more()
	}).want(t, "200 "+big)
	name := filepath.Join(os.TempDir(), "lurcher-client-"+strconv.Itoa(os.Getpid())) // t.TempDir's end fails under wine
	t.Cleanup(func() { os.Remove(name) })
	if err := os.WriteFile(name, []byte(big), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, fn := range []func(q Request, f *os.File){
		func(q Request, f *os.File) { q.SendFile(f, 10, 500_000); q.End("") },
		func(q Request, f *os.File) { q.Set("Content-Length", "500000"); q.SendFile(f, 10, 500_000); q.End("") },
		func(q Request, f *os.File) {
			q.WriteString("01234")
			q.SendFile(f, 15, 499_990)
			q.End("56789")
		},
	} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r.ask("POST", url, func(q Request) { fn(q, f) }).want(t, "200 "+big[10:500_010])
		f.Close()
	}
}

func TestBody(t *testing.T) {
	t.Parallel()
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for range 10 {
			w.Write(bytes.Repeat([]byte("x"), 1000))
			w.(http.Flusher).Flush()
		}
	})
	r := start(t, &Client{})
	for _, max := range []int{10_000, 9_999, 1} {
		ch := make(chan string, 2)
		r.do(func() {
			r.pool.Get(url, func(a Response, err error) {
				a.Body(max, func(body []byte, err error) {
					if errors.Is(err, ErrBodyLarge) {
						ch <- "large"
					} else {
						ch <- fmt.Sprint(len(body), err)
					}
				})
			})
		})
		want := "large"
		if max == 10_000 {
			want = "10000 <nil>"
		}
		if s := wait(t, ch); s != want {
			t.Errorf("max %d: %s, want %s", max, s, want)
		}
	}
}

// Mistakes of the program can be matched.
func TestMistakes(t *testing.T) {
	t.Parallel()
	url := always(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
	r := start(t, &Client{})
	done := make(chan bool, 1)
	r.do(func() {
		q := r.pool.Request("POST", url)
		q.Set("Content-Length", "1")
		if err := q.Trailer("A", "b"); err != ErrTrailer {
			t.Error(err)
		}
		q.Do(func(a Response, err error) {
			if err != nil {
				t.Error(err)
			}
			if _, err := a.Hijack(nil); err != ErrHijack {
				t.Error(err)
			}
			a.Body(10, func([]byte, error) { done <- true })
			if err := a.Body(10, nil); err != ErrBodyTaken {
				t.Error(err)
			}
		})
		q.End("x")
	})
	wait(t, done)
}

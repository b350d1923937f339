// Random lives: connections whose requests are answered in every way there is,
// sent in any pieces, against a model that is a list of what has to come back.

package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"
)

// ways are how a request is answered; each ends with the same answer: its
// target, and its body if it reads it.
var ways = []struct {
	reads bool
	h     func(t *testing.T, w Response, r Request, target string)
}{
	{false, func(t *testing.T, w Response, r Request, target string) { w.End(target) }},
	{false, func(t *testing.T, w Response, r Request, target string) {
		w.After(time.Millisecond, func() { w.End(target) })
	}},
	{false, func(t *testing.T, w Response, r Request, target string) { go w.Post(func() { w.End(target) }) }},
	{false, func(t *testing.T, w Response, r Request, target string) { w.OnDrain(func() { w.End(target) }) }},
	{false, func(t *testing.T, w Response, r Request, target string) {
		w.SendFile(file(t, target), 0, int64(len(target)))
		w.Close()
	}},
	{false, func(t *testing.T, w Response, r Request, target string) {
		w.Pause()
		w.WriteString(target[:1])
		w.After(0, func() { w.WriteString(target[1:]); w.OnDrain(func() { w.End("") }) })
	}},
	{false, func(t *testing.T, w Response, r Request, target string) {
		r.Stream(func(p []byte, last bool) { w.Pause(); w.End(target) }) // and again for more, when it is over
	}},
	{true, func(t *testing.T, w Response, r Request, target string) {
		r.Body(1<<20, func(p []byte) { w.End(target + string(p)) })
	}},
	{true, func(t *testing.T, w Response, r Request, target string) { w.WriteString(target); r.Pipe(w) }},
	{true, func(t *testing.T, w Response, r Request, target string) {
		w.After(0, func() {
			r.Body(1<<20, func(p []byte) { go w.Post(func(b string) func() { return func() { w.End(target + b) } }(string(p))) })
		})
	}},
	{true, func(t *testing.T, w Response, r Request, target string) {
		w.WriteString(target)
		r.Stream(func(p []byte, last bool) {
			if w.Write(p); last {
				w.Close()
				return
			}
			w.Pause()
			w.OnDrain(func() { w.Pause(); w.After(0, w.Resume) })
		})
	}},
}

func TestLives(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{Loops: 2, HeadTimeout: time.Hour, BodyTimeout: time.Hour}, func(w Response, r Request) {
		var way, n int
		target := string(r.Target())
		if _, err := fmt.Sscanf(target, "/%d/%d", &way, &n); err != nil {
			t.Error(err)
		}
		if n%3 == 0 {
			w.OnAbort(func() {})
		}
		ways[way].h(t, w, r, target)
	})
	lives := 300
	if testing.Short() {
		lives = 50
	}
	for seed := range lives {
		rnd := rand.New(rand.NewPCG(uint64(seed), 9))
		in, want := requests(rnd)
		c := s.dial()
		go func() {
			fin := rnd.IntN(2) == 0
			rest := in
			if !fin {
				rest += get("/0/0", "Connection: close")
			}
			for len(rest) > 0 {
				k := min(len(rest), 1+rnd.IntN([]int{3, 100, 5000, 100000}[rnd.IntN(4)]))
				if _, err := io.WriteString(c, rest[:k]); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				if rest = rest[k:]; rnd.IntN(3) == 0 {
					runtime.Gosched()
				}
			}
			if fin {
				c.FIN()
			}
		}()
		for i, w := range want {
			a, err := c.Answer("GET")
			if err != nil || a.String() != w {
				t.Fatalf("seed %d, answer %d: %.100q, %v; want %.100q", seed, i, a.Text, err, w)
			}
		}
		io.Copy(io.Discard, c.In) // the answer to last, if it was sent
		c.Close()
	}
	s.idle()
}

// requests returns a pipeline, and the answers to it in short.
func requests(rnd *rand.Rand) (pipeline string, want []string) {
	big := strings.Repeat("0123456789", 7000)
	var in strings.Builder
	for n := range 1 + rnd.IntN(12) {
		way := rnd.IntN(len(ways))
		target := fmt.Sprintf("/%d/%d", way, n)
		body := big[:[]int{0, 1, 10, 1000, 20000, 70000}[rnd.IntN(6)]]
		kind := rnd.IntN(4)
		if kind == 2 && !ways[way].reads {
			kind = 1 // of a chunked body that nobody reads the rest may cost the connection
		}
		switch kind {
		case 0:
			in.WriteString(get(target))
			body = ""
		case 1:
			in.WriteString(post(target, body))
		case 2:
			k := rnd.IntN(len(body) + 1)
			var pieces []string
			for _, p := range []string{body[:k], body[k:]} {
				if p != "" {
					pieces = append(pieces, p)
				}
			}
			in.WriteString(chunks(target, pieces...))
		case 3:
			in.WriteString("\r\n" + post(target, body, "Accept: */*"))
		}
		if !ways[way].reads {
			body = ""
		}
		want = append(want, "200 "+target+body)
	}
	return in.String(), want
}

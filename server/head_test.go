// The heads of answers.

package server

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

// alone returns a worker whose loop does not run.
func alone(t *testing.T) *worker {
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	return newWorker(&Server{}, l)
}

// The short way to the head of a usual answer and the long one come to the same,
// bytes and flags, wherever the short one is open.
func TestUsualHeads(t *testing.T) {
	t.Parallel()
	w, open := alone(t), 0
	for _, x := range []*exchange{nil, {declared: -1}, {declared: 7, fields: []byte("A: b\r\n")}, {declared: -1, hasDate: true, fields: []byte("Date: then\r\n")}} {
		for _, w.quiescing = range []bool{false, true} {
			for _, status := range []uint16{0, 200, 201, 204, 304, 404} {
				for p := range numPhases {
					for f := range exchangeFlags + 1 {
						s := &session{worker: w, status: status, flags: f, phase: p, x: x}
						if !s.usual() {
							continue
						}
						open++
						short := string(s.appendUsual(nil, 7))
						s.status = max(s.status, 200) // as writeHead does
						if long := string(s.appendHead(nil, 7)); short != long || s.flags != f {
							t.Fatalf("status %d, flags %b, then %b, phase %d, quiescing %v:\n%q, and in short\n%q", status, f, s.flags, p, w.quiescing, long, short)
						}
					}
				}
			}
		}
	}
	if open == 0 {
		t.Error("no answer is usual")
	}
}

// The short way to the end of a usual exchange and the long one leave the session,
// the worker's counts and the connection's output the same.
func TestUsualEnds(t *testing.T) {
	t.Parallel()
	const all = untilEnd<<1 - 1
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	seen, open := 0, 0
	for f := flags(0); f <= all; f++ {
		if f&(persist|old|connect|headOnly|sent|chunked|bodiless|whole|promised|wantsClose|untilEnd) != persist {
			continue // not usual, or not before the head is sent
		}
		if seen++; testing.Short() && seen%17 > 0 {
			continue // each takes two loops, which under wine takes long
		}
		for _, body := range []string{"", "7 bytes"} {
			var left [2]string
			a, b := loopback.Pair(t)
			for i, end := range []net.Conn{a, b} { // one way on each
				w := alone(t)
				c, err := w.loop.Adopt(end, nil)
				if err != nil {
					t.Fatal(err)
				}
				s := &session{conn: c, worker: w, flags: f, phase: answering}
				if !s.usual() {
					t.Fatalf("flags %b are not usual", f)
				}
				finish := s.finish
				if i == 1 {
					finish = s.finishAny
				}
				err = finish([]byte(body))
				left[i] = fmt.Sprintf("%v, %d bytes, flags %b, phase %d, gen %d, %+v", err, c.Pending(), s.flags, s.phase, s.gen, w.counts)
				w.loop.Run(ended)
			}
			if open++; left[0] != left[1] {
				t.Fatalf("flags %b: %s\nand in short: %s", f, left[1], left[0])
			}
		}
	}
	if open == 0 {
		t.Error("no answer is usual")
	}
}

// The date is put together once in a second.
func TestDate(t *testing.T) {
	t.Parallel()
	w := alone(t)
	date, err := time.Parse("Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n", string(w.dateLine()))
	if since := time.Since(date); err != nil || since < 0 || since > time.Minute {
		t.Errorf("%q is %v old, %v", w.dateLine(), since, err)
	}
	is := string(w.usual)
	for _, c := range []struct {
		ago  int64
		want bool
	}{{0, false}, {1, true}} {
		w.usual = append(w.usual[:0], "old"...)
		w.second = w.loop.Now().Unix() - c.ago
		if w.date(); (len(w.usual) == len(is)) != c.want {
			t.Errorf("made %d s ago: %q", c.ago, w.usual)
		}
	}
}

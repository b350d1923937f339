// The members of a hub: answers that all get what one client has the server say.

package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// An audience is job.Conns members and one who speaks, again as soon as all have got the last message.
type audience struct {
	job    Job
	loop   *conn.Loop
	member conn.Handler

	speaker *conn.Conn
	dialed  int
	joined  int
	missing int // bytes of the message that have not come to all
	counted bool
	started time.Time
	cpu     time.Duration
	own     time.Duration
	sent    time.Time
	times   measure.Histogram
	result  Result
}

// chunk is how long a message is in the chunked coding.
var chunk = len(fmt.Sprintf("%x\r\n%s\r\n", len(peer.Message), peer.Message))

// hub does a job of the kind "hub". A member is counted for each message.
func hub(job Job) error {
	p, err := poller.New()
	if err != nil {
		return err
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		return err
	}
	a := &audience{job: job, loop: l}
	a.member = conn.Handler{
		Open: func(m *conn.Conn) { fmt.Fprintf(m, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", peer.JoinPath, job.Addr) },
		Data: a.heard,
		Close: func(*conn.Conn, error) {
			a.result.Errors++
			a.finish("a member's connection ended")
		},
	}
	speak := conn.Handler{Open: func(*conn.Conn) { a.dial() }, Data: func(_ *conn.Conn, p []byte) int { return len(p) }}
	if a.speaker, err = l.Dial("tcp", job.Addr, &speak); err != nil {
		return err
	}
	return l.Run(context.Background())
}

// dial opens the next connection, one after the other.
func (a *audience) dial() {
	a.dialed++
	if _, err := a.loop.Dial("tcp", a.job.Addr, &a.member); err != nil {
		a.result.Errors++
		a.finish(err.Error())
	}
}

// heard counts what has come. The answer begins with a head and a chunk that says so.
func (a *audience) heard(m *conn.Conn, p []byte) int {
	switch {
	case m.State == nil && !bytes.HasSuffix(p, []byte("joined\n\r\n")):
		return 0 // not all of it
	case m.State == nil:
		m.State = a
		if a.joined++; a.joined == a.job.Conns {
			a.speak()
			a.loop.After(a.job.Warm, a.count)
			a.loop.After(a.job.Warm+a.job.For, func() { a.finish("") })
		} else {
			a.dial()
		}
	default:
		if a.missing -= len(p); a.missing == 0 {
			a.times.Record(time.Since(a.sent))
			a.result.Requests += a.job.Conns
			a.speak()
		} else if a.missing < 0 {
			a.result.Errors++
			a.finish("more came than was said")
		}
	}
	return len(p)
}

func (a *audience) speak() {
	a.missing, a.sent = a.job.Conns*chunk, time.Now()
	fmt.Fprintf(a.speaker, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", peer.SayPath, a.job.Addr)
}

// count begins what the result is about.
func (a *audience) count() {
	a.counted, a.started, a.own, a.cpu = true, time.Now(), ownCPU(), a.server()
	a.result.Requests, a.times = 0, measure.Histogram{}
}

// server is the CPU time of the server.
func (a *audience) server() time.Duration {
	used, _ := measure.Group(a.job.Group)
	return used.Total()
}

// finish writes the result.
func (a *audience) finish(failure string) {
	r := &a.result
	r.Error, r.Open, r.All, r.Generator = failure, a.joined, r.Requests, "own"
	if a.counted {
		r.Elapsed, r.CPU = time.Since(a.started), a.server()-a.cpu
		r.Busy = float64(ownCPU()-a.own) / float64(r.Elapsed)
	}
	r.P50, r.P99, r.Max = a.times.Quantile(0.5), a.times.Quantile(0.99), a.times.Max()
	json.NewEncoder(os.Stdout).Encode(r)
	os.Exit(0)
}

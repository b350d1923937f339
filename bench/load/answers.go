// What the generator makes of answers: the first is parsed, of the others the bytes are counted.

package load

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
)

func (g *generator) data(c *conn.Conn, p []byte) int {
	k := c.State.(*client)
	switch {
	case g.stopped:
	case g.job.Kind == "delay":
		g.delayed(k, p)
	case !k.past:
		g.greeted(k, p)
	case !g.active || k.want == 0:
		g.fail(c, fmt.Errorf("%d bytes that nobody asked for: %.60q", len(p), p))
	default:
		g.answered(k, p)
	}
	return len(p)
}

// greeted reads the first answer in full, and learns from it how long an answer is.
func (g *generator) greeted(k *client, p []byte) {
	k.head = append(k.head, p...)
	n, err := answerLength(k.head)
	switch {
	case err != nil:
		g.fail(k.c, err)
	case n == 0:
	case n != len(k.head):
		g.fail(k.c, fmt.Errorf("%d bytes behind the answer", len(k.head)-n))
	default:
		if g.answer == 0 {
			g.answer = n * g.job.Pipeline
		}
		g.result.All++
		g.through(k)
	}
}

// answerLength is the length of the answer at the start of p, or 0 if it is not whole.
func answerLength(p []byte) (int, error) {
	r := parser.Response{Head: parser.Head{Fields: make([]parser.Field, 0, 64)}, Method: "GET"}
	n, err := r.Parse(p)
	if n == 0 || err != nil {
		return 0, err
	}
	if r.Status == 101 {
		return n, nil
	}
	if r.Status != 200 {
		return 0, fmt.Errorf("the answer has status %d", r.Status)
	}
	for body := r.Body(); ; {
		_, used, err := body.Next(p[n:])
		n += used
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
		if n == len(p) {
			return 0, nil
		}
	}
}

var statusLine = []byte("HTTP/1.1 200 ")

// answered counts bytes: to parse each answer would take the generator longer than it takes the server
// to write it. All answers to one request have the same length, or the last of a batch does not end
// where it should, which is an error.
func (g *generator) answered(k *client, p []byte) {
	if k.want == g.answer && g.job.Kind == "http" && !bytes.HasPrefix(p, statusLine[:min(len(p), len(statusLine))]) {
		g.fail(k.c, fmt.Errorf("not an answer: %.60q", p))
		return
	}
	if k.want -= len(p); k.want < 0 {
		g.fail(k.c, fmt.Errorf("answers of %d bytes more than the first one", -k.want))
		return
	}
	if k.want > 0 {
		return
	}
	g.result.Requests += g.job.Pipeline
	g.result.All += g.job.Pipeline
	if g.job.Kind == "cast" {
		if g.waiting--; g.waiting > 0 {
			return
		}
		g.times.Record(time.Since(g.clients[0].sent))
		g.cast()
		return
	}
	g.times.Record(time.Since(k.sent))
	if g.job.Requests > 0 && g.result.Requests >= g.job.Requests {
		g.finish()
		return
	}
	if g.job.Limit > 0 && k.asked >= g.job.Limit {
		k.c.State = nil // its end is no failure
		k.c.Close()
		g.connect(k)
		return
	}
	g.send(k)
}

// delayed takes one answer of a "delay" job; what is recorded is by how much it is late.
func (g *generator) delayed(k *client, p []byte) {
	k.head = append(k.head, p...)
	n, err := answerLength(k.head)
	if err != nil || n > 0 && n != len(k.head) {
		g.fail(k.c, fmt.Errorf("not one answer: %.60q (%v)", k.head, err))
		return
	}
	if n == 0 {
		return
	}
	k.head = nil
	g.waiting--
	late := time.Since(k.sent) - g.job.Delay
	if late < -2*time.Millisecond { // timers of a millisecond may round down
		g.fail(k.c, fmt.Errorf("an answer %v early", -late))
		return
	}
	g.times.Record(late)
	g.result.Requests++
	g.result.All++
	if k.waves > 0 {
		g.send(k)
	} else if g.waiting == 0 {
		g.finish()
	}
}

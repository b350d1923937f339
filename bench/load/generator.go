package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/poller"
	"github.com/lurcher-net/lurcher/ws"
)

// opening is how many connections are being opened at a time: fewer than a listener's backlog holds.
const opening = 100

// Generate does the job that arg describes, and writes its Result to standard output.
func Generate(arg string) error {
	var job Job
	if err := json.Unmarshal([]byte(arg), &job); err != nil {
		return fmt.Errorf("load: the job: %w", err)
	}
	p, err := poller.New()
	if err != nil {
		return err
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		return err
	}
	g := &generator{job: job, loop: l}
	g.prepare()
	for range min(opening, job.Conns) {
		g.dial()
	}
	err = l.Run(context.Background())
	return errors.Join(err, g.err)
}

type generator struct {
	job     Job
	loop    *conn.Loop
	handler conn.Handler

	batch  []byte // what is sent at a time
	first  []byte // what is sent first, nil if nothing is
	hang   []byte // what is sent by those who wait for ever
	answer int    // bytes that answer a batch, once known

	clients []*client
	dialed  int // connections begun
	ready   int // connections that are through the first phase
	active  bool
	stopped bool
	started time.Time
	cpu     time.Duration
	waiting int // "delay": requests whose answers have not come; "cast": connections that have not got the message

	times  measure.Histogram
	result Result
	err    error
}

// A client is one connection.
type client struct {
	c     *conn.Conn
	index int
	sent  time.Time
	want  int    // bytes of the batch's answer that have not come
	waves int    // "delay": requests still to make
	head  []byte // the first answer, as far as it has come
	past  bool   // the first phase
	asked int    // on this connection, where there is a limit
	rest  []byte // of the batch, that is still to be sent
	left  int    // bytes of a body, likewise
}

func (g *generator) prepare() {
	job := &g.job
	job.Pipeline = max(job.Pipeline, 1)
	request := func(path string) []byte {
		var b strings.Builder
		if job.Stream {
			fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", path, job.Addr, job.Body)
		} else if job.Body > 0 {
			fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s", path, job.Addr, job.Body, PostBody(job.Body))
		} else {
			fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, job.Addr)
		}
		return []byte(b.String())
	}
	switch job.Kind {
	case "echo":
		g.batch = bytes.Repeat([]byte("e"), job.Size)
		g.answer = job.Size
	case "ws", "cast":
		g.batch = ws.AppendMaskedFrame(nil, ws.Text, bytes.Repeat([]byte("e"), job.Size), 0x2a5c17e9)
		if g.answer = len(g.batch); !job.Raw {
			g.first, g.answer = []byte(peer.Handshake), len(g.batch)-4 // the mask
		}
	default:
		g.first = request(job.Path)
		g.batch = bytes.Repeat(g.first, job.Pipeline)
		if job.Hang != "" {
			g.hang = request(job.Hang)
		}
		if job.Kind == "delay" {
			g.first = nil
		}
	}
	g.handler = conn.Handler{
		Open: g.open,
		Data: g.data,
		Close: func(c *conn.Conn, err error) {
			if !g.stopped && c.State != nil {
				g.fail(c, fmt.Errorf("the connection ended: %w", cmpErr(err)))
			}
		},
	}
}

// PostBody is what is posted: n bytes, the last of them a full stop.
func PostBody(n int) string { return strings.Repeat("p", n-1) + "." }

func cmpErr(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

func (g *generator) dial() {
	if g.dialed == g.job.Conns {
		return
	}
	k := &client{index: g.dialed, waves: g.job.Waves}
	g.dialed++
	g.clients = append(g.clients, k)
	g.connect(k)
}

// connect opens the client's connection, its first or the next.
func (g *generator) connect(k *client) {
	k.asked = 0
	c, err := g.loop.Dial("tcp", g.job.Addr, &g.handler)
	if err != nil {
		g.fail(nil, err)
		return
	}
	c.State, k.c = k, c
}

func (g *generator) open(c *conn.Conn) {
	k := c.State.(*client)
	if k.past {
		g.send(k)
		return
	}
	g.result.Open++
	switch {
	case g.hang != nil && k.index >= g.job.Active:
		c.Write(g.hang)
		g.through(k)
	case g.first != nil:
		k.asked++
		c.Write(g.first)
		g.body(k)
	default:
		g.through(k)
	}
}

// through ends the first phase for k, and with the last connection for all.
func (g *generator) through(k *client) {
	k.past, k.head = true, nil
	g.ready++
	g.dial()
	if g.ready == g.job.Conns {
		g.begin()
	}
}

func (g *generator) begin() {
	g.active = true
	switch {
	case g.job.Kind == "delay":
		g.count()
		for _, k := range g.clients { // one by one, for what is written leaves when the callback ends
			g.loop.Post(func() { g.send(k) })
		}
		return
	case g.job.Active == 0:
		g.finish()
		return
	}
	if g.job.Kind == "cast" {
		g.cast()
	} else {
		for _, k := range g.clients[:g.job.Active] {
			g.send(k)
		}
	}
	if g.job.Requests > 0 {
		g.count()
		return
	}
	g.loop.After(g.job.Warm, func() {
		g.count()
		g.loop.After(g.job.For, g.finish)
	})
}

// count begins what the result is about.
func (g *generator) count() {
	g.started, g.cpu = time.Now(), ownCPU()
	g.result.Requests = 0
	g.times = measure.Histogram{}
}

func (g *generator) send(k *client) {
	k.sent, k.want = time.Now(), g.answer
	if g.job.Kind == "delay" {
		k.waves--
		g.waiting++
	}
	k.asked++
	if g.job.Pieces > 1 {
		k.rest = g.batch
		g.piece(k)
		return
	}
	k.c.Write(g.batch)
	g.body(k)
}

// piece sends a part of the batch, and the next one in a callback of its own: what is written
// in one leaves together.
func (g *generator) piece(k *client) {
	n := min((len(g.batch)+g.job.Pieces-1)/g.job.Pieces, len(k.rest))
	k.c.Write(k.rest[:n])
	if k.rest = k.rest[n:]; len(k.rest) > 0 {
		g.loop.Post(func() { g.piece(k) })
	}
}

var dots = bytes.Repeat([]byte("."), 64<<10)

// body begins to send a body that is not in the batch.
func (g *generator) body(k *client) {
	if g.job.Stream {
		k.left = g.job.Body
		g.more(k)
	}
}

func (g *generator) more(k *client) {
	for k.left > 0 && !k.c.Full() {
		n := min(k.left, len(dots))
		k.c.Write(dots[:n])
		k.left -= n
	}
	if k.left > 0 {
		k.c.OnDrain(func() { g.more(k) })
	}
}

// cast has one connection send a message that comes to all.
func (g *generator) cast() {
	g.waiting = len(g.clients)
	for _, k := range g.clients {
		k.sent, k.want = g.loop.Now(), g.answer
	}
	g.clients[0].sent = time.Now()
	g.clients[0].c.Write(g.batch)
}

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

func (g *generator) fail(c *conn.Conn, err error) {
	if g.result.Errors++; g.result.Errors == 1 {
		g.result.Error = err.Error()
	}
	g.finish() // one failure spoils the measurement: say so at once
}

// finish writes the result. Connections that are to be held are, until standard input ends.
func (g *generator) finish() {
	if g.stopped {
		return
	}
	r := &g.result
	if g.job.Active == 0 && (g.job.Kind == "http" || g.job.Kind == "ws") { // nothing to count but the first phase
		r.Requests, r.Elapsed = r.All, time.Nanosecond
	} else if !g.started.IsZero() {
		r.Elapsed = time.Since(g.started)
		r.Busy = float64(ownCPU()-g.cpu) / float64(r.Elapsed)
	}
	r.P50, r.P99, r.Max = g.times.Quantile(0.5), g.times.Quantile(0.99), g.times.Max()
	r.Generator = "own"
	g.stopped = true
	json.NewEncoder(os.Stdout).Encode(r)
	if !g.job.Hold || r.Errors > 0 {
		os.Exit(0) // the kernel closes the connections faster than we would
	}
	g.loop.Ref()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

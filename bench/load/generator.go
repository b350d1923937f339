// The generator: how its connections begin, and how it ends.

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
	switch job.Kind {
	case "probe":
		return probe(job)
	case "hub":
		return hub(job)
	case "attack":
		return attack(job)
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
	server  measure.CPU // when counting began
	waiting int         // "delay": requests whose answers have not come; "cast": connections that have not got the message

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
	g.server = g.serverCPU()
	g.times = measure.Histogram{}
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
		r.Server = g.serverCPU().Sub(g.server)
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

// serverCPU is what the server has spent until now, if that is asked for.
func (g *generator) serverCPU() (c measure.CPU) {
	if g.job.Server != 0 {
		c, _ = measure.Group(g.job.Server)
	}
	return c
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

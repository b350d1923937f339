// The probe: a light client that asks now and then, and sees how long it waits.

package load

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// patience is how long a probe waits for an answer. One that has none by then counts as lost, and as this long.
const patience = 10 * time.Second

// A prober asks every job.Every, on a connection that was used before and on a new one in turn. It does not
// wait for the answer before it asks again: a server that stops for two seconds keeps forty probes waiting,
// not one.
type prober struct {
	job Job

	mu     sync.Mutex
	idle   []*line // connections to be used again
	result Result
	times  measure.Histogram
}

// A line is a connection with the buffer of its input.
type line struct {
	net.Conn
	in *bufio.Reader
}

// probe does a job of the kind "probe".
func probe(job Job) error {
	r, err := (&prober{job: job}).run()
	if err != nil {
		return fmt.Errorf("load: the probe: %w", err)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (p *prober) run() (*Result, error) {
	if err := p.ask(false); err != nil { // the first connection that is to be used again
		return nil, err
	}
	p.result = Result{Generator: "own"}
	cpu, start := ownCPU(), time.Now()
	var all sync.WaitGroup
	for n := 0; ; n++ {
		due := start.Add(time.Duration(n) * p.job.Every)
		if due.Sub(start) >= p.job.For {
			break
		}
		time.Sleep(time.Until(due))
		p.result.Late = max(p.result.Late, time.Since(due))
		all.Go(func() { p.once(n%2 == 1) })
	}
	all.Wait()
	r := &p.result
	r.Elapsed = time.Since(start)
	r.Busy = float64(ownCPU()-cpu) / float64(r.Elapsed)
	r.P50, r.P99, r.Max = p.times.Quantile(0.5), p.times.Quantile(0.99), p.times.Max()
	return r, nil
}

// once is one probe.
func (p *prober) once(fresh bool) {
	start := time.Now()
	err := p.ask(fresh)
	took := time.Since(start)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.result.Requests++
	if err != nil {
		took = max(took, patience)
		if p.result.Lost++; p.result.Lost == 1 {
			p.result.Error = err.Error()
		}
	}
	p.times.Record(took)
}

// ask makes one request. The connection is kept for the next one unless it is fresh.
func (p *prober) ask(fresh bool) error {
	c, err := p.line(fresh)
	if err != nil {
		return err
	}
	if err := c.hello(p.job.Addr); err != nil {
		c.Close()
		return err
	}
	if fresh {
		return c.Close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, c)
	return nil
}

func (p *prober) line(fresh bool) (*line, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 && !fresh {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return c, nil
	}
	p.mu.Unlock()
	c, err := net.DialTimeout("tcp", p.job.Addr, patience)
	if err != nil {
		return nil, err
	}
	if p.job.TLS {
		c = tls.Client(c, peer.ClientTLS())
	}
	return &line{c, bufio.NewReader(c)}, nil
}

// hello asks for the small answer, and reads it.
func (c *line) hello(host string) error {
	c.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", peer.HelloPath, host); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != 200 || string(body) != peer.Hello) {
		return fmt.Errorf("the answer is %s %.60q", res.Status, body)
	}
	return err
}

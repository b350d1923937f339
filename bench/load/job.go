// Package load makes load: with wrk or h2load where they can, and with a generator of its own, on conn and
// parser, where they cannot (pipelining without parsing every answer, echo, idle connections, delayed answers).
// The generator is this same program, started again on another core with a Job as its argument. Every
// Result says how busy the generator was, so that it is seen when it, and not the server, was the limit.
package load

import (
	"fmt"
	"time"

	"github.com/lurcher-net/lurcher/bench/measure"
)

// A Job is what the generator is asked to do; it is passed as JSON.
//
// Each job has two phases. First Conns connections are opened and, unless it is an echo, each makes one
// request, whose answer is read in full: with Hang they ask for that path instead and wait for ever.
// Then Active of them (those that do not hang) keep one batch of Pipeline requests, or one message of
// Size bytes, in flight each. Of a "cast" the first connection sends a message, and the next one when it
// has come to all: each that has come to one is counted. With Raw no handshake is made, and what
// comes back is what was sent.
//
// A "hub", a "probe" and an "attack" are no such jobs, but clients of their own: see hub.go, probe.go and attack.go.
type Job struct {
	Kind     string // "http", "echo", "delay", "ws", "cast", "hub", "probe" or "attack"
	Attack   string `json:",omitempty"` // which
	TLS      bool   `json:",omitempty"` // of a "probe"
	Addr     string
	Path     string `json:",omitempty"`
	Body     int    `json:",omitempty"` // bytes to POST; 0 is a GET
	Hang     string `json:",omitempty"` // what the connections that are not active ask for
	Size     int    `json:",omitempty"` // of an echo's messages
	Raw      bool   `json:",omitempty"` // of a "cast": TCP
	Conns    int
	Active   int           `json:",omitempty"`
	Pipeline int           `json:",omitempty"`
	Limit    int           `json:",omitempty"` // requests of a connection, which is then closed, and another opened
	Pieces   int           `json:",omitempty"` // that a batch is sent in, each by a write of its own
	Stream   bool          `json:",omitempty"` // Body is sent as fast as it is taken, and never held whole
	Server   int           `json:",omitempty"` // process group of the server, if its CPU is to be in the result
	Requests int           `json:",omitempty"` // stop after as many
	Warm     time.Duration `json:",omitempty"` // run as long before counting
	For      time.Duration `json:",omitempty"` // count for as long
	Delay    time.Duration `json:",omitempty"` // of a "delay" job's answers
	Waves    int           `json:",omitempty"` // of a "delay" job: how many requests each connection makes in turn
	Every    time.Duration `json:",omitempty"` // from one request of a "probe" to the next
	Say      string        `json:",omitempty"` // of an "attack": what its first client asks for
	Group    int           `json:",omitempty"` // of a "hub": the server's processes, whose CPU is counted
	Hold     bool          `json:",omitempty"` // keep the connections until standard input ends
}

// A Result is what a generator tells.
type Result struct {
	Requests  int           // counted, within Elapsed
	All       int           // made, first requests and warming up included
	Elapsed   time.Duration // how long was counted
	Errors    int           // connections that failed or ended, and answers that were wrong
	Error     string        `json:",omitempty"` // the first of them
	P50, P99  time.Duration // from sending a batch to the last byte of its answers; for "delay" the lateness
	Mean      time.Duration // h2load only, which has no quantiles
	Max       time.Duration
	Server    measure.CPU   // what Job.Server spent within Elapsed: connections that were opened before are not in it
	Busy      float64       // share of Elapsed that the generator spent on its core
	Lost      int           `json:",omitempty"` // probes that had no answer
	Late      time.Duration `json:",omitempty"` // by how much the probe itself was late, at most
	CPU       time.Duration `json:",omitempty"` // of the server, within Elapsed, if the job has Group
	Open      int           // connections that were open at the end of the first phase
	Generator string        // "wrk", "h2load" or "own"
}

// Rate is the requests per second.
func (r Result) Rate() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// Err is an error if the load was not what was asked for.
func (r Result) Err() error {
	if r.Errors > 0 {
		return fmt.Errorf("%d connections failed: %s", r.Errors, r.Error)
	}
	if r.Elapsed <= 0 {
		return fmt.Errorf("nothing was measured")
	}
	return nil
}

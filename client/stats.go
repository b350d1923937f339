// Stats: counters for those who operate a client. Each pool counts with atomics that
// only it writes, so that others may read them at any time.

package client

import (
	"errors"
	"sync/atomic"

	"github.com/lurcher-net/lurcher/parser"
)

// Stats counts events of a pool since it was made, or of all pools of a client.
type Stats struct {
	Dials      uint64 // connections that were begun
	DialErrors uint64 // connections that could not be established
	Reused     uint64 // requests that got a connection which had served another

	Pipelined uint64 // requests that were sent behind others: see Client.Pipeline

	Requests uint64    // requests that Do sent, or put in the queue
	Retries  uint64    // requests that were sent again, because their connection died
	Status   [6]uint64 // answers by class: Status[2] counts 2xx; [0] those past 5xx
	Failed   uint64    // exchanges that ended in an Error

	Unsolicited uint64 // connections that were closed because the server sent what nobody had asked for
	Limits      Limits // what the limits ended
}

// Limits counts the exchanges that failed by a limit. A field counts for the setting of
// [Client] with its name.
type Limits struct {
	Timeouts   uint64 // any of the timeouts
	MaxWaiting uint64 // requests beyond those that may wait for a connection
	MaxInterim uint64 // a server sent too many interim answers (1xx)
	MaxBody    uint64 // over MaxBody, or over the max of Response.Body
	Malformed  uint64 // answers that RFC 9112 does not allow, or over MaxHead or MaxFields
}

type counters struct {
	dials, dialErrors, reused, pipelined, requests, retries, failures, unsolicited atomic.Uint64

	class                                        [6]atomic.Uint64
	timeouts, waiting, interim, large, malformed atomic.Uint64
}

func (c *counters) status(code int) {
	class := code / 100
	if class >= len(c.class) {
		class = 0
	}
	c.class[class].Add(1)
}

// failed counts an exchange that failed, and why.
func (c *counters) failed(e *Error) {
	c.failures.Add(1)
	var malformed parser.Error
	switch {
	case e.Timeout():
		c.timeouts.Add(1)
	case e.Err == ErrWaiting:
		c.waiting.Add(1)
	case e.Err == ErrInterim:
		c.interim.Add(1)
	case e.Err == ErrBodyLarge:
		c.large.Add(1)
	case errors.As(e.Err, &malformed):
		c.malformed.Add(1)
	}
}

// Stats returns the pool's counters. It may be called from any goroutine.
func (p *Pool) Stats() (st Stats) {
	st.add(&p.counts)
	return st
}

// Stats returns the counters of all pools whose loops have not stopped.
func (c *Client) Stats() (st Stats) {
	if m := c.pools.Load(); m != nil {
		for _, p := range *m {
			st.add(&p.counts)
		}
	}
	return st
}

func (st *Stats) add(c *counters) {
	st.Dials += c.dials.Load()
	st.DialErrors += c.dialErrors.Load()
	st.Reused += c.reused.Load()
	st.Pipelined += c.pipelined.Load()
	st.Requests += c.requests.Load()
	st.Retries += c.retries.Load()
	for i := range c.class {
		st.Status[i] += c.class[i].Load()
	}
	st.Failed += c.failures.Load()
	st.Unsolicited += c.unsolicited.Load()
	st.Limits.Timeouts += c.timeouts.Load()
	st.Limits.MaxWaiting += c.waiting.Load()
	st.Limits.MaxInterim += c.interim.Load()
	st.Limits.MaxBody += c.large.Load()
	st.Limits.Malformed += c.malformed.Load()
}

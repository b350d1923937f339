// A call: one request on its way through a goroutine.

package nethttp

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/internal/stack"
	"github.com/lurcher-net/lurcher/server"
)

// A call belongs to one request and is not recycled, so that a handler that keeps its
// ResponseWriter or Body after it has returned does no harm.
//
// Three locks guard it, taken in this order, and none is held while the program is
// called: response.mu for what the handler alone uses, call.mu for what it shares
// with the loop, pool.mu for its place in the queue.
type call struct {
	peer    *peer
	handler http.Handler
	match   *match          // of a Mux, or nil
	w       server.Response // for the loop only, except Post
	head    string          // the request's head, to which its strings belong
	url     url.URL
	values  [4]string // of the request's fields, if these are few
	req     *http.Request
	ctx     requestContext
	resp    response
	place
	lease *lend.Lease   // of the loop that the handler is called on, or nil
	took  time.Duration // by the handler, once it has returned
	aside time.Duration // the part of took in which the handler's goroutine did the loop's work, or waited for the loop
	kind  uint8         // of the handler: see kindOf

	mu      sync.Mutex // for what follows
	state   state
	posted  bool      // desk.step is on its way
	left    bool      // the client has sent its FIN, or is gone
	changed sync.Cond // the loop or the goroutine has done something that the other waits for
	desk    *desk     // nil: retired
	gone    error     // why nothing that is written arrives any more
	notify  chan bool // the channel of CloseNotify
	body    body
	in      inbox
	out     outbox
}

// state is how far a call has come.
type state uint8

const (
	begun     state = iota // on the loop, in the turn in which it came
	gathering              // on the loop, until enough of its body has come
	queued                 // with the pool
	running                // on its goroutine
	returned               // the handler has returned: the loop is to end the exchange
	hijacked               // the connection belongs to the handler
)

// exchange returns the call's exchange for the loop, or nil if that is over.
func (c *call) exchange() adapt.Exchange { return adapt.Of(&c.w) }

// run is the call's time on a goroutine.
func (c *call) run() {
	whole := false
	defer func() {
		if whole {
			return
		}
		v := recover()
		c.ctx.end()
		c.finish(true)
		if v != nil && v != http.ErrAbortHandler {
			c.logPanic(v)
		}
	}()
	c.mu.Lock()
	c.state = running
	c.mu.Unlock()
	err := c.request(&c.ctx)
	if err != nil {
		c.do(func(x adapt.Exchange) { x.Refuse(400, err.Error()) })
		c.ctx.end()
		c.finish(true)
		whole = true
		return
	}
	h := c.handler
	if c.req.RequestURI == "*" && c.req.Method == "OPTIONS" {
		h = http.HandlerFunc(options)
	}
	began := clock()
	h.ServeHTTP(&c.resp, c.req)
	c.took = clock() - began
	c.ctx.end()
	c.finish(false)
	whole = true
	if c.req.MultipartForm != nil {
		c.req.MultipartForm.RemoveAll()
	}
}

// clock returns the time since the program began. It costs half of what time.Now does.
func clock() time.Duration { return time.Since(loaded) }

var loaded = time.Now()

// logPanic logs what a handler has panicked with. The program's log may panic too, and so
// may the value's String method.
func (c *call) logPanic(v any) {
	defer func() { recover() }()
	c.peer.site.log.Error("http: panic serving "+c.peer.remote, "panic", fmt.Sprint(v), "stack", stack.Panicked())
}

// options serves "OPTIONS *" as net/http does.
func options(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "0")
	io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 4<<10))
}

// finish is the last thing that the goroutine does for the call. The loop does the rest.
// cut says that the answer cannot be completed.
func (c *call) finish(cut bool) {
	r := &c.resp
	r.mu.Lock()
	defer r.mu.Unlock()
	if !cut && !r.hijacked {
		r.settleHead()
	}
	r.done = true
	c.mu.Lock()
	defer c.mu.Unlock()
	c.body.closed = true
	if r.hijacked {
		return // see hijack, which has let the desk go
	}
	if overdue(c.out.by) {
		c.giveUp(os.ErrDeadlineExceeded)
	}
	c.state = returned
	c.out.cut = c.out.cut || cut
	if !cut {
		r.settleEnd()
	}
	if !c.out.cut {
		c.takeHead()
		c.out.tail = c.desk.buf
	}
	c.changed.Broadcast()
	if c.lease == nil {
		c.post()
	} // else the loop calls Then
}

// step has the call's step run: at once if the handler is called on the loop. c.mu is
// held, but perhaps not meanwhile.
func (c *call) step() {
	if c.posted || !c.lease.Hold() {
		c.post()
		return
	}
	c.posted = true
	d := c.desk
	c.mu.Unlock()
	defer c.mu.Lock()
	c.held(d.step)
}

// held calls fn while the handler holds the loop, and releases that. If a callback of the
// program panics in there, or ends the goroutine, its connection ends, as it does when
// that happens in a function that was posted.
func (c *call) held(fn func()) {
	x, whole, began := c.exchange(), false, clock()
	defer func() {
		if !whole && x != nil {
			x.Abort()
		}
		c.aside += clock() - began
		c.lease.Release()
	}()
	fn()
	whole = true
}

// post makes the loop run the call's step, which takes all that is there by then. c.mu is
// held.
func (c *call) post() {
	if !c.posted {
		c.posted = c.w.Post(c.desk.step) == nil
		if !c.posted && c.gone == nil {
			c.gone = errOver // the server has stopped
		}
	}
}

// do runs fn on the loop, after all that was posted before, and waits for it.
func (c *call) do(fn func(x adapt.Exchange)) error {
	done := make(chan error, 1)
	act := func() {
		err := errOver
		defer func() { done <- err }() // also if a callback of the program panics
		if x := c.exchange(); x != nil {
			err = nil
			fn(x)
		}
	}
	if err := c.onLoop(act); err != nil {
		return err
	}
	return <-done
}

// onLoop runs fn on the loop, after all that was posted before. The caller may wait for
// that.
func (c *call) onLoop(fn func()) error {
	c.mu.Lock()
	here := !c.posted && c.lease.Hold()
	c.mu.Unlock()
	if here {
		c.held(fn)
		return nil
	}
	c.lease.Leave()
	return c.w.Post(fn)
}

// giveUp makes the loop close the connection when the handler returns, because a part of
// the answer is lost. c.mu is held.
func (c *call) giveUp(why error) {
	if c.gone == nil {
		c.gone = why
	}
	c.out.cut = true
}

func overdue(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

// wait sleeps until something has changed, or the deadline has come. c.mu is
// held, but not meanwhile.
func (c *call) wait(deadline time.Time) {
	if !deadline.IsZero() {
		t := time.AfterFunc(time.Until(deadline), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.changed.Broadcast()
		})
		defer t.Stop()
	}
	c.lease.Leave()
	c.changed.Wait()
}

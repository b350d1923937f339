// Methods of a handler's ResponseWriter for http.ResponseController and
// http.CloseNotifier, besides Flush and Hijack.

package nethttp

import (
	"time"

	"github.com/lurcher-net/lurcher/internal/adapt"
)

// SetReadDeadline is for http.ResponseController. It replaces the server's
// BodyTimeout.
func (r *response) SetReadDeadline(t time.Time) error {
	c := r.call
	err := c.do(func(x adapt.Exchange) { x.BodyTimeout(0) })
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in.by, c.in.untimed = t, true
	c.changed.Broadcast()
	return err
}

// SetWriteDeadline is for http.ResponseController. The server's WriteTimeout, for a
// client that takes nothing, applies as well.
func (r *response) SetWriteDeadline(t time.Time) error {
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.by = t
	c.changed.Broadcast()
	return nil
}

// EnableFullDuplex is for http.ResponseController. A body can be read while the answer is
// written also without it. With it, the answer does not say that the connection closes
// because much of the body is still to come.
func (r *response) EnableFullDuplex() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.duplex = true
	return nil
}

// CloseNotify implements http.CloseNotifier, for old code.
func (r *response) CloseNotify() <-chan bool {
	c := r.call
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.notify == nil {
		c.notify = make(chan bool, 1)
		if c.left {
			c.notify <- true
		}
	}
	return c.notify
}

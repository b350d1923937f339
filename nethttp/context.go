// The context of a request.

package nethttp

import (
	"context"
	"sync"
	"time"
)

// A requestContext ends when the client leaves, and when the handler returns. Few handlers
// look, so a context of package context is made only for those that wait for the end:
// it costs a tenth of what a small answer does. Package context knows the one that was
// made, by Value, as the parent of others.
type requestContext struct {
	parent context.Context // the connection's, which has no end

	mu     sync.Mutex
	made   context.Context // or nil
	cancel context.CancelFunc
	over   bool
}

// Deadline is that of context.Context, as are the methods that follow.
func (c *requestContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil {
		c.made, c.cancel = context.WithCancel(c.parent)
		if c.over {
			c.cancel()
		}
	}
	return c.made.Done()
}

func (c *requestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.made != nil:
		return c.made.Err()
	case c.over:
		return context.Canceled
	}
	return nil
}

func (c *requestContext) Value(key any) any {
	c.mu.Lock()
	at := c.made
	c.mu.Unlock()
	if at == nil {
		at = c.parent
	}
	return at.Value(key)
}

// end cancels the context. It may be called again.
func (c *requestContext) end() {
	c.mu.Lock()
	c.over = true
	cancel := c.cancel
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

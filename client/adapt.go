// What package nethttp needs of an exchange beside its handles: see package
// internal/adapt.

package client

import (
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
)

func init() {
	adapt.OnFree = func(q any, fn func()) {
		if q := q.(Request); q.valid() {
			q.x.freed = fn
		}
	}
	adapt.IdleFor = func(c *conn.Conn) time.Duration {
		if s, ok := c.State.(*session); ok && s.since != 0 {
			return max(time.Duration(time.Now().UnixNano()-s.since), 0)
		}
		return 0
	}
}

// A loop that is turned by hand, for package servertest: see package internal/hand.

package conn

import (
	"context"
	"net"
	"time"

	"github.com/lurcher-net/lurcher/internal/hand"
	"github.com/lurcher-net/lurcher/poller"
)

func init() {
	hand.Step = func(l any) bool { return l.(*Loop).step() }
	hand.Advance = func(l any, d time.Duration) { l.(*Loop).advance(d) }
	hand.Attach = func(l any, fd int, h any) (any, error) { return l.(*Loop).attach(fd, h.(*Handler)) }
	hand.End = func(l any) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(net.ErrClosed)
		l.(*Loop).Run(ctx)
	}
}

// step is a round of Run that does not sleep.
func (l *Loop) step() (busy bool) {
	if l.taken == l.count {
		l.taken = 0
		l.count, _ = l.poll.Wait(l.events, 0)
	}
	l.tell()
	busy = l.count > 0 || l.busy()
	l.begun, l.pace.read = l.at, l.at
	l.pace.fresh()
	if l.Turn != nil {
		l.Turn(true)
	}
	l.turns()
	l.publish()
	return busy || l.busy()
}

// advance moves the clock on, by having the loop begin earlier. The wall clock
// that Now is made of goes with it.
func (l *Loop) advance(d time.Duration) {
	l.tell()
	l.epoch, l.recheck = l.epoch.Add(-d), 1<<62 // and is not put right
	l.tell()
}

// attach makes a connection of a socket that is connected.
func (l *Loop) attach(fd int, h *Handler) (*Conn, error) {
	c := l.newConn(fd, h, opening)
	if err := c.watch(poller.Read); err != nil {
		l.slots.release(c.slot)
		l.stats.Open--
		return nil, err
	}
	c.later() // open
	return c, nil
}

// A loop whose turns and clock are driven by package servertest: see internal/hand.

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

// step is a round of Run without sleeping. It reports whether there was, or is, work.
func (l *Loop) step() (busy bool) {
	if l.taken == l.count {
		l.taken = 0
		l.count, _ = l.poll.Wait(l.events, 0)
	}
	l.readClock()
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

// advance moves the loop's clock forward by d, by moving its epoch back, and Loop.Now by
// as much.
func (l *Loop) advance(d time.Duration) {
	l.readClock()
	l.ahead += d
	l.epoch, l.recheck = l.epoch.Add(-d), 1<<62 // 1<<62: the wall clock is not consulted again
	l.readClock()
}

// attach makes a connection of a connected socket.
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

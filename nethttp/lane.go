// A lane: a loop on which a Transport asks. It ends when nothing is left to wait
// for, and another is begun when it is needed.

package nethttp

import (
	"context"

	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/poller"
)

// A lane is such a loop.
type lane struct {
	loop   *conn.Loop
	pools  map[*client.Client]*client.Pool // the loop's
	asking context.Context                 // of the request that is being started: for its dial
	cancel context.CancelCauseFunc
	ended  chan struct{}
}

func (t *Transport) newLane() (*lane, error) {
	p, err := poller.New()
	if err != nil {
		return nil, err
	}
	loop, err := conn.NewLoop(p)
	if err != nil {
		p.Close()
		return nil, err
	}
	l := &lane{loop: loop, pools: make(map[*client.Client]*client.Pool), ended: make(chan struct{})}
	ctx, cancel := context.WithCancelCause(context.Background())
	l.cancel = cancel
	begun := make(chan struct{})
	loop.Post(func() { close(begun) }) // Run does not return before
	go l.run(ctx)
	return l, nil
}

func (l *lane) run(ctx context.Context) {
	defer close(l.ended)
	defer func() {
		for _, p := range l.pools {
			p.Close() // the client forgets it
		}
	}()
	l.loop.Run(ctx)
}

// pool returns the client's pool on this loop.
func (l *lane) pool(c *client.Client) *client.Pool {
	p := l.pools[c]
	if p == nil {
		p = c.On(l.loop)
		l.pools[c] = p
		if c.MaxIdle < 0 { // for a Transport that means none, for a Client no limit
			p.Close()
		}
	}
	return p
}

// A handler that panics costs its own connection, and no other.

package conn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

func TestPanics(t *testing.T) {
	boom := func() { panic("boom") }
	cases := map[string]struct {
		h      conn.Handler
		act    func(c *conn.Conn, p *peer) // brings it about; nil: writing does
		onLoop func(c *conn.Conn)
	}{
		"Open":                            {h: conn.Handler{Open: func(*conn.Conn) { boom() }}},
		"Data":                            {h: conn.Handler{Data: func(*conn.Conn, []byte) int { boom(); return 0 }}},
		"Data consumed too much":          {h: conn.Handler{Data: func(_ *conn.Conn, p []byte) int { return len(p) + 1 }}},
		"Data consumed less than nothing": {h: conn.Handler{Data: func(_ *conn.Conn, p []byte) int { return -1 }}},
		"held Data": {h: conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			if c.State != nil {
				boom()
			}
			c.State = 1
			c.Resume()
			return 0
		}}},
		"End":     {h: conn.Handler{End: func(*conn.Conn) { boom() }}, act: func(c *conn.Conn, p *peer) { p.closeWrite() }},
		"Drain":   {h: conn.Handler{High: 1, Drain: func(*conn.Conn) { boom() }}, onLoop: func(c *conn.Conn) { c.WriteString("xx"); c.Full() }},
		"OnDrain": {onLoop: func(c *conn.Conn) { c.OnDrain(boom) }},
		"Timeout": {h: conn.Handler{Timeout: func(*conn.Conn) { boom() }}, onLoop: func(c *conn.Conn) { c.SetDeadline(1) }},
		"Close":   {h: conn.Handler{Close: func(*conn.Conn, error) { boom() }}, onLoop: func(c *conn.Conn) { c.Close() }},
		"After":   {onLoop: func(c *conn.Conn) { c.After(1, boom) }},
		"Post":    {onLoop: func(c *conn.Conn) { c.Post(boom) }},
		"sink":    {onLoop: func(c *conn.Conn) { c.Pipe(sinkFunc(func([]byte) { boom() })) }},
		"index":   {onLoop: func(c *conn.Conn) { c.Post(func() { _ = []int{}[len(c.RemoteAddr().Network())] }) }},
	}
	for name, k := range cases {
		t.Run(name, func(t *testing.T) {
			each(t, func(r *rig) {
				r.listen(&conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
				other := r.dial()
				other.send("a")
				other.want("a")

				ch, onClose := closes()
				h := k.h
				h.Close = func(c *conn.Conn, err error) {
					onClose(c, err)
					if k.h.Close != nil {
						k.h.Close(c, err)
					}
				}
				opened := make(chan *conn.Conn, 1)
				h.Open = func(c *conn.Conn) {
					opened <- c
					if k.h.Open != nil {
						k.h.Open(c)
					}
				}
				r.listen(&h)
				p := r.dial()
				c := get(r, opened)
				switch {
				case k.onLoop != nil:
					r.do(func() { k.onLoop(c) })
				case k.act != nil:
					k.act(c, p)
				}
				if k.act == nil {
					p.Write([]byte("x"))
				}
				err := get(r, ch)
				if name != "Close" && (err == nil || !strings.Contains(err.Error(), "panic in a handler")) {
					r.Errorf("closed with %v", err)
				}
				r.until("the log", func() bool { return strings.Contains(r.log.String(), "panic in a handler") })
				if !strings.Contains(r.log.String(), "TestPanics") {
					r.Errorf("the log does not say where: %s", r.log)
				}
				other.send("b")
				other.want("b")
				r.turns(2)
				if len(ch) > 0 {
					r.Error("Close was called twice")
				}
			})
		})
	}
}

// A sink or a waiter that panics while its connection ends does not cost Close,
// nor the other waiters.
func TestPanicWhileEnding(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		c, p := r.serve(conn.Handler{Close: onClose})
		woken := make(chan bool, 1)
		r.do(func() {
			c.Pipe(badSink{})
			c.Write(flood(8 << 20))
			c.OnDrain(func() { panic("boom") })
			c.OnDrain(func() { woken <- true })
		})
		p.reset()
		get(r, ch)
		get(r, woken)
	})
}

type badSink struct{ sinkFunc }

func (badSink) Abort() error { panic("boom") }
func (badSink) Close() error { panic("boom") }

// A panic of what belongs to no connection closes none.
func TestPanicOfNobody(t *testing.T) {
	each(t, func(r *rig) {
		ch, onClose := closes()
		_, p := r.serve(conn.Handler{Close: onClose, Open: func(c *conn.Conn) { c.Pipe(c) }})
		r.loop.Post(func() { panic("boom") })
		r.loop.Post(func() { r.loop.After(time.Millisecond, func() { panic("boom") }) })
		r.until("two panics", func() bool { return strings.Count(r.log.String(), "boom") >= 2 })
		p.send("x")
		p.want("x")
		if len(ch) > 0 {
			r.Error("a connection was closed")
		}
	})
}

package conn_test

import (
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// What a protocol charges counts for MaxMemory like the connection's own buffers: who
// holds most is reset, and nothing stays counted when connections have ended.
func TestCharge(t *testing.T) {
	const most = 1 << 20
	r := newRig(t, "epoll", "tcp", func(l *conn.Loop) { l.MaxMemory = most })
	ch, onClose := closes()
	conns := make(map[byte]*conn.Conn)
	r.listen(&conn.Handler{Close: onClose, Data: func(c *conn.Conn, p []byte) int {
		switch name := p[0]; name {
		case 'a':
			c.Charge(most / 2)
		case 'b':
			c.Charge(most)
			c.Charge(-most) // what is released counts no more
			c.Charge(-most)
			c.Charge(most / 4)
		case 'c':
			c.Charge(most/2 + 1)
			c.Charge(most / 8)
		}
		conns[p[0]] = c
		c.Write(p)
		return len(p)
	}})
	held := func(want int) {
		t.Helper()
		r.turns(2)
		if n := r.loop.Stats().Held; n != want {
			t.Errorf("%d bytes are held, want %d", n, want)
		}
	}
	a, b := r.dial(), r.dial()
	a.send("a")
	a.want("a")
	b.send("b")
	b.want("b")
	held(most/2 + most/4)
	c := r.dial()
	c.send("c")
	r.wantErr(ch, conn.ErrMemory)
	r.turns(2) // Stats are published a turn late
	if n := r.loop.Stats().Shed; n != 1 {
		t.Errorf("%d connections were reset, want the one that held most", n)
	}
	held(most/2 + most/4)
	for _, p := range []*peer{a, b} { // they are served
		p.send("x")
		p.want("x")
	}
	r.do(func() {
		conns['c'].Charge(most) // it is over
		if !r.loop.Charge(most / 8) {
			t.Error("an eighth is too much")
		}
	})
	held(most/2 + most/4 + most/8)
	r.do(func() { r.loop.Charge(-most) })
	a.Close()
	b.Close()
	get(r, ch)
	get(r, ch)
	held(0)
}

// What is charged for many connections together leaves less for each.
func TestLoopCharge(t *testing.T) {
	const most = 1 << 20
	r := newRig(t, "epoll", "tcp", func(l *conn.Loop) { l.MaxMemory = most })
	ch, onClose := closes()
	r.serve(conn.Handler{Close: onClose, Open: func(c *conn.Conn) { c.Charge(most / 2) }})
	r.do(func() {
		if r.loop.Charge(most/2 + 1) {
			t.Error("a half is not too much")
		}
	})
	r.wantErr(ch, conn.ErrMemory)
}

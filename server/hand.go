// A server without sockets of its own, for package servertest: see package
// internal/hand.

package server

import (
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/hand"
)

func init() {
	hand.Open = func(s any) (loop, handler any, err error) {
		srv := s.(*Server)
		srv.Loops = 1
		if err := srv.makeLoops(); err != nil {
			return nil, nil, err
		}
		w := srv.workers[0]
		if srv.OnLoop != nil {
			srv.OnLoop(w.loop)
		}
		return w.loop, &srv.protocol, nil
	}
	hand.Hijacked = func(c any) bool {
		_, ours := c.(*conn.Conn).State.(*session)
		return !ours
	}
}

package conn_test

import (
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lurcher-net/lurcher/conn"
)

// Zero means package net's keep-alive times; parts of a second are rounded up. They are set before Control is called.
func TestDialKeepAlive(t *testing.T) {
	eachPoller(t, func(r *rig) {
		addr := r.backend().Addr().String()
		for _, k := range []struct {
			keepAlive time.Duration
			on, idle  int
		}{{0, 1, 15}, {90 * time.Second, 1, 90}, {1500 * time.Millisecond, 1, 2}, {-1, 0, 0}} {
			var on, idle, again int
			d := &conn.Dialer{KeepAlive: k.keepAlive, Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) {
					on, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_KEEPALIVE)
					idle, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPIDLE)
					again, _ = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_KEEPINTVL)
				})
			}}
			_, opened, _ := r.dialBy(d, "tcp", addr)
			get(r, opened)
			if on != k.on || k.on != 0 && (idle != k.idle || again != k.idle) {
				r.Errorf("KeepAlive %v: on %d, idle %d, interval %d", k.keepAlive, on, idle, again)
			}
		}
	})
}

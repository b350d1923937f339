// What peers can make crypto/tls hold counts for MaxMemory.

package conn_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// A record of the largest size, or a handshake message, that has begun and does not go on
// holds memory: it counts as held, and who holds most is reset.
func TestTLSMemoryIsBounded(t *testing.T) {
	const most, clients = 1 << 20, 100
	// A ClientHello of 60 KB that comes in records, and not to its end.
	var hello []byte
	for i := range 3 {
		rec := append([]byte{22, 3, 1, 0x3e, 0x80}, make([]byte, 16000)...)
		if i == 0 {
			copy(rec[5:], []byte{1, 0, 0xea, 0x60, 3, 3})
		}
		hello = append(hello, rec...)
	}
	begin := []byte{23, 3, 3, 0x40, 0x11, 0} // a record of 16 KiB: its first byte
	for name, attack := range map[string]func(r *rig, nc net.Conn){
		"half a record": func(r *rig, nc net.Conn) {
			if k := tls.Client(nc, certified()); k.Handshake() == nil {
				nc.Write(begin)
			}
		},
		"half a handshake": func(r *rig, nc net.Conn) { nc.Write(hello) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "epoll", "tcp", func(l *conn.Loop) { l.MaxMemory = most })
			r.secure = true
			shed := 0
			r.listen(&conn.Handler{
				Close: func(_ *conn.Conn, err error) {
					if errors.Is(err, conn.ErrMemory) {
						shed++
					}
				},
				Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) },
			})
			good := r.dial()
			var all []net.Conn
			for range clients {
				nc, err := net.Dial("tcp", r.addr)
				if err != nil {
					r.Fatal(err)
				}
				defer nc.Close()
				attack(r, nc) // may be reset already
				all = append(all, nc)
			}
			r.until("some to be reset", func() bool { return shed > 0 })
			// Those that were closed give back what they held in portions, over some turns.
			r.until("less to be held than the bound", func() bool { return r.loop.Stats().Held <= most })
			good.send("x") // who holds next to nothing is served
			good.want("x")
			for _, nc := range all {
				nc.Close()
			}
			r.until("nothing to be held", func() bool { return r.loop.Stats().Held == 0 })
		})
	}
}

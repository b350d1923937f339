// Ends that depend on how much the kernel holds, which Linux says.

package ws

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestCloseForASlowReader: a peer that needs longer than CloseTimeout to read what was
// written before the close frame gets all of it, also when the kernel holds it already.
func TestCloseForASlowReader(t *testing.T) {
	t.Parallel()
	const size = 64 << 10
	h, ends := closing(&Handler{CloseTimeout: 400 * time.Millisecond, Open: func(c *Conn) {
		c.Write(Binary, make([]byte, size))
		c.Close(4001, "")
	}})
	s := start(t, h)
	small := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) (err error) {
		raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
		return err
	}}
	// A machine that stands still makes the peer read too slowly: it is asked until it does not.
	until(t, "the peer gets all", func() bool {
		nc, err := small.Dial("tcp", s.addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		io.WriteString(nc, request())
		got, piece := 0, make([]byte, 1<<10)
		for err == nil {
			time.Sleep(20 * time.Millisecond) // the rate of the peer
			var n int
			n, err = nc.Read(piece)
			if got += n; n >= 4 && string(piece[n-4:n-2]) == "\x88\x02" {
				nc.Write(bye(4001, ""))
			}
		}
		e := wait(t, ends)
		return got > size && err == io.EOF && e.Code == 4001
	})
}

// The contender netpoll (CloudWeGo's): a TCP echo.
package main

import (
	"context"

	"github.com/cloudwego/netpoll"
	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("echo")
	ln, err := netpoll.CreateListener("tcp", f.Addr)
	peer.Fail(err)
	loop, err := netpoll.NewEventLoop(echo)
	peer.Fail(err)
	peer.Fail(loop.Serve(ln))
}

func echo(_ context.Context, c netpoll.Connection) error {
	r, w := c.Reader(), c.Writer()
	p, err := r.Next(r.Len())
	if err != nil {
		return err
	}
	if _, err := w.WriteBinary(p); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return r.Release()
}

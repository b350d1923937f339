// The contender gnet. It is no HTTP server: this answers as its benchmarks do, by looking for the end
// of the head, with a Date that is cached. It reads the target and Content-Length, and checks nothing.
package main

import (
	"bytes"
	"runtime"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/peers/sketch"
	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/logging"
)

func main() {
	f := peer.Parse("http", "echo")
	opts := []gnet.Option{
		gnet.WithNumEventLoop(runtime.GOMAXPROCS(0)), gnet.WithTicker(f.Mode == "http"),
		gnet.WithLogLevel(logging.ErrorLevel), gnet.WithTCPNoDelay(gnet.TCPNoDelay),
	}
	var h gnet.EventHandler = &echo{}
	if f.Mode == "http" {
		h = &web{}
	}
	peer.Fail(gnet.Run(h, "tcp://"+f.Addr, opts...))
}

type echo struct{ gnet.BuiltinEventEngine }

func (*echo) OnTraffic(c gnet.Conn) gnet.Action {
	p, _ := c.Next(-1)
	c.Write(p)
	return gnet.None
}

type web struct{ gnet.BuiltinEventEngine }

// outputs are for the answers of one call; loops share them.
var outputs = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (*web) OnBoot(gnet.Engine) gnet.Action { sketch.Tick(); return gnet.None }

func (*web) OnTick() (time.Duration, gnet.Action) { sketch.Tick(); return time.Second, gnet.None }

func (*web) OnTraffic(c gnet.Conn) gnet.Action {
	in, _ := c.Peek(-1)
	used := 0
	out := outputs.Get().(*bytes.Buffer)
	defer outputs.Put(out)
	out.Reset()
	for {
		req, n := sketch.Request(in[used:])
		if n == 0 {
			break
		}
		used += n
		if req.Delay > 0 {
			time.AfterFunc(req.Delay, func() { c.AsyncWrite(sketch.Answer(nil, req), nil) })
			continue
		}
		out.Write(sketch.Answer(out.AvailableBuffer(), req))
		if req.Close {
			c.Discard(used)
			c.Write(out.Bytes())
			return gnet.Close
		}
	}
	if used > 0 { // 0 would discard what has come of the next request too
		c.Discard(used)
	}
	if out.Len() > 0 {
		c.Write(out.Bytes())
	}
	return gnet.None
}

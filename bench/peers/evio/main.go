// The contender evio. Like gnet it is no HTTP server: see package sketch for what its answer does not do.
package main

import (
	"runtime"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/bench/peers/sketch"
	"github.com/tidwall/evio"
)

func main() {
	f := peer.Parse("http", "echo")
	events := evio.Events{NumLoops: runtime.GOMAXPROCS(0)}
	if f.Mode == "echo" {
		events.Data = func(_ evio.Conn, in []byte) ([]byte, evio.Action) { return in, evio.None }
	} else {
		sketch.Tick()
		events.Tick = func() (time.Duration, evio.Action) { sketch.Tick(); return time.Second, evio.None }
		events.Opened = func(c evio.Conn) (out []byte, o evio.Options, a evio.Action) {
			c.SetContext(&client{})
			return nil, o, evio.None
		}
		events.Data = data
	}
	peer.Fail(evio.Serve(events, "tcp://"+f.Addr))
}

// client is what is kept for a connection: input that is not whole, and answers whose time has come.
type client struct {
	in   evio.InputStream
	late []sketch.Req
}

func data(c evio.Conn, p []byte) (out []byte, action evio.Action) {
	k := c.Context().(*client)
	if p == nil { // Wake: the oldest delayed answer is due
		if len(k.late) > 0 {
			out = sketch.Answer(nil, k.late[0])
			k.late = k.late[1:]
		}
		return out, evio.None
	}
	in := k.in.Begin(p)
	for {
		req, n := sketch.Request(in)
		if n == 0 {
			break
		}
		in = in[n:]
		if req.Delay > 0 {
			k.late = append(k.late, req)
			time.AfterFunc(req.Delay, c.Wake)
			continue
		}
		out = sketch.Answer(out, req)
		if req.Close {
			action = evio.Close
			break
		}
	}
	k.in.End(in)
	return out, action
}

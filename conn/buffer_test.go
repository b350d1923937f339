// What peers can make a loop hold is bounded in sum.

package conn_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// Loop.MaxMemory: those that hold most are closed, with an error of their own, and
// others are served.
func TestMaxMemory(t *testing.T) {
	for _, what := range []string{"input that is held", "output that is not read"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			const most, many = 4 << 20, 80
			r := newRig(t, "", "tcp", func(l *conn.Loop) { l.MaxMemory = most })
			shed, small := make(chan error, many), make(chan error, many)
			var report chan error
			h := conn.Handler{High: -1, Hold: -1, Data: func(c *conn.Conn, p []byte) int {
				switch p[0] {
				case '?':
					c.WriteString("!")
					return len(p)
				case 's': // holds little
					c.State = small
					return 0
				}
				c.State = shed
				if what == "output that is not read" {
					c.Write(make([]byte, 6<<20))
					return len(p)
				}
				return 0
			}, Close: func(c *conn.Conn, err error) {
				if report, _ = c.State.(chan error); report != nil {
					report <- err
				}
			}}
			_, probe := r.serve(h)
			modest := r.dial()
			modest.send("small")
			for range many {
				nc, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { nc.Close() })
				go nc.Write(make([]byte, 82_000))
				probe.send("?")
				probe.want("!")
			}
			if err := get(r, shed); !errors.Is(err, conn.ErrMemory) {
				t.Errorf("closed with %v", err)
			}
			r.until("it to be less", func() bool { return r.loop.Stats().Held <= most })
			probe.send("?")
			probe.want("!")
			if st := r.loop.Stats(); st.Shed == 0 || !strings.Contains(r.log.String(), "hold too much") {
				t.Errorf("%d shed, logged: %s", st.Shed, r.log.String())
			}
			select {
			case err := <-small:
				t.Errorf("the connection that held 5 bytes was closed: %v", err)
			default:
			}
		})
	}
}

// A connection that holds little holds little, whatever others have held before.
func TestHeldInputIsAsLargeAsWhatCame(t *testing.T) {
	t.Parallel()
	r := newRig(t, "", "tcp")
	r.listen(&conn.Handler{Hold: -1, Data: func(*conn.Conn, []byte) int { return 0 }})
	for range 50 { // the pool learns
		p := r.dial()
		want := r.bytesIn() + 60_000
		p.send(string(make([]byte, 60_000)))
		r.until("input", func() bool { return r.loop.Stats().BytesIn >= want })
		p.Close()
	}
	r.until("their end", func() bool { return r.loop.Stats().Open == 0 })
	if st := r.loop.Stats(); st.Held != 0 {
		t.Errorf("nobody is there, and %d bytes are held", st.Held)
	}
	const many = 50
	in := r.bytesIn()
	for range many {
		r.dial().send("GET / HTTP/1.1\r\nHost: a\r\n")
	}
	r.until("input", func() bool { return r.loop.Stats().BytesIn == in+many*25 })
	r.turns(2)
	if st := r.loop.Stats(); st.Held > many*1024 || st.Held < many*25 {
		t.Errorf("%d connections with 25 bytes each hold %d", many, st.Held)
	}
}

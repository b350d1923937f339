// Turns are bounded: whatever one list holds, the others have their portion, and
// the poller is asked again.

package conn_test

import (
	"context"
	"io"
	"net"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// spin keeps the loop busy for d, as a callback that computes does.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// However much one list of the turn holds, it is done in order, in portions, and
// a connection is served in between.
func TestEachListIsDoneInPortions(t *testing.T) {
	const n, conns = 300, 60
	for name, fill := range map[string]func(r *rig, item func(i int)) (n int){
		"posts": func(r *rig, item func(i int)) int {
			for i := range n {
				r.loop.Post(func() { item(i) })
			}
			return n
		},
		"timers": func(r *rig, item func(i int)) int {
			for range n {
				r.loop.After(0, func() { item(-1) }) // those of one tick have no order
			}
			return n
		},
		"drains": func(r *rig, item func(i int)) int {
			c := slices.Collect(r.loop.Conns())[0]
			for i := range n {
				c.OnDrain(func() { item(i) })
			}
			return n
		},
		"connections that resume": func(r *rig, item func(i int)) (k int) {
			h := &conn.Handler{Data: func(_ *conn.Conn, p []byte) int { item(-1); return len(p) }}
			for c := range r.loop.Conns() {
				if c.State != nil {
					c.SetHandler(h)
					k++
				}
			}
			return k
		},
		"connections that close": func(r *rig, item func(i int)) (k int) {
			h := &conn.Handler{Close: func(*conn.Conn, error) { item(-1) }}
			for c := range r.loop.Conns() {
				if c.State != nil {
					c.SetHandler(h)
					c.Abort()
					k++
				}
			}
			return k
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachPoller(t, func(r *rig) {
				var done atomic.Int64
				before := -1 // items that were done before the connection was served
				echo, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
					if string(p) == "held" {
						return 0
					}
					before = int(done.Load())
					c.Write(p)
					return len(p)
				}})
				for range conns { // with input that waits
					nc, err := net.Dial("tcp", r.addr)
					if err != nil {
						r.Fatal(err)
					}
					r.peer(nc).send("held")
				}
				r.until("input", func() bool { return r.loop.Stats().BytesIn == conns*4 })
				r.do(func() {
					for c := range r.loop.Conns() {
						if c != echo {
							c.State = true
						}
					}
				})
				r.turns(2)
				turns := map[uint64]int{}
				var order []int
				begun, sent := make(chan bool), make(chan bool)
				all := 0
				r.do(func() {
					all = fill(r, func(i int) {
						if done.Add(1) == 1 {
							close(begun)
							<-sent
						}
						if i >= 0 {
							order = append(order, i)
						}
						if before < 0 { // else it is all the same
							turns[r.loop.Stats().Turns]++
							spin(5 * time.Millisecond)
						}
					})
				})
				get(r, begun)
				p.send("x")
				close(sent)
				p.want("x")
				r.until("the end of the list", func() bool { return int(done.Load()) == all })
				r.do(func() {
					if before == all {
						r.Errorf("another connection was served when all was done")
					}
					for turn, k := range turns {
						if k > all/2 {
							r.Errorf("%d of %d items in turn %d", k, all, turn)
						}
					}
					if !slices.IsSorted(order) {
						r.Error("not in order")
					}
				})
			})
		})
	}
}

// Who asks has a turn before those whose output only goes on, however many these are.
func TestOutputThatGoesOnComesLast(t *testing.T) {
	eachPoller(t, func(r *rig) {
		const conns = 40
		var done atomic.Int64
		before := -1 // connections that had ended before the other one was served
		echo, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			before = int(done.Load())
			c.Write(p)
			return len(p)
		}})
		var readers []*peer
		for range conns {
			readers = append(readers, r.dial())
		}
		r.until("all", func() bool { return r.loop.Stats().Open == conns+1 })
		begun, sent := make(chan bool), make(chan bool)
		r.do(func() {
			h := &conn.Handler{Close: func(*conn.Conn, error) {
				if done.Add(1) == 1 {
					close(begun)
					<-sent
				}
				spin(5 * time.Millisecond)
			}}
			for c := range r.loop.Conns() {
				if c != echo {
					c.SetHandler(h)
					for part := make([]byte, 64<<10); c.Pending() == 0; {
						c.Write(part)
					}
					c.Close()
				}
			}
		})
		for _, q := range readers {
			go io.Copy(io.Discard, q)
		}
		get(r, begun)
		p.send("x")
		close(sent)
		p.want("x")
		r.until("the end of all", func() bool { return done.Load() == conns })
		r.do(func() {
			if before > conns/2 {
				r.Errorf("served after the output of %d of %d had gone on", before, conns)
			}
		})
	})
}

// Accepting has its own portion: a listener does not wait for its next event after
// those of connections that are always ready.
func TestAcceptingKeepsUp(t *testing.T) {
	eachPoller(t, func(r *rig) {
		const talkers, newcomers = 60, 100
		opened, calls, during := 0, 0, 0
		r.listen(&conn.Handler{
			Open: func(*conn.Conn) {
				if opened++; opened > talkers {
					spin(2 * time.Millisecond) // a portion
				}
			},
			Data: func(_ *conn.Conn, p []byte) int {
				if calls++; opened > talkers && opened < talkers+newcomers {
					during++
				}
				spin(2 * time.Millisecond)
				return len(p)
			},
		})
		for range talkers {
			p := r.dial()
			go func() {
				for buf := make([]byte, 64<<10); ; {
					if _, err := p.Write(buf); err != nil {
						return
					}
				}
			}()
		}
		r.until("the talkers", func() bool { return calls > 2*talkers })
		r.do(func() { // they arrive together
			for range newcomers {
				r.dial()
			}
		})
		r.until("the newcomers", func() bool { return opened == talkers+newcomers })
		r.do(func() {
			if during > 2*newcomers {
				r.Errorf("%d calls for others while %d connections were accepted", during, newcomers)
			}
		})
	})
}

// A callback that writes until Full writes less while events of others wait.
func TestFullIsSoonerWhileOthersWait(t *testing.T) {
	t.Parallel()
	r := newRig(t, "epoll", "tcp")
	var wrote []int
	part := make([]byte, 4<<10)
	r.listen(&conn.Handler{High: 8 << 20, Data: func(c *conn.Conn, p []byte) int {
		n := 0
		for ; !c.Full(); n += len(part) {
			c.Write(part)
		}
		wrote = append(wrote, n)
		return len(p)
	}})
	defer func() { t.Logf("%d bytes were written, the first while the other waited", wrote) }()
	// A callback whose time the machine takes away writes less too: so it is asked until none does.
	loopback.Until(t, "little to be written while another waits, and then much", func() bool {
		a, b := r.dial(), r.dial()
		r.until("both", func() bool { return r.loop.Stats().Open == 2 })
		r.turns(2)
		r.do(func() { // so that one wait brings both
			wrote = nil
			a.send("x")
			b.send("x")
		})
		r.until("both to be called", func() bool { return len(wrote) == 2 })
		a.reset()
		b.reset()
		r.until("their end", func() bool { return r.loop.Stats().Open == 0 })
		return wrote[0] <= 64<<10 && wrote[1] >= 256<<10
	})
}

// Nobody starves: a list that never ends leaves the others their portions.
func TestEndlessListsShareTheLoop(t *testing.T) {
	eachPoller(t, func(r *rig) {
		var counts [3]int
		stop := false
		var post func()
		post = func() {
			if spin(time.Millisecond); !stop {
				counts[0]++
				r.loop.Post(post)
			}
		}
		var timer func()
		timer = func() {
			if spin(time.Millisecond); !stop {
				counts[1]++
				r.loop.After(0, timer)
			}
		}
		c, p := r.serve(conn.Handler{Data: func(c *conn.Conn, p []byte) int { c.Write(p); return len(p) }})
		var drain func()
		drain = func() {
			if spin(time.Millisecond); !stop {
				counts[2]++
				c.OnDrain(drain)
			}
		}
		r.do(func() { post(); timer(); drain() })
		for range 10 {
			p.send("x")
			p.want("x")
		}
		r.until("each of them", func() bool { return counts[0] > 10 && counts[1] > 10 && counts[2] > 10 })
		r.do(func() { stop = true })
	})
}

// Late is false when a callback begins, as a rule, and true within one that goes on.
func TestLate(t *testing.T) {
	t.Parallel()
	r := newRig(t, "epoll", "tcp")
	r.do(func() {
		for end := time.Now().Add(patience); !r.loop.Late(); {
			if time.Now().After(end) {
				r.Fatal("never late")
			}
		}
	})
	r.until("another turn", func() bool { return !r.loop.Late() })
}

// What is left of the lists when the context ends is still run, and every
// connection has its last call.
func TestLeftoversAreRunWhenTheLoopEnds(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ran, ended := 0, 0
		r.listen(&conn.Handler{Close: func(*conn.Conn, error) { ended++; spin(100 * time.Microsecond) }})
		for range 50 {
			r.dial()
		}
		r.until("the connections", func() bool { return r.loop.Stats().Open == 50 })
		r.do(func() {
			for range 500 {
				r.loop.Post(func() { ran++; spin(10 * time.Microsecond) })
			}
			r.cancel(context.Canceled)
		})
		r.stopped()
		if ran != 500 || ended != 50 {
			t.Errorf("%d of 500 posted functions ran, %d of 50 connections were closed", ran, ended)
		}
	})
}

// A callback that ends its goroutine ends its connection, and the loop goes on;
// Run returns as ever.
func TestGoexit(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ch, onClose := closes()
		_, p := r.serve(conn.Handler{Close: onClose, Data: func(c *conn.Conn, p []byte) int {
			if string(p) == "exit" {
				runtime.Goexit()
			}
			c.Write(p)
			return len(p)
		}})
		q := r.dial()
		for range 3 {
			p.send("exit")
			if err := get(r, ch); err == nil {
				r.Error("closed without an error")
			}
			q.send("alive")
			q.want("alive")
			p = r.dial()
		}
	})
}

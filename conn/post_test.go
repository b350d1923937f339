// Post and Run: how others reach the loop, and when it is over.

package conn_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/poller"
)

// Many goroutines post: nothing is lost, and each one's order is kept.
func TestPostFromManyGoroutines(t *testing.T) {
	eachPoller(t, func(r *rig) {
		const goroutines, posts = 16, 500
		var last [goroutines]int // the loop's, so without a lock
		var wg sync.WaitGroup
		for g := range goroutines {
			wg.Go(func() {
				for i := range posts {
					if err := r.loop.Post(func() {
						if last[g] != i {
							r.Errorf("goroutine %d: post %d after %d", g, i, last[g])
						}
						last[g] = i + 1
					}); err != nil {
						r.Error(err)
					}
					if i%100 == g {
						time.Sleep(time.Millisecond) // let the loop go to sleep
					}
				}
			})
		}
		wg.Wait()
		r.do(func() {
			for g, n := range last {
				if n != posts {
					r.Errorf("goroutine %d: %d posts came", g, n)
				}
			}
		})
	})
}

// Posts that race with the end of Run are run, or refused: never both, never
// neither.
func TestPostWhileRunReturns(t *testing.T) {
	t.Parallel()
	for _, name := range poller.Names() {
		for range 50 {
			l := newLoop(t, name)
			var ran, taken atomic.Int64
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for l.Post(func() { ran.Add(1) }) == nil {
						taken.Add(1)
						runtime.Gosched() // on one processor the box is never empty otherwise, and Run goes on
					}
				})
			}
			ctx, cancel := context.WithCancel(context.Background())
			l.Ref()
			l.Post(func() {
				l.After(100*time.Microsecond, func() {
					if name == poller.Names()[0] {
						cancel()
					}
					l.Unref()
				})
			})
			l.Run(ctx)
			cancel()
			wg.Wait()
			if ran.Load() != taken.Load() {
				t.Fatalf("%d posts were taken, %d ran", taken.Load(), ran.Load())
			}
			if err := l.Post(func() {}); !errors.Is(err, net.ErrClosed) {
				t.Fatal(err)
			}
		}
	}
}

func TestRunReturnsWhenNothingIsLeft(t *testing.T) {
	t.Parallel()
	for _, name := range poller.Names() {
		for what, begin := range map[string]func(l *conn.Loop, ln net.Listener){
			"nothing":         func(*conn.Loop, net.Listener) {},
			"a post":          func(l *conn.Loop, _ net.Listener) { l.Post(func() { l.Post(func() {}) }) },
			"a timer":         func(l *conn.Loop, _ net.Listener) { l.After(time.Millisecond, func() {}) },
			"a stopped timer": func(l *conn.Loop, _ net.Listener) { l.After(time.Hour, func() {}).Stop() },
			"a ref": func(l *conn.Loop, _ net.Listener) {
				l.Ref()
				l.Ref()
				l.Unref()
				go l.Post(l.Unref)
			},
			"a listener": func(l *conn.Loop, _ net.Listener) {
				ln, err := l.Listen("tcp", "127.0.0.1:0", nil)
				if err != nil {
					t.Error(err)
				}
				go l.Post(func() { ln.Close() })
			},
			"a connection": func(l *conn.Loop, ln net.Listener) {
				l.Dial("tcp", ln.Addr().String(), &conn.Handler{Open: func(c *conn.Conn) { c.Close() }})
			},
			"a dial that fails": func(l *conn.Loop, ln net.Listener) { l.Dial("unix", "/nonexistent", nil) },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer ln.Close()
				l := newLoop(t, name)
				begin(l, ln)
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				if err := l.Run(ctx); err != nil {
					t.Error(err)
				}
				if _, err := l.Dial("tcp", ln.Addr().String(), nil); !errors.Is(err, net.ErrClosed) {
					t.Error("Dial after Run:", err)
				}
			})
		}
	}
}

// The end of the context closes everything with its cause, and Run returns it,
// whatever the handlers do about it.
func TestCancel(t *testing.T) {
	each(t, func(r *rig) {
		cause := errors.New("enough")
		ch := make(chan error, 8)
		h := &conn.Handler{Close: func(c *conn.Conn, err error) {
			ch <- err
			l := c.Loop()
			l.Ref()
			l.After(0, func() { r.Error("a timer was begun at the end") })
			if _, err := l.Dial("tcp", "127.0.0.1:1", nil); !errors.Is(err, net.ErrClosed) {
				r.Error("Dial at the end:", err)
			}
			if _, err := l.Listen("tcp", "127.0.0.1:0", nil); !errors.Is(err, net.ErrClosed) {
				r.Error("Listen at the end:", err)
			}
		}}
		c, p := r.serve(*h)
		ln := r.backend()
		r.do(func() {
			if _, err := r.loop.Dial(r.network, ln.Addr().String(), h); err != nil {
				r.Error(err)
			}
			c.Write(flood(8 << 20)) // it has output pending, too
			var forever func()
			forever = func() { r.loop.Post(forever) }
			forever()
			r.loop.After(time.Hour, func() { r.Error("fired") })
		})
		r.cancel(cause)
		if err := r.stopped(); err != cause {
			r.Fatal(err)
		}
		for range 2 {
			if err := <-ch; err != cause {
				r.Error("closed with", err)
			}
		}
		if _, err := net.Dial(r.network, r.addr); err == nil {
			r.Error("something listens still")
		}
		if st := r.loop.Stats(); st.Turns == 0 {
			r.Error("no turns")
		}
		p.Close()
	})
}

func TestRunWithACancelledContextFreesTheLoop(t *testing.T) {
	t.Parallel()
	l := newLoop(t, "epoll")
	ln, err := l.Listen("tcp", "127.0.0.1:0", nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := l.Run(ctx); err != context.Canceled {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("it listens still")
	}
	if err := l.Run(context.Background()); err == nil {
		t.Error("Run twice")
	}
}

// An idle loop does not turn.
func TestIdleLoopSleeps(t *testing.T) {
	each(t, func(r *rig) {
		c, p := r.serve(conn.Handler{Open: func(c *conn.Conn) { c.Pipe(c) }})
		p.send("x")
		p.want("x")
		q := r.dial()
		q.closeWrite()
		q.wantEOF()
		r.do(func() { c.Pause() })
		p.send("unread, and that must not spin")
		loopback.Until(r, "50 ms with nothing to do to take 4 turns at most", func() bool { // a signal ends a wait
			r.turns(3)
			before := r.loop.Stats().Turns
			time.Sleep(50 * time.Millisecond)
			return r.loop.Stats().Turns-before <= 4
		})
	})
}

func TestConns(t *testing.T) {
	each(t, func(r *rig) {
		var opened int
		r.listen(&conn.Handler{Open: func(c *conn.Conn) { opened++ }})
		for range 5 {
			r.dial()
		}
		r.until("5 connections", func() bool { return opened == 5 })
		r.do(func() {
			n := 0
			for c := range r.loop.Conns() {
				if n++; n == 4 {
					break
				}
				c.Abort()
			}
			left := 0
			for range r.loop.Conns() {
				left++
			}
			if left != 2 || r.loop.Stats().Open > 5 {
				r.Errorf("%d left of 5 after 3 were aborted", left)
			}
			if d := time.Since(r.loop.Now()); d < 0 || d > patience {
				r.Errorf("the loop's time is off by %v", d)
			}
		})
	})
}

package poller

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestSignal sends signals to the thread that waits, as the Go runtime does when it preempts. The
// waits must take them for what they are, and only ever end with 0, nil.
func TestSignal(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, s)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			tid, stop, stopped := unix.Gettid(), make(chan bool), make(chan bool)
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
						unix.Tgkill(os.Getpid(), tid, unix.SIGURG)
					}
				}
			}()
			defer func() { close(stop); <-stopped }()
			a, b := g.unix()
			g.must(g.p.Add(a, 1, Read))
			var buf [1]Event
			for _, max := range []time.Duration{-1, patience, -1, 0, time.Hour} {
				start := time.Now()
				n, err := g.p.Wait(buf[:], max)
				if n != 0 || err != nil {
					t.Fatal(n, err)
				}
				if time.Since(start) >= patience {
					t.Fatal("a signal did not end Wait")
				}
			}
			g.write(b, "x")
			g.one(1, Read, 0)
		})
	}
}

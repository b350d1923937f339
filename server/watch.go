// watch: callbacks that block their loop are reported while they do. They are the
// usual mistake in programs for event loops, and hard to find from outside: all
// connections of the loop are slow, for no reason of their own.
//
// Reading a clock at each callback would cost more than many callbacks do. So a
// goroutine checks whether the loops turn, twice in the time that a callback may
// take. That also finds a callback that never returns, and where it is. The
// goroutine sleeps while all loops sleep; the first loop to wake wakes it, at the
// cost of one flag load per turn.

package server

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lurcher-net/lurcher/internal/stack"
)

// warnEvery is the time between two reports about one loop.
const warnEvery = time.Minute

// Labels of the loops' goroutines in profiles. Goroutines that are started on a loop
// inherit them.
const (
	labelServer = "lurcher server" // the address of the first listener
	labelLoop   = "lurcher loop"   // its number, from 0 on
)

type watch struct {
	parked atomic.Bool // all loops sleep, and so does the goroutine that watches them
	wake   chan struct{}
}

// A watched is what the goroutine remembers of a loop.
type watched struct {
	turns  uint64 // the turn in which the loop was last seen
	same   int    // times that it was seen busy in that turn
	silent time.Time
}

// name returns a name that distinguishes the servers of a process.
func (s *Server) name() string {
	if len(s.listeners) == 0 {
		return ""
	}
	return s.listeners[0].Addr().String()
}

// runLoop is one of Serve's goroutines.
func (s *Server) runLoop(i int) (err error) {
	labels := pprof.Labels(labelServer, s.name(), labelLoop, strconv.Itoa(i))
	pprof.Do(s.ctx, labels, func(ctx context.Context) { err = s.workers[i].loop.Run(ctx) })
	return err
}

// watchLoops watches until stop is called.
func (s *Server) watchLoops() (stop func()) {
	if s.SlowCallback < 0 {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		list := make([]watched, len(s.workers))
		for {
			var next <-chan time.Time
			if !s.park(list) {
				next = time.After(max(s.SlowCallback/2, time.Millisecond))
			}
			select {
			case <-quit:
				return
			case <-s.watch.wake:
			case <-next:
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// park reports whether all loops sleep. If so, unpark will wake the goroutine that
// watches them.
func (s *Server) park(list []watched) bool {
	for {
		sleep := true
		for i, w := range s.workers {
			st, known := w.loop.Stats(), &list[i]
			switch {
			case st.Waiting:
				known.same = 0
				continue
			case st.Turns != known.turns:
				known.turns, known.same = st.Turns, 0
			default:
				if known.same++; known.same == 2 {
					s.reportBlocked(i, known)
				}
			}
			sleep = false
		}
		// A loop may have woken up after it was checked and before parked was
		// set: so check them once more.
		if !sleep || s.watch.parked.Swap(true) {
			s.watch.parked.Store(sleep)
			return sleep
		}
	}
}

// unpark is called by a loop that has found something to do.
func (s *Server) unpark() {
	if s.watch.parked.Load() && s.watch.parked.CompareAndSwap(true, false) {
		select {
		case s.watch.wake <- struct{}{}:
		default: // somebody has woken it already
		}
	}
}

// reportBlocked logs the stack of a loop that has not turned for SlowCallback.
func (s *Server) reportBlocked(i int, known *watched) {
	now := time.Now()
	if now.Before(known.silent) {
		return
	}
	stack := s.stackOf(i)
	if stack == "" || strings.Contains(stack, "conn.(*Loop).wait ") {
		return // the loop has stopped; or it was about to turn, but had no processor
	}
	known.silent = now.Add(warnEvery)
	s.log().Warn("server: a callback blocks its loop, nobody else on it is served: do what takes long in a goroutine, and Post the result",
		"loop", i, "longer than", s.SlowCallback, "handler", s.handlerName(), "stack", stack)
}

// log returns Log, or slog.Default if that is nil.
func (s *Server) log() *slog.Logger {
	if s.Log != nil {
		return s.Log
	}
	return slog.Default()
}

// handlerName returns the name of the handler's function.
func (s *Server) handlerName() string {
	if s.Handler == nil {
		return "none"
	}
	return runtime.FuncForPC(reflect.ValueOf(s.Handler).Pointer()).Name()
}

// stackOf returns where a loop is now, from the innermost function to the callback
// that the loop has called. The only way to find the stack of another goroutine is
// by its labels, in a profile as text.
func (s *Server) stackOf(i int) string {
	var profile bytes.Buffer
	pprof.Lookup("goroutine").WriteTo(&profile, 1)
	server := fmt.Sprintf("%q:%q", labelServer, s.name())
	loop := fmt.Sprintf("%q:%q", labelLoop, strconv.Itoa(i))
	for record := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(record, server) && strings.Contains(record, loop) && strings.Contains(record, "conn.(*Loop).rounds+") &&
			!strings.Contains(record, "conn.(*Conn).lendOnce+") { // it has lost the loop, or soon will
			return frames(record)
		}
	}
	return ""
}

// frames returns the functions of a record of a goroutine profile, down to the
// loop's own, innermost first, in one line for the log.
func frames(record string) string {
	var list []string
	for line := range strings.Lines(record) {
		f := strings.Fields(line) // "#", address, function+offset, file:line
		if len(f) != 4 || f[0] != "#" {
			continue
		}
		name, _, _ := strings.Cut(f[2], "+")
		if stack.IsTurn(name) {
			break
		}
		list = append(list, name+" "+f[3])
	}
	return stack.Line(list)
}

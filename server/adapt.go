// What package nethttp needs of an exchange beside its handles: see package
// internal/adapt.

package server

import (
	"os"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/adapt"
	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/parser"
)

func init() {
	adapt.Of = func(w any) adapt.Exchange {
		if w := w.(*Response); w.valid() {
			return (*adapted)(w.s)
		}
		return nil
	}
}

// adapted is a session as an adapter sees it.
type adapted session

func (a *adapted) Head() (*parser.Request, []byte) {
	if a.head == nil {
		return nil, nil
	}
	return &a.head.Request, a.head.buf
}

func (a *adapted) SetPathValues(v adapt.PathValues) {
	if a.head != nil {
		a.head.values = v
	}
}

func (a *adapted) Peer() *any { return &(*session)(a).last().adapter }

func (a *adapted) Server() adapt.Server {
	s := a.worker.server
	return adapt.Server{Log: s.Log, BodyTimeout: s.BodyTimeout, OnStop: s.onStop}
}

// onStop registers fn, to be called when the server has stopped.
func (s *Server) onStop(fn func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.atStop = append(s.atStop, fn)
}

// stopped is the last act of Serve.
func (s *Server) stopped() {
	s.mu.Lock()
	list := s.atStop
	s.mu.Unlock()
	for _, fn := range list {
		fn()
	}
	close(s.done)
}

func (a *adapted) Waits() bool     { return (*session)(a).is(expecting) }
func (a *adapted) Receiving() bool { return a.phase == receiving }
func (a *adapted) Taken() bool     { return a.phase == receiving && a.x.sink != nil }

func (a *adapted) BodyTimeout(d time.Duration) {
	if a.phase == receiving {
		a.x.untimed = d <= 0
		a.conn.SetDeadline(d)
	}
}

func (a *adapted) Hold(n int) { (*session)(a).charge(n) }

func (a *adapted) OnLeft(fn func(cause error)) { (*session)(a).extra().onAbort = fn }

func (a *adapted) Refuse(status int, reason string) { (*session)(a).refuse(status, reason, nil) }
func (a *adapted) Inform(status int, lines []byte)  { (*session)(a).inform(status, lines) }

func (a *adapted) Begin(o adapt.Opening) error {
	s := (*session)(a)
	a.open(o)
	if !o.Tunnel {
		return s.startAnswer(o.Length, nil)
	}
	if o.Status == 101 && !s.is(upgrade) {
		return ErrUpgrade // RFC 9110 7.8
	}
	return s.writeHead(o.Length, nil)
}

func (a *adapted) Answer(o adapt.Opening, body []byte, rest time.Duration) {
	a.open(o)
	(*session)(a).finishAny(body)
	a.limitRest(rest)
}

// open takes over what o says, but for the length of the body.
func (a *adapted) open(o adapt.Opening) {
	s := (*session)(a)
	x := s.extra()
	s.status = uint16(o.Status)
	x.fields = append(x.fields, o.Lines...)
	x.hasDate = x.hasDate || o.Dated
	x.options, x.coding = o.Options, o.Coding
	if !o.Duplex {
		s.set(whole) // no more of the body will be read
	}
	if o.Close {
		s.set(wantsClose)
	}
}

func (a *adapted) SendFile(f *os.File, off, n int64) int64 {
	x := a.x
	if !(*session)(a).is(sent) || (*session)(a).is(chunked|bodiless) || x == nil || x.written+n > x.declared {
		return 0
	}
	n = lend.SendFile(a.conn, f, off, n)
	x.written += n
	return n
}

func (a *adapted) CloseAfter() { (*session)(a).clear(persist) }

func (a *adapted) End(trailer []byte, rest time.Duration) {
	s := (*session)(a)
	if len(trailer) > 0 {
		s.extra().trailer = trailer
	}
	s.finish(nil)
	a.limitRest(rest)
}

// limitRest sets the time for the rest of the request's body, if that is dropped.
func (a *adapted) limitRest(rest time.Duration) {
	if rest > 0 && a.phase == discarding {
		a.conn.SetDeadline(rest)
	}
}

func (a *adapted) Cut() {
	s := (*session)(a)
	if s.x != nil {
		s.x.onAbort = nil // the caller knows already
	}
	s.happens(givenUp, nil)
}

func (a *adapted) Lend(f lend.Function) bool { return lend.Run(a.conn, f) }

func (a *adapted) Next() {
	if a.phase == idle {
		lend.Next(a.conn)
	}
}

func (a *adapted) Abort() { a.conn.Abort() }

func (a *adapted) HandOver(h *conn.Handler) *conn.Conn { return (*session)(a).handOver(h) }

// The loop's side of NetHTTP: it writes what handlers have written, tells them
// that their clients left, and ends their exchanges.

package server

import "io"

// onStep does what the goroutine has left to do since the last time.
func (d *desk) onStep() {
	c := d.call
	c.mu.Lock()
	c.posted = false
	out, file, tail, trails := c.out, c.file, c.tail, c.trails
	done, over, cut, resume := c.done, c.over, c.cut, c.in.resume
	a, lost := c.answer, c.gone != nil
	c.answer.ready, c.in.resume = false, false
	c.out, c.file, c.taking = nil, filePart{}, true
	c.mu.Unlock()

	s := c.w.s
	if resume && c.w.valid() {
		c.w.Resume()
	}
	if a.ready && !lost && c.w.valid() {
		c.begin(a)
	}
	if over && c.w.valid() {
		s.clear(persist)
	}
	if len(out) > 0 && !lost && c.w.valid() {
		s.writeBody(out)
	}
	switch {
	case file.f == nil:
	case c.w.valid():
		c.w.SendFile(file.f, file.at, file.n)
	default:
		file.f.Close()
	}
	if !done {
		c.mu.Lock()
		c.taking = false
		if cap(out) > cap(d.spare) {
			d.spare = out[:0]
		}
		c.watch()
		c.changed.Broadcast()
		c.mu.Unlock()
		return
	}
	if c.w.valid() {
		if cut {
			s.cut()
		} else {
			if len(tail) > 0 {
				s.writeBody(tail)
			}
			if len(trails) > 0 {
				s.extra().trailer = trails
			}
			s.finish(nil)
		}
	}
	if cap(out) > cap(d.spare) {
		d.spare = out
	}
	d.retire(c)
}

// begin sends the head, and no call returns with the exchange open that could
// not.
func (c *call) begin(a opening) {
	s := c.w.s
	x := s.extra()
	s.status = uint16(a.status)
	x.fields = append(x.fields, c.desk.fields...)
	x.hasDate = x.hasDate || a.dated
	x.duplex = a.duplex
	if a.close {
		s.clear(persist)
	}
	s.startAnswer(a.length, nil)
}

// watch has the handler wait while the client does not read. c.mu is held.
func (c *call) watch() {
	if !c.choked && c.w.valid() && c.w.s.conn.Full() {
		c.choked = true
		c.desk.waits = true
		c.w.OnDrain(c.desk.drained)
	}
}

// onDrained lets the handler go on.
func (d *desk) onDrained() {
	d.waits = false
	c := d.call
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.choked = false
	c.watch()
	c.changed.Broadcast()
}

// onLeft is called when the client has sent its FIN, and again when the exchange
// is over without our doing.
func (d *desk) onLeft() {
	c := d.call
	gone := !c.w.valid()
	if !gone && c.w.s.x != nil {
		c.w.s.x.onAbort = d.left // it may still be reset
	}
	c.mu.Lock()
	c.left = true
	if gone && c.gone == nil {
		c.gone = errOver
	}
	cancel := c.cancel
	if c.notify != nil {
		select {
		case c.notify <- true:
		default:
		}
	}
	c.changed.Broadcast()
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	if gone && c.adapter.pool.forget(c) {
		d.retire(c)
	}
}

// retire ends what the loop has to do with the call, and takes its desk back.
func (d *desk) retire(c *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.giveBack(c)
}

// giveBack is retire with c.mu held.
func (d *desk) giveBack(c *call) {
	if in := &c.in; in.buf != nil {
		bodyPool.Put(in.buf)
		in.buf = nil
	}
	c.body.closed = true
	c.w.s.worker.loop.Unref()
	d.call, c.desk = nil, nil
	c.out, c.tail = nil, nil
	if d.waits || cap(d.buf) > mostDesk || cap(d.spare) > mostDesk || cap(d.fields) > mostDesk {
		return
	}
	d.buf, d.fields = d.buf[:0], d.fields[:0]
	desks.Put(d)
}

// cut ends an answer that cannot be completed, and the connection, so that it
// does not pass for a whole one.
func (s *session) cut() {
	if s.x != nil {
		s.x.onAbort = nil // who has it cut knows
	}
	tell := s.abandon()
	s.cutOff()
	tell()
}

var _ io.ReaderFrom = (*response)(nil)

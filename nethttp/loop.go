// The loop's side of a call: it writes what handlers have written, tells them
// that their clients left, and ends their exchanges.

package nethttp

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

	x := c.exchange()
	if resume && x != nil {
		c.w.Resume()
	}
	if a.ready && !lost && x != nil {
		a.Lines = d.fields
		if x.Begin(a.Opening) != nil {
			x = c.exchange() // a status that cannot be, and the server has refused
		}
	}
	if over && x != nil {
		x.CloseAfter()
	}
	if len(out) > 0 && !lost && x != nil {
		c.w.Write(out)
	}
	switch {
	case file.f == nil:
	case x != nil:
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
	switch {
	case x == nil:
	case cut:
		x.Cut()
	default:
		if len(tail) > 0 {
			c.w.Write(tail)
		}
		x.End(trails)
	}
	if cap(out) > cap(d.spare) {
		d.spare = out
	}
	d.retire(c)
}

// watch has the handler wait while the client does not read. c.mu is held.
func (c *call) watch() {
	if !c.choked && c.w.Full() {
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
	x := c.exchange()
	gone := x == nil
	if !gone {
		x.OnLeft(d.left) // it may still be reset
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
	c.peer.batch.loop.Unref()
	d.call, c.desk = nil, nil
	c.out, c.tail = nil, nil
	if d.waits || cap(d.buf) > mostDesk || cap(d.spare) > mostDesk || cap(d.fields) > mostDesk {
		return
	}
	d.buf, d.fields = d.buf[:0], d.fields[:0]
	desks.Put(d)
}

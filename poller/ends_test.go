// The part of the conformance suite that is about ends: half-closes, closes, resets, refusals.

//go:build unix || windows

package poller

// The values that the contract allows a backend to leave out.
func (g *rig) halfclose() (must, may Ready) { // a half-close under Read
	if g.halfs {
		return Read | Hangup, 0
	}
	return Read, Hangup
}

func testHalfClose(g *rig) {
	must, may := g.halfclose()
	for _, s := range streams {
		a, b := s.pair(g)
		g.must(g.p.Add(a, 1, Read))
		g.write(b, "x")
		g.must(sysShutdownWrite(b))
		g.one(1, must, may)
		if !g.empty(a) {
			g.Fatal("no end of file")
		}
		for range 3 { // the end of file stays
			g.one(1, must, may)
		}
		g.must(g.p.Mod(a, 2, Read|Write))
		g.one(2, must|Write, may)
		g.write(a, "the other direction goes on")
		g.must(g.p.Del(a))
	}
}

func testHalfCloseUnread(g *rig) {
	for _, s := range streams {
		a, b := s.pair(g)
		g.must(g.p.Add(a, 1, Read))
		g.fill(a)
		g.must(g.p.Mod(a, 1, Write))
		g.must(sysShutdownWrite(b))
		g.quiet(0) // full, so not writable; and nobody reads
		g.must(g.p.Mod(a, 1, 0))
		g.quiet(0)
		g.empty(b)
		g.quiet(0)
		must, may := g.halfclose()
		g.must(g.p.Mod(a, 2, Read))
		g.one(2, must, may)
		g.must(g.p.Del(a))
	}
}

func testFullClose(g *rig) {
	for _, s := range streams {
		a, b := s.pair(g)
		g.must(g.p.Add(a, 1, Read))
		g.close(b)
		must, may := g.halfclose()
		g.one(1, must, may|Write|Err)
		g.must(sysShutdownWrite(a))
		g.must(g.p.Mod(a, 2, Read|Write))
		g.one(2, must|Write, may|Err)
		g.must(g.p.Mod(a, 3, 0))
		g.quiet(1)
		g.must(g.p.Del(a))
	}
}

func testReset(g *rig) {
	var must, may Ready = Err, Hangup
	if !g.ends {
		must, may = 0, Hangup|Err
	}
	for _, want := range []Ready{Read, Write, Read | Write} {
		a, b := g.tcp()
		g.must(g.p.Add(a, 1, want))
		if want == Write {
			g.fill(a)
			g.quiet(0)
		}
		g.reset(b)
		for range 2 {
			g.one(1, must|want, may|Read|Write)
		}
		g.must(g.p.Del(a))
		// The same when it was reset before it was registered.
		g.must(g.p.Add(a, 2, want))
		g.one(2, must|want, may|Read|Write)
		g.must(g.p.Del(a))
	}
}

func testResetUnasked(g *rig) {
	a, b := g.tcp()
	g.must(g.p.Add(a, 1, Read|Write))
	g.must(g.p.Mod(a, 2, 0))
	g.reset(b)
	g.quiet(1)
	g.quiet(0)
	g.must(g.p.Mod(a, 3, 0)) // may say it once more
	g.quiet(1)
	g.must(g.p.Mod(a, 4, Read))
	g.one(4, Read, Write|Hangup|Err)
	g.must(g.p.Mod(a, 5, Write))
	g.one(5, Write, Read|Hangup|Err)
}

// testVanished: who waits for nothing learns of a reset where the backend can tell, also when the half-close
// that came before it was read.
func testVanished(g *rig) {
	for _, half := range []bool{false, true} {
		a, b := g.tcp()
		g.must(g.p.Add(a, 1, Read))
		if half {
			g.must(sysShutdownWrite(b))
			must, may := g.halfclose()
			g.one(1, must, may)
			g.empty(a)
		}
		g.must(g.p.Mod(a, 2, 0))
		g.quiet(0)
		g.reset(b)
		if g.resets {
			g.one(2, Err, Hangup|Read|Write)
		} else {
			g.quiet(1)
		}
		g.quiet(0)
		g.must(g.p.Del(a))
	}
}

func testPipes(g *rig) {
	if !hasPipes {
		g.Skip("pipes cannot be polled here")
	}
	r, w := g.pipe()
	g.must(g.p.Add(r, 1, Read))
	g.quiet(0)
	g.close(w)
	for range 2 {
		g.one(1, Read, Write|Hangup)
	}
	g.must(g.p.Mod(r, 1, 0))
	g.quiet(1)
	g.must(g.p.Del(r))

	r, w = g.pipe()
	g.must(g.p.Add(w, 2, Write))
	g.one(2, Write, 0)
	g.fill(w)
	g.quiet(0)
	g.close(r)
	for range 2 {
		g.one(2, Write, Read|Hangup|Err)
	}
	g.must(g.p.Mod(w, 2, 0))
	g.quiet(1)
}

func testRefused(g *rig) {
	l, addr := g.listen()
	c := g.socket()
	g.close(l)
	if err := sysConnect(c, addr); !isInProgress(err) {
		g.Skip("connect to a closed port does not wait here:", err)
	}
	g.must(g.p.Add(c, 1, Write))
	g.one(1, Write, Read|Hangup|Err)
	ok, err := refused(c)
	g.must(err)
	if !ok {
		g.Error("the pending error is another one")
	}
}

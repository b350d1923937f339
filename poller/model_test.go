// A randomised check: random operations on random descriptors, every backend beside a model that is
// a few booleans, and the same answers from all.

//go:build unix || windows

package poller

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "seed of the model check (0: by the clock)")
	steps = flag.Int("steps", 1500, "operations of the model check")
)

// end is what the model knows of one descriptor: what a read and a write would do.
type end struct {
	fd, peer int // peer is -1 once closed
	kind     string
	pending  int  // bytes that can be read
	eof      bool // the peer has shut its sending side
	full     bool // a write would block
	shut     bool // this side has shut its sending side
}

// ready is the model of readiness.
func (e *end) ready() (r Ready) {
	if e.pending > 0 || e.eof {
		r |= Read
	}
	if !e.full {
		r |= Write
	}
	return r
}

// watched is one registration: the same on every backend.
type watched struct {
	token Token
	want  Ready
	on    bool
}

type modelRun struct {
	*rig
	rng     *rand.Rand
	all     []*rig // one for each backend
	ends    []end
	watched []watched
	serial  Token // the next token
	log     []string
}

func TestModel(t *testing.T) {
	seed := *seed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to repeat: go test -run TestModel -seed %d -steps %d", seed, *steps)
	m := &modelRun{rng: rand.New(rand.NewPCG(seed, 1))}
	for _, s := range subjects() {
		m.all = append(m.all, newRig(t, s))
	}
	m.rig = m.all[0]
	for range 12 {
		m.ends = append(m.ends, m.connect())
	}
	m.watched = make([]watched, len(m.ends))
	defer func() {
		if t.Failed() {
			for _, line := range m.log[max(0, len(m.log)-40):] {
				t.Log(line)
			}
		}
	}()
	for range *steps {
		i := m.rng.IntN(len(m.ends))
		if m.rng.IntN(2) == 0 {
			m.register(i)
		} else {
			m.disturb(i)
		}
		if m.rng.IntN(4) > 0 { // sometimes operations pile up
			m.compare()
		}
	}
}

func (m *modelRun) note(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

func (m *modelRun) connect() end {
	if hasPipes && m.rng.IntN(4) == 0 {
		r, w := m.pipe()
		return end{fd: r, peer: w, kind: "pipe"}
	}
	s := streams[m.rng.IntN(len(streams))]
	a, b := s.pair(m.rig)
	return end{fd: a, peer: b, kind: s.name}
}

// register does one of Add, Mod and Del on every backend, wrong ones included.
func (m *modelRun) register(i int) {
	w, fd := &m.watched[i], m.ends[i].fd
	t := m.serial
	m.serial++
	want := []Ready{Read, Write, Read | Write, 0}[m.rng.IntN(4)]
	if m.ends[i].kind == "pipe" {
		want &= Read // which is all that this end of it has
	}
	op := m.rng.IntN(3)
	var expect error
	switch {
	case op == 0 && w.on:
		expect = syscall.EEXIST
	case op != 0 && !w.on:
		expect = syscall.ENOENT
	case op == 2:
		*w = watched{}
	default:
		*w = watched{t, want, true}
	}
	m.note("%s %d token %d want %v: %v", [...]string{"Add", "Mod", "Del"}[op], i, t, want, expect)
	for _, g := range m.all {
		var err error
		switch op {
		case 0:
			err = g.p.Add(fd, t, want)
		case 1:
			err = g.p.Mod(fd, t, want)
		case 2:
			err = g.p.Del(fd)
		}
		if !errors.Is(err, expect) {
			m.Fatalf("%s: got %v, want %v", g.name, err, expect)
		}
	}
}

// disturb changes what one descriptor is ready for.
func (m *modelRun) disturb(i int) {
	e := &m.ends[i]
	socket := e.kind != "pipe"
	switch op := m.rng.IntN(11); {
	case op < 2 && e.peer >= 0 && !e.eof && e.pending < 20:
		m.note("peer of %d (%s) writes", i, e.kind)
		m.write(e.peer, "x")
		e.pending++
	case op < 4:
		m.note("%d (%s) reads all", i, e.kind)
		m.empty(e.fd)
		e.pending = 0
	case op < 5 && e.kind == "unix" && e.peer >= 0 && !e.shut: // TCP is never full for certain
		m.note("%d (%s) writes until full", i, e.kind)
		m.fill(e.fd)
		e.full = true
	case op < 7 && socket && e.peer >= 0:
		m.note("peer of %d (%s) reads all", i, e.kind)
		m.empty(e.peer)
		e.full = false
	case op < 8 && socket && e.peer >= 0 && !e.eof:
		m.note("peer of %d (%s) shuts its side", i, e.kind)
		m.must(sysShutdownWrite(e.peer))
		e.eof = true
	case op < 9 && e.peer >= 0:
		m.note("peer of %d (%s) closes", i, e.kind)
		m.close(e.peer)
		e.peer, e.eof, e.full = -1, true, false
	case op < 10 && socket && e.peer >= 0 && !e.full && !e.shut:
		m.note("%d (%s) shuts its side", i, e.kind)
		m.must(sysShutdownWrite(e.fd))
		e.shut = true
	case e.eof:
		m.replace(i)
	}
}

// replace closes a descriptor, registered or not, and has another take its place and often its
// number.
func (m *modelRun) replace(i int) {
	e, w := &m.ends[i], &m.watched[i]
	m.note("%d (%s) is replaced", i, e.kind)
	if w.on {
		for _, g := range m.all {
			m.must(g.p.Del(e.fd))
		}
		*w = watched{}
	}
	m.close(e.fd)
	if e.peer >= 0 {
		m.close(e.peer)
	}
	*e = m.connect()
}

// compare asks every backend until it agrees with the model: TCP takes a moment to deliver. What no
// moment excuses is an event of an unknown token, or of a condition that was not asked for.
func (m *modelRun) compare() {
	size := 1 + m.rng.IntN(2*len(m.ends))
	for _, g := range m.all {
		var wrong string
		for start := time.Now(); time.Since(start) < patience; {
			if wrong = m.disagreement(g, g.allReady(len(m.ends), size)); wrong == "" {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if wrong != "" {
			m.Fatalf("%s: %s", g.name, wrong)
		}
	}
}

func (m *modelRun) disagreement(g *rig, got map[Token]Ready) string {
	for i := range m.ends {
		e, w := &m.ends[i], &m.watched[i]
		if !w.on {
			continue
		}
		ready := got[w.token]
		delete(got, w.token)
		beyond := ready &^ w.want
		switch {
		case ready&w.want != e.ready()&w.want:
			return fmt.Sprintf("%d (%s) is %v, want %v of %v", i, e.kind, ready, e.ready(), w.want)
		case beyond&(Read|Write) != 0 && ready&(Hangup|Err) == 0:
			return fmt.Sprintf("%d (%s) is %v and only %v was asked for", i, e.kind, ready, w.want)
		case beyond&(Hangup|Err) != 0 && !e.eof && e.peer >= 0:
			return fmt.Sprintf("%d (%s) is %v, but its peer is there", i, e.kind, ready)
		case w.want&Read != 0 && e.eof && g.halfs && ready&Hangup == 0:
			return fmt.Sprintf("%d (%s) is %v without Hangup", i, e.kind, ready)
		}
	}
	if len(got) != 0 {
		m.Fatalf("%s: events of tokens that are not registered: %v", g.name, got)
	}
	return ""
}

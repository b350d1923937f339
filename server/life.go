// life: how an exchange and its connection go on, and how they end. What may
// happen to a session is an event; the table says, by the phase that the session
// is in and what else is true of it, which phase follows and what is done. One
// function, session.happens, does that: nothing else changes the phase, or
// closes the connection.
//
// docs/architecture.md has the table as a diagram, printed by TestLifeDiagram.

package server

// A phase is what the next byte of input is for.
type phase uint8

const (
	idle       phase = iota // a head, of which nothing has come
	reading                 // the rest of a head
	receiving               // the body of the exchange under way
	answering               // the next request: it waits until the answer is complete
	discarding              // the rest of a body that nobody wants, behind the answer
	lingering               // nothing: our side is shut, behind the last answer
	closing                 // nothing: what was written is being sent, then the connection is gone
	gone                    // somebody else: it was hijacked, or it is closed

	numPhases
)

// An event is what may happen to a session.
type event uint8

const (
	headBegins event = iota // a part of a head has come
	headRead                // a head is whole
	bodyRead                // so is the body
	answered                // the program has ended its answer
	misfit                  // and that has not the length it was said to have
	refused                 // the server has answered on its own, unless the program had begun to
	givenUp                 // the program cannot complete what it has begun
	aborted                 // the program wants no more of the connection
	finCame                 // the client has sent its FIN, and what came before has been dealt with
	timedOut                // the time for what the phase waits for is over
	excess                  // more has come than is discarded, or what is no body
	hijacked                // the program takes the connection
	closed                  // the connection is gone, whatever brought that

	numEvents
)

// A trait is what else may be true of a session.
type trait uint16

const (
	keep    trait = 1 << iota // another request may follow the answer
	body                      // the head says that a body follows
	little                    // what is left of the body is short, or has been promised to be read
	begun                     // a part of the answer is written
	endless                   // nothing but the connection's end ends the answer
	fin                       // the client has sent its FIN
	more                      // the client may be sending what nobody is going to read
	crowded                   // the answer waits in a Hub
)

// An action is what is done about an event, beside going on to another phase.
type action uint8

const (
	nothing  action = iota
	serve           // call the handler
	timeHead        // the rest of the head has to come within HeadTimeout
	nextHead        // the exchange is over; go on with what follows it
	skipBody        // the exchange is over; drop the rest of its body
	tellFIN         // the program may want to know
	refuse          // answer 400 or 408, which is an event of its own
	linger          // send FIN behind the output, and discard input until the client closes
	hangUp          // send the output, and close
	reset           // drop the output, and reset
	handOver        // leave the connection to its new protocol
	forget          // count the connection out
)

// A row of the table. The first that fits is good.
type row struct {
	in        phases
	on        event
	when, not trait // which have to be true, and which must not be
	then      phase // stay: the same
	do        action
}

// phases is a set of them.
type phases uint16

func in(list ...phase) (set phases) {
	for _, p := range list {
		set |= 1 << p
	}
	return set
}

const stay = numPhases

var (
	underWay   = in(receiving, answering)
	waitsHead  = in(idle, reading)
	beforeGone = phases(1<<gone - 1)
)

// table is all that can happen. Where no row fits, nothing does.
var table = []row{
	{waitsHead, headRead, body, 0, receiving, serve},
	{waitsHead, headRead, 0, 0, answering, serve},
	{in(idle), headBegins, 0, 0, reading, timeHead},
	{in(receiving), bodyRead, 0, 0, answering, nothing},
	{in(discarding), bodyRead, 0, 0, idle, nextHead},

	// The answer is complete: RFC 9112 9.3, 9.6.
	{in(answering), answered, keep, 0, idle, nextHead},
	{in(receiving), answered, keep | little, 0, discarding, skipBody},
	{underWay, answered, more, fin, lingering, linger},
	{underWay, answered, 0, 0, closing, hangUp},

	// Or it is not, and must not pass for it.
	{underWay, misfit, more, fin, lingering, linger},
	{underWay, misfit, 0, 0, closing, hangUp},
	{underWay, givenUp, endless, 0, closing, reset},
	{underWay, givenUp, 0, 0, closing, hangUp},
	{underWay, aborted, 0, 0, closing, reset},

	// The server has answered, in place of the program.
	{underWay, refused, begun | endless, 0, closing, reset},
	{underWay, refused, begun, 0, closing, hangUp},
	{waitsHead | underWay, refused, 0, fin, lingering, linger},
	{waitsHead | underWay, refused, 0, 0, closing, hangUp},

	// The client sends no more. Perhaps it reads on.
	{in(idle, reading, discarding, lingering), finCame, 0, 0, closing, hangUp},
	{in(receiving), finCame, 0, 0, stay, refuse},
	{in(answering), finCame, crowded, 0, closing, hangUp},
	{in(answering), finCame, 0, 0, stay, tellFIN},

	// It took too long, or sent too much.
	{in(idle), timedOut, 0, 0, closing, hangUp},
	{in(reading, receiving), timedOut, 0, 0, stay, refuse},
	{in(discarding), timedOut, 0, fin, lingering, linger},
	{in(discarding), timedOut, 0, 0, closing, hangUp},
	{in(discarding), excess, 0, fin, lingering, linger},
	{in(discarding), excess, 0, 0, closing, hangUp},
	{in(lingering), timedOut, 0, 0, closing, hangUp},
	{in(lingering), excess, 0, 0, closing, reset},

	// The connection is not HTTP's any more.
	{in(idle), aborted, 0, 0, closing, reset}, // one too many
	{underWay, hijacked, 0, 0, gone, handOver},
	{beforeGone, closed, 0, 0, gone, forget},
}

// rows are those of the table for each phase and event.
var rows = func() (index [numPhases][numEvents][]row) {
	for _, r := range table {
		for p := range numPhases {
			if r.in&in(p) != 0 {
				index[p][r.on] = append(index[p][r.on], r)
			}
		}
	}
	return index
}()

// life is the table: which phase follows on an event, and what is done.
func life(p phase, is trait, e event) (phase, action) {
	for i := range rows[p][e] {
		r := &rows[p][e][i]
		if is&r.when != r.when || is&r.not != 0 {
			continue
		}
		if r.then == stay {
			return p, r.do
		}
		return r.then, r.do
	}
	return p, nothing
}

// traits is what is true of the session beside its phase, as far as the event
// asks for it.
func (s *session) traits(e event) (is trait) {
	add := func(t trait, ok bool) {
		if ok {
			is |= t
		}
	}
	add(fin, s.is(halfClosed))
	switch e {
	case answered, misfit:
		add(keep, s.is(persist))
		add(more, s.is(left|eager) || s.conn.Pending() > 0)
		add(little, s.phase == receiving && s.canSkip())
	case refused, givenUp:
		add(begun, s.is(sent))
		add(endless, s.is(untilEnd))
	case finCame:
		add(crowded, s.x != nil && s.x.crowded())
	}
	return is
}

// happens is where everything ends. It goes on to the phase that follows on e, and
// does what is to be done; what the exchange held is given back first, and the
// program is told last, so that nothing is lost if it panics. cause is for
// Response.OnAbort.
func (s *session) happens(e event, cause error) {
	next, do := life(s.phase, s.traits(e), e)
	var last final
	var unread rest
	if next != receiving && next != answering {
		if do == skipBody {
			unread = s.unread()
		}
		last = s.giveBack(e)
	}
	s.enter(next)
	switch do {
	case timeHead:
		s.awaitRest()
	case nextHead:
		s.await()
	case skipBody:
		s.skip(unread)
	case tellFIN:
		s.tellFIN(cause)
	case refuse:
		s.refuseFor(e, cause)
	case linger:
		s.linger()
	case hangUp:
		s.conn.Close()
	case reset:
		s.conn.Abort()
	case handOver:
		s.uncount()
	case forget:
		s.giveHead()
		s.uncount()
	}
	last.tell(s, cause)
}

// enter goes on to another phase. The worker counts who is in which.
func (s *session) enter(p phase) {
	n := &s.worker.counts.phases
	n[s.phase]--
	n[p]++
	s.phase = p
}

// serve is what happens when a head is whole. It is a short way: each request
// comes here.
func (s *session) serve(body bool) {
	if body {
		s.enter(receiving)
	} else {
		s.enter(answering)
	}
}

// endUsual is what happens when the program has ended an answer that is usual, and
// has no exchange to look into: a short way too, for finishUsual.
func (s *session) endUsual() {
	if s.timer != nil || s.is(stopped) {
		s.giveBack(answered)
	} else {
		s.gen++
		s.flags = s.flags&^exchangeFlags | ended
	}
	s.enter(idle)
	s.await()
}

// A final is an exchange that is over, and of which the program is still to be
// told.
type final struct {
	x       *exchange // nil: there is nothing to tell
	aborted bool      // the program had not ended it
}

// giveBack ends the exchange: its handles go stale, and what it held is given
// back.
func (s *session) giveBack(e event) (f final) {
	underWay := s.phase == receiving || s.phase == answering
	f.x, f.aborted = s.x, underWay && e != answered && e != misfit && e != hijacked
	if f.aborted {
		s.worker.counts.aborted++
	}
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	if s.is(stopped) {
		s.clear(waiting)
		s.conn.Resume()
	}
	s.x = nil
	s.gen++
	s.clear(exchangeFlags | ended)
	if e == answered {
		s.set(ended)
	}
	if f.x != nil {
		for _, m := range f.x.hubs {
			m.leave()
		}
		for _, t := range f.x.timers {
			t.Stop()
		}
	}
	return f
}

// tell is the last of an exchange.
func (f final) tell(s *session, cause error) {
	if f.x == nil {
		return
	}
	defer s.worker.release(f.x) // whatever the program does
	if fn := f.x.onAbort; fn != nil && f.aborted {
		defer fn(cause)
	}
	if f.x.visit.open {
		s.report(f)
	}
}

// tellFIN tells the program that the client has sent its FIN while it waits for
// the answer. Perhaps it still reads, and what is written reaches it; perhaps it
// is gone: the program decides.
func (s *session) tellFIN(cause error) {
	if x := s.x; x != nil && x.onAbort != nil {
		fn := x.onAbort
		x.onAbort = nil
		fn(cause)
	}
}

// uncount takes the connection, which is gone, out of the server's count.
func (s *session) uncount() {
	s.worker.counts.phases[gone]--
	if s.is(surplus) {
		s.worker.server.refused.Add(-1)
	} else {
		s.worker.server.conns.Add(-1)
	}
}

// life: how an exchange and its connection go on, and how they end. Whatever
// happens to a session is an event. The table says which phase follows and which
// action is taken, depending on the event, the session's phase and its traits. One
// function, session.happens, carries that out: nothing else changes the phase or
// closes the connection.
//
// docs/architecture.md has the table as a diagram, printed by TestLifeDiagram.

package server

// A phase says what the next byte of input is for.
type phase uint8

const (
	idle       phase = iota // a head; none of it has come
	reading                 // the rest of a head
	receiving               // the body of the exchange under way
	answering               // the next request: it waits until the answer is complete
	discarding              // the rest of a body that nobody wants; the answer is complete
	lingering               // nothing: we have sent our FIN after the last answer
	closing                 // nothing: output is being sent, and then the connection is closed
	gone                    // not ours: the connection was hijacked, or is closed

	numPhases
)

// An event is something that happens to a session.
type event uint8

const (
	headBegins event = iota // a part of a head has come
	headRead                // a head is complete
	bodyRead                // a body is complete
	answered                // the program has ended its answer
	misfit                  // the program has ended an answer of another length than it declared
	refused                 // the server has refused the request, or would have, had no answer begun
	givenUp                 // the program cannot complete what it has begun
	aborted                 // the program has called Abort
	finCame                 // the client's FIN has come, and all input before it has been consumed
	timedOut                // the phase has lasted too long
	excess                  // more input has come than is discarded, or the body is malformed
	hijacked                // the program takes the connection over
	closed                  // the connection is closed, for whatever reason

	numEvents
)

// A trait is a fact about a session, besides its phase, that the table depends on.
type trait uint16

const (
	keep    trait = 1 << iota // another request may follow the answer
	body                      // the head says that a body follows
	little                    // the rest of the body is short, or the answer promised that it is read
	begun                     // a part of the answer is written
	endless                   // only the end of the connection ends the answer
	fin                       // the client has sent its FIN
	more                      // the client may be sending something that nobody is going to read
	crowded                   // the answer waits in a Hub
)

// An action is what an event causes, besides another phase.
type action uint8

const (
	nothing  action = iota
	serve           // call the handler
	timeHead        // the rest of the head has to come within HeadTimeout
	nextHead        // the exchange is over; go on with what follows it
	skipBody        // the exchange is over; drop the rest of its body
	tellFIN         // call OnAbort: the program may want to know
	refuse          // refuse with 400 or 408, which is an event of its own
	linger          // send FIN after the output, and discard input until the client closes
	hangUp          // send the output, and close
	reset           // drop the output, and reset
	cutOff          // send what the kernel takes of the output, and reset
	handOver        // leave the connection to its new protocol
	forget          // take the connection out of the counts
)

// A row of the table. The first one that fits applies.
type row struct {
	in        phases
	on        event
	when, not trait // traits that the session must have, and must not have
	then      phase // the phase that follows; stay: the same one
	do        action
}

// phases is a set of phases.
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

	// The answer is complete (RFC 9112 9.3, 9.6).
	{in(answering), answered, keep, 0, idle, nextHead},
	{in(receiving), answered, keep | little, 0, discarding, skipBody},
	{underWay, answered, more, fin, lingering, linger},
	{underWay, answered, 0, 0, closing, hangUp},

	// The answer is not complete, and must not look complete.
	{underWay, misfit, more, fin, lingering, linger},
	{underWay, misfit, 0, 0, closing, hangUp},
	{underWay, givenUp, endless, 0, closing, cutOff},
	{underWay, givenUp, 0, 0, closing, hangUp},
	{underWay, aborted, 0, 0, closing, reset},

	// The server has refused the request.
	{underWay, refused, begun | endless, 0, closing, cutOff},
	{underWay, refused, begun, 0, closing, hangUp},
	{waitsHead | underWay, refused, 0, fin, lingering, linger},
	{waitsHead | underWay, refused, 0, 0, closing, hangUp},

	// The client sends no more. Perhaps it reads on.
	{in(idle, reading, discarding, lingering), finCame, 0, 0, closing, hangUp},
	{in(receiving), finCame, 0, 0, stay, refuse},
	{in(answering), finCame, crowded, 0, closing, hangUp},
	{in(answering), finCame, 0, 0, stay, tellFIN},

	// The client took too long, or sent too much.
	{in(idle), timedOut, 0, 0, closing, hangUp},
	{in(reading, receiving), timedOut, 0, 0, stay, refuse},
	{in(discarding), timedOut, 0, fin, lingering, linger},
	{in(discarding), timedOut, 0, 0, closing, hangUp},
	{in(discarding), excess, 0, fin, lingering, linger},
	{in(discarding), excess, 0, 0, closing, hangUp},
	{in(lingering), timedOut, 0, 0, closing, hangUp},
	{in(lingering), excess, 0, 0, closing, reset},

	// The connection is not HTTP's any more.
	{in(idle), aborted, 0, 0, closing, reset}, // too many connections, or an answer that is not read
	{underWay, hijacked, 0, 0, gone, handOver},
	{beforeGone, closed, 0, 0, gone, forget},
}

// rows is the table indexed by phase and event.
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

// life looks an event up in the table: it returns the phase that follows, and the
// action.
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

// traits returns the traits of the session, as far as rows for the event use them.
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
		add(more, s.is(left|eager) || s.conn.Pending() > s.parting())
		add(little, s.phase == receiving && s.canSkip())
	case refused, givenUp:
		add(begun, s.is(sent))
		add(endless, s.is(untilEnd))
	case finCame:
		add(crowded, s.x != nil && s.x.crowded())
	}
	return is
}

// happens goes on to the phase that follows on e, and takes the action: everything
// ends here. It first releases what the exchange held, and calls the program last,
// so that nothing is lost if the program panics. cause is for Response.OnAbort.
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
	case cutOff:
		s.cutOff()
	case handOver:
		s.uncount()
	case forget:
		s.giveHead()
		s.uncount()
	}
	last.tell(s, cause)
}

// enter goes on to another phase. The worker counts the sessions in each.
func (s *session) enter(p phase) {
	n := &s.worker.counts.phases
	n[s.phase]--
	n[p]++
	s.phase = p
}

// serve is happens(headRead) made short, since each request comes here.
func (s *session) serve(body bool) {
	if body {
		s.enter(receiving)
	} else {
		s.enter(answering)
	}
}

// endUsual is happens(answered) made short, for finish: the answer is usual,
// and there is no exchange to look into.
func (s *session) endUsual() {
	if s.timer != nil || s.is(stopped) {
		s.giveBack(answered)
	} else {
		s.gen++
		s.flags = s.flags&^exchangeFlags | ended
	}
	s.enter(idle)
	if !s.is(feeding) { // else data goes on itself
		s.await()
	}
}

// A final is an exchange that is over, but not yet reported to the program.
type final struct {
	x       *exchange // nil: there is nothing to report
	aborted bool      // the program had not ended the exchange
}

// giveBack ends the exchange: its handles become stale, and what it held is
// released. Call tell of the result once the session is consistent.
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
		if n := f.x.holds; n > 0 {
			s.conn.Charge(-n)
			f.x.holds = 0
		}
	}
	return f
}

// tell reports the end of the exchange to the program, by Access and OnAbort.
func (f final) tell(s *session, cause error) {
	if f.x == nil {
		return
	}
	defer s.worker.release(f.x) // also if the program panics
	if fn := f.x.onAbort; fn != nil && f.aborted {
		defer fn(cause)
	}
	if f.x.visit.open {
		s.report(f)
	}
}

// tellFIN calls OnAbort because the client has sent its FIN while it waits for the
// answer. It may still read the answer, or be gone: the program decides what to do.
func (s *session) tellFIN(cause error) {
	if x := s.x; x != nil && x.onAbort != nil {
		fn := x.onAbort
		x.onAbort = nil
		fn(cause)
	}
}

// uncount takes a closed connection out of the server's count.
func (s *session) uncount() {
	s.worker.counts.phases[gone]--
	if s.is(surplus) {
		s.worker.server.refused.Add(-1)
	} else {
		s.worker.server.conns.Add(-1)
	}
}

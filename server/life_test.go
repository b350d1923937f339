// The table of life: every state x event, and the diagram that is printed of it.

package server

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var (
	phaseNames  = [numPhases]string{"idle", "reading", "receiving", "answering", "discarding", "lingering", "closing", "gone"}
	eventNames  = [numEvents]string{"a head begins", "a head", "the body's end", "answered", "of another length", "refused", "given up", "aborted", "FIN", "too late", "too much", "hijacked", "the connection is gone"}
	traitNames  = []string{"it goes on", "a body follows", "the rest is short", "begun", "its end is the connection's", "FIN came", "more may come", "in a Hub"}
	actionNames = [...]string{nothing: "", serve: "call the handler", timeHead: "", nextHead: "", skipBody: "", tellFIN: "tell the program", refuse: "refuse", linger: "FIN, and discard",
		hangUp: "close", reset: "reset", cutOff: "send, and reset", handOver: "hand over", forget: ""}
)

func (r row) condition() string {
	var list []string
	for i, name := range traitNames {
		switch t := trait(1) << i; {
		case r.when&t != 0:
			list = append(list, name)
		case r.not&t != 0:
			list = append(list, "not: "+name)
		}
	}
	return strings.Join(list, ", ")
}

// states calls fn for all there are.
func states(fn func(p phase, e event, is trait, next phase, do action)) {
	for p := range numPhases {
		for e := range numEvents {
			for is := range trait(crowded<<1 - 1) {
				next, do := life(p, is, e)
				fn(p, e, is, next, do)
			}
		}
	}
}

// TestLife: what has to hold whatever happens.
func TestLife(t *testing.T) {
	t.Parallel()
	underWay := func(p phase) bool { return p == receiving || p == answering }
	leads := map[action]phase{nextHead: idle, skipBody: discarding, linger: lingering, hangUp: closing, reset: closing, cutOff: closing, handOver: gone, forget: gone, timeHead: reading}
	ends := []event{answered, misfit, refused, givenUp, aborted, hijacked, closed}
	states(func(p phase, e event, is trait, next phase, do action) {
		fail := func(rule string) {
			t.Errorf("%s, %s, %b: %s, action %d: %s", phaseNames[p], eventNames[e], is, phaseNames[next], do, rule)
		}
		if to, ok := leads[do]; ok && to != next || !ok && do != nothing && do != serve && next != p {
			fail("an action that does not go with the phase")
		}
		switch {
		case p == gone && (next != gone || do != nothing):
			fail("what is gone stays gone")
		case p != gone && e == closed && next != gone:
			fail("a connection that is gone is counted out from every phase")
		case p == closing && e != closed && (next != closing || do != nothing):
			fail("once it closes nothing else happens")
		case underWay(p) && !underWay(next) && !slices.Contains(ends, e) && (e != finCame || is&crowded == 0):
			fail("an exchange ends by one of these, or by a FIN in a Hub")
		case !underWay(p) && underWay(next) && e != headRead:
			fail("an exchange begins with its head")
		case underWay(p) && is&(begun|endless) == begun|endless && (e == refused || e == givenUp) && do != cutOff:
			fail("half an answer that only the connection's end would end is cut off by a reset")
		case underWay(p) && is&begun != 0 && e == refused && next == lingering:
			fail("half an answer does not end in order")
		case next == lingering && p != lingering && is&fin != 0:
			fail("nobody waits for the FIN of a client that has sent it")
		case underWay(p) && e == answered && (next == idle || next == discarding) && is&keep == 0, underWay(p) && e == misfit && next != closing && next != lingering:
			fail("the connection goes on although it was not said to")
		case e == timedOut && (p == idle || p == reading || p == receiving || p == discarding || p == lingering) && do == nothing:
			fail("what takes too long ends")
		case e == finCame && p != closing && p != gone && do == nothing:
			fail("a FIN is never passed over")
		}
	})
}

// TestLifeRules: the rules by name.
func TestLifeRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule string
		in   phase
		on   event
		is   trait
		then phase
		do   action
	}{
		{"a request without a body", idle, headRead, 0, answering, serve},
		{"a request with one, the last bytes of its head", reading, headRead, body, receiving, serve},
		{"a FIN while an answer is being written", answering, finCame, fin, answering, tellFIN},
		{"a FIN of who waits in a Hub", answering, finCame, fin | crowded, closing, hangUp},
		{"a FIN in the middle of a body (RFC 9112 8)", receiving, finCame, fin, receiving, refuse},
		{"a FIN in the middle of a head", reading, finCame, fin, closing, hangUp},
		{"a FIN behind the last answer", lingering, finCame, fin, closing, hangUp},
		{"an answer, and the connection goes on (RFC 9112 9.3)", answering, answered, keep, idle, nextHead},
		{"the same, behind the FIN of a client that reads on", answering, answered, keep | fin, idle, nextHead},
		{"the last answer (RFC 9112 9.6)", answering, answered, 0, closing, hangUp},
		{"the last answer, and the client may be sending", answering, answered, more, lingering, linger},
		{"an answer in front of a body whose rest is short", receiving, answered, keep | little | more, discarding, skipBody},
		{"and of one whose rest is long", receiving, answered, keep | more, lingering, linger},
		{"413, malformed", receiving, refused, 0, lingering, linger},
		{"malformed, and half an answer is out", receiving, refused, begun, closing, hangUp},
		{"malformed, and half an endless one", receiving, refused, begun | endless, closing, cutOff},
		{"408 for half a head", reading, timedOut, 0, reading, refuse},
		{"no request in time", idle, timedOut, 0, closing, hangUp},
		{"a rest of a body that comes too slowly", discarding, timedOut, 0, lingering, linger},
		{"who neither closes nor goes", lingering, timedOut, 0, closing, hangUp},
		{"a flood behind the last answer", lingering, excess, 0, closing, reset},
		{"Abort", answering, aborted, keep, closing, reset},
		{"Hijack", answering, hijacked, 0, gone, handOver},
		{"a body of less than Content-Length", answering, misfit, keep, closing, hangUp},
	} {
		if then, do := life(c.in, c.is, c.on); then != c.then || do != c.do {
			t.Errorf("%s: %s and action %d, want %s and %d", c.rule, phaseNames[then], do, phaseNames[c.then], c.do)
		}
	}
}

// TestLifeRows: each row is the one that fits for some state.
func TestLifeRows(t *testing.T) {
	t.Parallel()
	for i, r := range table {
		for p := range numPhases {
			if r.in&in(p) == 0 {
				continue
			}
			used := false
			for is := range trait(crowded<<1 - 1) {
				for j := range rows[p][r.on] {
					if q := rows[p][r.on][j]; is&q.when == q.when && is&q.not == 0 {
						used = used || q == r
						break
					}
				}
			}
			if !used {
				t.Errorf("row %d, %s: another one fits wherever it does", i, phaseNames[p])
			}
		}
	}
}

// TestLifeShortWays: the phases that a request goes through without a look at the
// table are those that the table has. What endUsual does: TestUsualEnds.
func TestLifeShortWays(t *testing.T) {
	t.Parallel()
	for _, has := range []bool{false, true} {
		s := &session{worker: alone(t), phase: idle}
		var is trait
		if has {
			is = body
		}
		s.serve(has)
		if next, do := life(idle, is, headRead); s.phase != next || do != serve {
			t.Errorf("with a body: %v: %s, want %s", has, phaseNames[s.phase], phaseNames[next])
		}
	}
	if next, do := life(answering, keep, answered); next != idle || do != nextHead {
		t.Error("endUsual is not what the table says of an answer")
	}
}

// diagram is the table as a picture, without the ends of the connection that come
// from every phase.
func diagram() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> idle: accepted\n")
	for _, r := range table {
		if r.on == closed {
			continue
		}
		for p := range numPhases {
			if r.in&in(p) == 0 {
				continue
			}
			to := r.then
			if to == stay {
				to = p
			}
			fmt.Fprintf(&b, "    %s --> %s: %s", phaseNames[p], phaseNames[to], eventNames[r.on])
			if c := r.condition(); c != "" {
				fmt.Fprintf(&b, " [%s]", c)
			}
			if a := actionNames[r.do]; a != "" {
				fmt.Fprintf(&b, " / %s", a)
			}
			b.WriteString("\n")
		}
	}
	b.WriteString("    closing --> gone: it is sent, or stalled\n    gone --> [*]\n```\n")
	return b.String()
}

// TestLifeDiagram: docs/architecture.md has the table. LIFE_DIAGRAM=1 writes it.
func TestLifeDiagram(t *testing.T) {
	const file, begins = "../docs/architecture.md", "```mermaid\nstateDiagram-v2\n    [*] --> idle"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begins)
	_, after, ok2 := strings.Cut(rest, "```\n")
	if !ok || !ok2 {
		t.Fatal("no diagram in " + file)
	}
	want := before + diagram() + after
	if want == string(text) {
		return
	}
	if os.Getenv("LIFE_DIAGRAM") == "" {
		t.Fatal("the diagram in " + file + " is not that of the table: LIFE_DIAGRAM=1 go test -run LifeDiagram ./server")
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every situation there is, against what the RFC asks for in words.

package client

import "testing"

// each calls fn with every situation of an exchange on a connection.
func each(fn func(s situation)) {
	for send := composing; send <= stopped; send++ {
		for read := unasked; read <= over; read++ {
			for bits := range 1 << 10 {
				bit := func(n int) bool { return bits>>n&1 == 1 }
				fn(situation{
					send: send, read: read,
					reused: bit(0), unsent: bit(1), began: bit(2), idempotent: bit(3), kept: bit(4), retried: bit(5),
					persist: bit(6), untilEnd: bit(7), inOrder: bit(8), unread: bit(9),
				})
			}
		}
	}
}

func TestLost(t *testing.T) {
	t.Parallel()
	count := map[outcome]int{}
	each(func(s situation) {
		got := lost(s)
		count[got]++
		switch got {
		case again:
			switch {
			case s.began:
				t.Fatalf("%+v: a request that is being answered is sent again (RFC 9110 9.2.2)", s)
			case !s.unsent && !s.idempotent:
				t.Fatalf("%+v: a request that may have been acted on is sent again, and is not idempotent", s)
			case !s.unsent && s.retried:
				t.Fatalf("%+v: a request is sent a third time", s)
			case !s.reused:
				t.Fatalf("%+v: a new connection that died is no accident", s)
			case !s.kept:
				t.Fatalf("%+v: half of a request is sent again", s)
			case s.read != heading:
				t.Fatalf("%+v: nothing is due in this state", s)
			}
		case ends:
			if s.read != bodying || !s.untilEnd || !s.inOrder {
				t.Fatalf("%+v: cut off, and taken for whole (RFC 9112 8)", s)
			}
		case fails:
			if s.read == heading && s.reused && s.kept && !s.began && (s.unsent || s.idempotent && !s.retried) {
				t.Fatalf("%+v: lost to a connection that was idle (RFC 9112 9.3.1)", s)
			}
			if s.read == bodying && s.untilEnd && s.inOrder {
				t.Fatalf("%+v: whole, and taken for cut off", s)
			}
		}
	})
	for _, o := range []outcome{fails, again, ends} {
		if count[o] == 0 {
			t.Error("there is no", o)
		}
	}
}

func TestReusable(t *testing.T) {
	t.Parallel()
	yes := 0
	each(func(s situation) {
		for _, s.unwritten = range []bool{false, true} {
			if !reusable(s) {
				if s.persist && s.send == complete && !s.unread && !s.untilEnd && !s.unwritten {
					t.Fatalf("%+v is not", s)
				}
				continue
			}
			yes++
			if !s.persist || s.send != complete || s.unread || s.untilEnd || s.unwritten {
				t.Fatalf("%+v is", s)
			}
		}
	})
	if yes == 0 {
		t.Error("nothing is")
	}
}

// TestNames keeps the names of states in step.
func TestNames(t *testing.T) {
	t.Parallel()
	if len(sendings) != int(stopped)+1 || len(readings) != int(over)+1 || len(phases) != int(Body)+1 {
		t.Error("a state has no name")
	}
	if composing.String() != "composing" || over.String() != "over" || Body.String() != "body" || Phase(99).String() != "?" {
		t.Error("a state has another's name")
	}
}

package ws

import (
	"bytes"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// Messages that are dear do not have more of a turn than others: after each that has used up the
// portion the rest waits for another turn.
func TestDearMessagesAreHandledInPortions(t *testing.T) {
	t.Parallel()
	const messages = 40
	n, all, most := 0, 0, 0
	done := make(chan int, 1)
	h := &Handler{Message: func(c *Conn, _ Op, _ []byte) {
		for begin := time.Now(); time.Since(begin) < 2*time.Millisecond; {
		}
		n++
		if all++; all == messages {
			done <- max(most, n)
		}
	}}
	s := startWith(t, &server.Server{Loops: 1, OnLoop: func(l *conn.Loop) {
		l.Turn = func(begins bool) {
			if begins {
				most, n = max(most, n), 0
			}
		}
	}}, func(w server.Response, r server.Request) { Upgrade(w, r, h) })
	s.dial().send(bytes.Repeat(text("dear"), messages))
	if most := wait(t, done); most > 12 { // four until it is known how dear they are, in each list that calls the connection
		t.Errorf("%d messages of 2 ms were handled in one turn", most)
	}
}

// Shares: what is given back.

package rooms

import (
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/servertest"
)

// A share is free again when the room has ended, or the visitor has not come for a while.
func TestSharesAreGivenBack(t *testing.T) {
	t.Parallel()
	h := open(t, nil)
	h.Address = func(server.Request) string { return "192.0.2.1" }
	h.RoomsEach, h.PollsEach, h.Poll = 1, 1, time.Hour // nobody leaves but when the test says so
	var room *Room
	var failed error
	s := servertest.New(&server.Server{Handler: func(w server.Response, q server.Request) {
		var err error
		if room, err = h.Room(string(q.Query()), q); err == nil {
			err = room.Poll(w, q, ID{}, "ann", string(q.Query()), string(q.Path()))
		}
		if failed = err; err != nil {
			w.End("")
		}
	}})
	defer s.Close()
	s.Do("GET", "/t1?r1", "")
	if failed != nil {
		t.Fatal(failed)
	}
	first := room
	for late := time.Now().Add(time.Minute); !first.knows(ID{}); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			t.Fatal("the room's history does not come")
		}
	}
	if s.Do("GET", "/t2?r1", ""); failed != ErrShare {
		t.Errorf("a second visitor: %v", failed)
	}
	if s.Do("GET", "/t1?r2", ""); failed != ErrShare {
		t.Errorf("a second room: %v", failed)
	}
	leave := func() {
		first.mu.Lock()
		defer first.mu.Unlock()
		first.expire(time.Now().Add(2 * h.Poll))
	}
	leave()
	if s.Do("GET", "/t2?r1", ""); failed != nil {
		t.Errorf("a visitor when the first is gone: %v", failed)
	}
	leave()
	h.forget(first, time.Now().Add(time.Hour))
	if s.Do("GET", "/t1?r2", ""); failed != nil {
		t.Errorf("a room when the first has ended: %v", failed)
	}
	if h.polled.all["192.0.2.1"].used != 1 || h.opened.all["192.0.2.1"].used != 1 {
		t.Error("it is not counted right")
	}
}

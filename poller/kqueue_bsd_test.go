// What kqueue_event_test.go says of records, on the systems that have them.

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poller

import (
	"runtime"
	"testing"
)

func TestKqueueNumbers(t *testing.T) {
	if want := systemFilters[runtime.GOOS]; bsdFilters != want {
		t.Errorf("the filters are %+v, the tests have %+v", bsdFilters, want)
	}
}

// TestKqueueEncoding: the system's record holds what ours does, and gives it back.
func TestKqueueEncoding(t *testing.T) {
	f := bsdFilters
	for _, c := range []kevent{
		f.add(5, Read), f.add(1<<20, Write), f.add(5, Hangup), f.delete(5, Read), f.addUser(), f.trigger(),
		{5, f.read, evAdd | evEOF | evError, 54, -1},
	} {
		k := encode(&c)
		if got := decode(&k); got != c {
			t.Errorf("got %+v, want %+v", got, c)
		}
	}
}

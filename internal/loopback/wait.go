// Waiting for what has to happen.

package loopback

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what has to happen: no test takes it as long
// as the code is right. It is no measure of speed, because the machine may be busy.
const Patience = time.Minute

// Until waits until ok returns true, and fails the test if it does not come to that.
func Until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	pause := time.Duration(0) // longer each time: who waits for long must not take a processor from those it waits for
	for end := time.Now().Add(Patience); !ok(); time.Sleep(pause) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
		pause = min(pause+10*time.Microsecond, time.Millisecond)
	}
}

// Wait waits for a channel, and returns what came.
func Wait[T any](t testing.TB, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(Patience):
		t.Fatal("waited in vain")
	}
	return v
}

//go:build race || lurcherdebug

package conn

import (
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/poller"
)

// Interest that nobody acts on is found out.
func TestInterestThatNobodyWantsPanics(t *testing.T) {
	b := newBench(t, "unix", nil)
	for i := range 3 {
		before := b.c.sees()
		var said any
		func() {
			defer func() { said = recover() }()
			before.acted(b.c, poller.Read)
		}()
		if text, _ := said.(string); (i == 2) != strings.Contains(text, "three times running") {
			t.Errorf("after %d times: %v", i+1, said)
		}
	}
	b.c.idle = 2
	before := b.c.sees()
	b.say("x")
	b.c.fill()
	before.acted(b.c, poller.Read)
	if b.c.idle != 0 {
		t.Error("reading counts for nothing")
	}
}

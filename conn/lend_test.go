package conn_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/lend"
	"github.com/lurcher-net/lurcher/poller"
)

// TestLend: a posted function that is lent the loop's goroutine keeps it while it is
// quick. In whatever way it loses the loop, that goes on elsewhere, in order.
func TestLend(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fn   func(lease *lend.Lease, wait <-chan bool)
		kept bool
	}{
		"quick":  {func(*lend.Lease, <-chan bool) {}, true},
		"held":   {func(l *lend.Lease, _ <-chan bool) { holds(t, l); l.Release() }, true},
		"leaves": {func(l *lend.Lease, wait <-chan bool) { l.Leave(); l.Leave(); <-wait }, false},
		"waits":  {func(l *lend.Lease, wait <-chan bool) { <-wait }, false},
		"holds, waits": {func(l *lend.Lease, wait <-chan bool) {
			holds(t, l)
			time.AfterFunc(5*time.Millisecond, l.Release)
			<-wait
		}, false},
		"Goexit":        {func(*lend.Lease, <-chan bool) { runtime.Goexit() }, false},
		"leaves, exits": {func(l *lend.Lease, _ <-chan bool) { l.Leave(); runtime.Goexit() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := poller.New()
			if err != nil {
				t.Fatal(err)
			}
			l, err := conn.NewLoop(p)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			var order []int
			note := func(i int) { mu.Lock(); defer mu.Unlock(); order = append(order, i) }
			wait, returned := make(chan bool), make(chan bool, 3)
			for i := range 3 {
				l.Post(func() {
					lend.Run(l, func(lease *lend.Lease) {
						note(i)
						c.fn(lease, wait)
					})
					returned <- true
				})
				l.Post(func() {
					note(-i)
					if !l.Here() {
						t.Error("what follows is not called on the loop's goroutine")
					}
				})
			}
			if err := l.Run(context.Background()); err != nil {
				t.Error(err)
			}
			close(wait)
			if kept := len(returned) == 3; kept != c.kept {
				t.Errorf("%d of 3 kept the loop", len(returned))
			}
			if want := []int{0, 0, 1, -1, 2, -2}; !slices.Equal(order, want) {
				t.Errorf("the order is %v, not %v", order, want)
			}
		})
	}
}

func holds(t *testing.T, l *lend.Lease) {
	if !l.Hold() {
		t.Error("the loop cannot be held")
	}
	if l.Hold() {
		t.Error("the loop is held twice")
	}
}

// TestLendByHand: a loop that a test turns by hand has nobody to take it over.
func TestLendByHand(t *testing.T) {
	t.Parallel()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	if lend.Run(l, func(*lend.Lease) { t.Error("it was called") }) {
		t.Error("it says that it was called")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	l.Run(ctx)
}

package conn

import (
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/lurcher-net/lurcher/poller"
)

// TestHere: on the loop's goroutine alone, also when that had to be replaced, and
// not once the loop has ended.
func TestHere(t *testing.T) {
	t.Parallel()
	p, err := poller.New()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLoop(p)
	if err != nil {
		t.Fatal(err)
	}
	l.Log = slog.New(slog.DiscardHandler)
	if l.Here() {
		t.Error("before Run")
	}
	var first, other, second bool
	l.Post(func() {
		first = l.Here()
		done := make(chan bool)
		go func() { done <- l.Here() }()
		other = <-done
		runtime.Goexit()
	})
	l.Post(func() { second = l.Here() })
	if err := l.Run(context.Background()); err != nil {
		t.Error(err)
	}
	if !first || other || !second || l.Here() {
		t.Errorf("on the loop %v, behind a Goexit %v, on another goroutine %v, behind Run %v", first, second, other, l.Here())
	}
}

package nethttp

import (
	"context"
	"testing"
	"time"
)

// TestRequestContext: the context is one of package context's for all who look, before
// its end and after.
func TestRequestContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	parent := context.WithValue(context.Background(), key{}, "value")
	check := func(c *requestContext, want error) {
		t.Helper()
		closed := false
		select {
		case <-c.Done():
			closed = true
		default:
		}
		if c.Err() != want || context.Cause(c) != want || closed != (want != nil) || c.Value(key{}) != "value" {
			t.Errorf("Err is %v, Cause %v, Done %v, Value %v; want %v", c.Err(), context.Cause(c), closed, c.Value(key{}), want)
		}
		if _, ok := c.Deadline(); ok {
			t.Error("it has a deadline")
		}
	}
	asked := &requestContext{parent: parent}
	check(asked, nil)
	child, cancel := context.WithTimeout(context.WithValue(asked, key{}, 1), time.Hour)
	defer cancel()
	called := make(chan bool)
	context.AfterFunc(asked, func() { close(called) })
	asked.end()
	if child.Err() != context.Canceled { // at once: package context knows the parent, and needs no goroutine
		t.Errorf("a child's Err is %v", child.Err())
	}
	wait(t, called)
	asked.end()
	check(asked, context.Canceled)

	late := &requestContext{parent: parent}
	if late.Err() != nil || late.Value(key{}) != "value" {
		t.Errorf("Err is %v, Value %v", late.Err(), late.Value(key{}))
	}
	late.end()
	if late.Err() != context.Canceled || context.Cause(late) != context.Canceled {
		t.Errorf("Err is %v, Cause %v", late.Err(), context.Cause(late))
	}
	check(late, context.Canceled)
}

//go:build race || lurcherdebug

package server

import (
	"fmt"
	"strings"
	"testing"
)

// TestCallsOnAnotherGoroutine: in debug builds methods of handles panic there, in
// words, but for Post.
func TestCallsOnAnotherGoroutine(t *testing.T) {
	t.Parallel()
	var hub Hub
	s := start(t, &Server{}, func(w Response, r Request) {
		for name, call := range map[string]func(){
			"Response.End":   func() { w.End("") },
			"Response.Write": func() { w.Write(nil) },
			"Response.Set":   func() { w.Set("A", "b") },
			"Response.After": func() { w.After(0, nil) },
			"Response.Full":  func() { w.Full() },
			"Request.Path":   func() { r.Path() },
			"Request.Stream": func() { r.Stream(nil) },
			"(*Hub).Add":     func() { hub.Add(w) },
		} {
			said := make(chan string)
			go func() {
				defer func() { said <- fmt.Sprint(recover()) }()
				call()
			}()
			if text := <-said; !strings.Contains(text, "server."+name) || !strings.Contains(text, "use Post") {
				t.Errorf("%s: %s", name, text)
			}
		}
		go func() {
			hub.Send(nil)
			w.Post(func() { w.End("ok") })
		}()
	})
	c := s.dial()
	c.Send(get("/"))
	c.Want("200 ok")
}

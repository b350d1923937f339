// Package servertest runs handlers of package server, and protocols of package
// conn, in tests: on the test's own goroutine, without a port, and with a clock
// that is moved by hand.
//
//	x := servertest.Do(handler, "GET", "/hello", "")
//	if x.Status != 200 || string(x.Body) != "Hello World\n" { ... }
//
// All of the server is there, its parser, limits and timeouts: only what accepts
// connections is not, and time, which stands still unless Advance moves it. So a
// handler that answers by a timer is tested at once:
//
//	s := servertest.New(&server.Server{Handler: handler})
//	defer s.Close()
//	x := s.Do("GET", "/delay", "") // x.Ended is false
//	s.Advance(2 * time.Second)     // now it is true
//
// A handler that goes on with goroutines of its own comes back by Post:
// [Exchange.Wait] waits for that.
//
// Handlers run where Do and Advance are called. So a handler of a test may call
// t.Fatal.
package servertest

// Package servertest runs handlers of package server, and protocols of package conn, in
// tests: on the test's own goroutine, without a port, and with a clock that the test
// moves.
//
//	x := servertest.Do(handler, "GET", "/hello", "")
//	if x.Status != 200 || string(x.Body) != "Hello World\n" { ... }
//
// The whole server runs, with its parser, limits and timeouts. Only listeners are
// missing, and time stands still unless Advance moves it. So a test of a handler that
// ends its answer by a timer takes no time:
//
//	s := servertest.New(&server.Server{Handler: handler})
//	defer s.Close()
//	x := s.Do("GET", "/delay", "") // x.Ended is false
//	s.Advance(2 * time.Second)     // now it is true
//
// If a handler starts goroutines of its own, they come back by Post: [Exchange.Wait]
// waits for that.
//
// Handlers run on the goroutine that calls Do and Advance, so they may call t.Fatal.
package servertest

// Package hand is the door by which package servertest turns a loop by hand, on the
// goroutine of a test and with a clock of its own. Packages conn and server fill
// it in; it is internal so that their own documentation is for programs alone.
// Parameters of type any are a *conn.Loop, *conn.Handler, *conn.Conn or *server.Server:
// they have no other type here because conn imports this package.
package hand

import "time"

// Package conn sets these.
var (
	// Step does one round of a loop that nobody runs, and does not wait. It reports
	// whether it had something to do, or has still.
	Step func(loop any) (busy bool)

	// Advance moves the loop's clock on. What is due by then comes with the next Step.
	Advance func(loop any, d time.Duration)

	// Attach makes a connection of a descriptor, which must not block, and owns it.
	Attach func(loop any, fd int, handler any) (conn any, err error)

	// End closes everything that the loop has, and frees it.
	End func(loop any)
)

// Open makes the one loop of a server that does not listen, and returns what its
// connections are given to. Hijacked reports whether a connection of it is
// HTTP's no more. Package server sets these.
var (
	Open     func(server any) (loop, handler any, err error)
	Hijacked func(conn any) bool
)

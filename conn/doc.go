// Package conn is an event loop, and the connections, timers and listeners
// that live on it.
//
//	p, _ := poller.New()
//	l, _ := conn.NewLoop(p)
//	l.Listen("tcp", "127.0.0.1:7000", &conn.Handler{
//		Open: func(c *conn.Conn) { c.WriteString("Echo server\r\n"); c.Pipe(c) },
//	})
//	l.Run(context.Background()) // sleeps until something is ready
//
// # One goroutine
//
// A Loop and everything on it belong to the goroutine that calls [Loop.Run].
// Handlers, timers and posted functions run there, one at a time, so they need
// no locks; a handler that blocks stops every connection of its loop. One that
// panics, or ends its goroutine by runtime.Goexit, ends its own connection. Only
// [Loop.Post] and [Conn.Post] may be called from anywhere: work that blocks
// goes to a goroutine of its own and comes back through Post.
//
// # Borrowed bytes
//
// The []byte that a handler is given is valid until the handler returns. Under
// the race detector, or with the build tag lurcherdebug, it is overwritten
// then, so that a test catches who kept it; a method that is called on another
// goroutine panics there.
//
// # Output
//
// Write takes everything or fails, and the slice is the caller's again when it
// returns. What is written during one callback leaves in one system call at
// the end of it. What the kernel does not take waits in a pooled buffer that
// is given back when it has drained. While more than Handler.High bytes wait,
// the connection is not read, so that a peer who does not read cannot make us
// hold more. [Conn.Pipe] does the same across two connections: there a
// connection is read as long as the other has room, whatever waits on itself. A
// connection that was dialled reads on too, for an answer may come before all is
// sent; see Handler.ReadOn.
//
// # What an idle connection costs
//
// A Conn of at most 128 bytes and a slot of 32 bytes in the loop's table. Reads
// go into one buffer that the loop owns; nothing is held for a connection that
// has nothing pending.
//
// # TLS
//
// [Handler].TLS has connections encrypted by crypto/tls: those of a listener and
// those that are dialled. A handshake has a goroutine for as long as it takes,
// from a bounded pool; then the records are opened and sealed on the loop. An
// idle connection holds no goroutine, and what crypto/tls holds for it: 4.4 KB
// (TLS 1.2) or 7.0 KB (1.3) in all; more, a record or so, once it has received
// large ones.
//
// # For those who write a protocol
//
// A program needs few of the names here: Listen, Dial, Handler, Write, Close, Pipe,
// After, Post and the timeouts. What package server and its like build on beside
// these is [Conn.AvailableBuffer], [Conn.Writev] and [Conn.ResetOnError] for their
// output, [Conn.Held] and [Conn.Quiet] for their input, [Loop.Late] for lists that
// peers make long, [Loop.Turn], [Loop.MaxMemory] and [Loop.Here] for those who run
// loops, and [Listener.SetUnlinkOnClose] for restarts.
//
// # Timeouts
//
// [Conn.SetTimeout], [Conn.SetReadTimeout] and [Conn.SetDeadline] are a store: the connection has one
// entry in the loop's timing wheel, which looks at the deadline when it fires
// and moves itself if that has meanwhile moved. They have a resolution of one
// millisecond and, like timers, are late when a handler blocks, never early.
package conn

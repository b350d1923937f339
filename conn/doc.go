// Package conn provides an event loop, and the connections, timers and listeners
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
// [Loop.Post] and [Conn.Post] may be called from any goroutine: do work that blocks
// on a goroutine of its own, and come back by Post.
//
// # Borrowed bytes
//
// The []byte that a handler is given is valid until the handler returns. Under
// the race detector, or with the build tag lurcherdebug, it is overwritten
// then, so that tests catch handlers that keep it. In such builds a method that is
// called on another goroutine panics.
//
// # Output
//
// Write takes everything or fails, and the caller may use the slice again when it
// returns. What is written during one callback is sent in one system call at its
// end. What the kernel does not take waits in a pooled buffer. While more than
// Handler.High bytes wait, the connection is not read, so that a peer that does not
// read cannot make us hold more. With [Conn.Pipe] a connection is read while the
// other has room, however much output waits on itself. A connection that was dialled
// is read too, because an answer may come before everything is sent; see
// Handler.ReadOn.
//
// # What an idle connection costs
//
// A Conn of at most 128 bytes and a slot of 32 bytes in the loop's table. Reads
// go into one buffer that the loop owns; nothing is held for a connection that
// has nothing pending.
//
// # TLS
//
// [Handler].TLS encrypts connections by crypto/tls, those of a listener and those
// that are dialled. A handshake runs on a goroutine from a bounded pool; then the
// records are opened and sealed on the loop. An idle connection holds no goroutine.
// With what crypto/tls holds for it, it takes 4.4 KB (TLS 1.2) or 7.0 KB (1.3), and a
// record or so more once it has received large ones.
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
// [Conn.SetTimeout], [Conn.SetReadTimeout] and [Conn.SetDeadline] cost a store: the
// connection has one entry in the loop's timing wheel. If the deadline has moved when
// that fires, it is entered again. They have a resolution of one millisecond and, like
// timers, are late when a handler blocks, never early.
package conn

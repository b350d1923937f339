/*
Package ws is WebSocket (RFC 6455), on the loop and below it.

	h := &ws.Handler{Message: func(c *ws.Conn, op ws.Op, p []byte) { c.Write(op, p) }}
	srv.Handler = func(w server.Response, r server.Request) { ws.Upgrade(w, r, h) }

# Connections

[Upgrade] makes a [Conn] of a request. A [Handler] says what happens on it:
messages come whole, or in pieces as they arrive, and what is written within one
callback leaves in one system call. The rules are those of package conn: everything
happens on the connection's loop, but for Post; bytes that a callback is given are
valid until it returns; Write takes all, and Full and OnDrain say when to stop. A
connection that is idle is two small objects, a [conn.Conn] and a Conn: it has no
buffer and no goroutine.

Limits are on by default: a message has 64 KiB, a peer that is silent is sent a ping
and then given up, one that does not read is not read from. What one read brings is
handled in portions, so that no peer keeps the loop from the others.

# Many connections

A [Hub] sends a message to many connections, from any goroutine. Its frame is made
once. The loops write it to a portion of the members at a time, and a member that
does not read is closed.

# Compression

permessage-deflate (RFC 7692) is off unless [Handler].Deflate is set: it costs
more time than all the rest, and what it saves depends on the messages. No context is
kept from one message to the next, so connections share a few compressors. An
inflated message is bounded by Handler.MaxMessage, which is looked at while it grows.
Do not compress secrets together with what an attacker chooses (CRIME).

# Frames alone

[Parser] and the Append functions need no connection: bytes go in as they come and
pieces of messages come out, without their masks, checked by every rule of RFC 6455.
They allocate nothing.
*/
package ws

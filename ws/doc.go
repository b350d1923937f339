/*
Package ws is WebSocket (RFC 6455): connections on the loops of package conn, and
frames alone.

	h := &ws.Handler{Message: func(c *ws.Conn, op ws.Op, p []byte) { c.Write(op, p) }}
	srv.Handler = func(w server.Response, r server.Request) { ws.Upgrade(w, r, h) }

# Connections

[Upgrade] makes a [Conn] from a server's request, and [Dial] opens one as a client. A
[Handler] has the callbacks: messages come whole, or in pieces as they arrive. What is
written within one callback is sent by one system call. The rules are those of package
conn: everything except Post happens on the connection's loop; bytes that a callback
is given are valid until it returns; Write takes everything, and Full and OnDrain say
when to stop. An idle connection is two small objects, a [conn.Conn] and a Conn: it
has no buffer and no goroutine.

Limits are on by default. A message has at most 64 KiB. A silent peer is sent a ping,
and later the connection is given up. A server does not read from a client that does
not read; a client reads on, because two peers that wait for each other would do so for
ever. The input of one read is handled in portions, so that no peer keeps the loop from
its other connections.

# Many connections

A [Hub] sends a message to many connections, from any goroutine. Its frame is made
once. The loops write it to a portion of the members at a time, and a member that
does not read is closed.

# Compression

permessage-deflate (RFC 7692) is off unless [Handler].Deflate is set: it costs more
time than all the rest, and what it saves depends on the messages. No context is kept
from one message to the next, so connections share a few compressors. Handler.MaxMessage
bounds an inflated message, and is checked while the message grows. Do not compress
secrets together with what an attacker chooses (CRIME).

# Frames alone

[Parser] and the Append functions need no connection. The parser takes bytes as they
come, and returns pieces of messages, unmasked and checked by every rule of RFC 6455.
It allocates nothing, and neither do the Append functions if their buffer has room.
*/
package ws

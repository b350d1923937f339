// The WebSockets: an echo, and a chat with a page for it.

package main

import (
	_ "embed"

	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

//go:embed chat.html
var chatPage string

// sockets says what happens on the connections of /ws and /chat.
func (a *app) sockets(maxMessage int, deflate bool) {
	a.echoes = ws.Handler{
		Message:     func(c *ws.Conn, op ws.Op, p []byte) { c.Write(op, p) },
		Protocols:   []string{"echo", "chat"},
		CheckOrigin: func(server.Request) bool { return true }, // an echo knows no secrets
		MaxMessage:  maxMessage,
	}
	a.chat = ws.Handler{
		Open:    func(c *ws.Conn) { a.room.Add(c) },
		Message: func(c *ws.Conn, op ws.Op, p []byte) { a.room.Send(op, p) },
	}
	if deflate {
		a.echoes.Deflate = &ws.Deflate{}
		a.chat.Deflate = &ws.Deflate{}
	}
}

// join makes a member of the chat of a WebSocket, and shows the page to a browser.
func (a *app) join(w server.Response, r server.Request) {
	if r.Get("Upgrade") != nil {
		ws.Upgrade(w, r, &a.chat)
		return
	}
	w.Set("Content-Type", "text/html; charset=utf-8")
	w.Set("Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'")
	w.End(chatPage)
}

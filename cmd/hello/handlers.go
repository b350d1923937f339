// The endpoints. A handler returns at once, always: what takes time goes on in
// the functions that it leaves with the loop, and w.End completes the answer.

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/url"
	"os"
	"runtime"
	"strconv"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
	"github.com/lurcher-net/lurcher/ws"
)

type app struct {
	srv     *server.Server
	file    string     // what /file answers
	waiting server.Hub // the answers of /wait
	events  server.Hub // the answers of /events
	echoes  ws.Handler // the connections of /ws
	chat    ws.Handler // and of /chat
	room    ws.Hub     // these
}

func (a *app) serve(w server.Response, r server.Request) {
	switch string(r.Path()) { // as a comparison: no string is made
	case "/":
		a.hello(w, r)
	case "/echo":
		a.echo(w, r)
	case "/delay":
		a.delay(w, r)
	case "/wait":
		a.wait(w, r)
	case "/say":
		a.say(w, r)
	case "/events":
		a.follow(w, r)
	case "/stream":
		a.stream(w, r)
	case "/upload":
		a.upload(w, r)
	case "/file":
		a.sendFile(w, r)
	case "/ws":
		ws.Upgrade(w, r, &a.echoes)
	case "/chat":
		a.join(w, r)
	case "/stats":
		a.stats(w, r)
	default:
		fail(w, 404, "there is no such page\n")
	}
}

func (a *app) hello(w server.Response, r server.Request) {
	w.Set("Content-Type", "text/plain")
	w.End("Hello World\n")
}

// echo sends the body back as it comes, and reads it no faster than the client
// takes it back.
func (a *app) echo(w server.Response, r server.Request) {
	w.Set("Content-Type", "application/octet-stream")
	if n := r.Length(); n >= 0 { // -1: chunked, as the answer will be
		w.Set("Content-Length", strconv.FormatInt(n, 10))
	}
	r.Pipe(w)
}

// delay answers later. No goroutine waits for that: the loop has a timer.
func (a *app) delay(w server.Response, r server.Request) {
	ms, err := number(r, "ms", 2000)
	if err != nil {
		fail(w, 400, err.Error()+"\n")
		return
	}
	w.After(time.Duration(ms)*time.Millisecond, func() { a.hello(w, r) })
}

// wait answers when somebody says something, or never: a client that leaves
// is taken out of the Hub.
func (a *app) wait(w server.Response, r server.Request) {
	w.Set("Content-Type", "text/plain")
	a.waiting.Add(w)
}

// say ends the answers of those who wait. A Hub may be used from any goroutine, and here it
// has to be: their connections are on all the loops.
func (a *app) say(w server.Response, r server.Request) {
	if string(r.Method()) != "POST" {
		w.Set("Allow", "POST")
		fail(w, 405, "to say something, POST it\n")
		return
	}
	r.Body(4096, func(msg []byte) {
		a.waiting.End(msg)
		a.events.Send(event(msg))
		w.End("ok\n")
	})
}

// follow begins an answer that has no end of its own.
func (a *app) follow(w server.Response, r server.Request) {
	w.Set("Content-Type", "text/event-stream")
	w.Set("Cache-Control", "no-store")
	w.WriteString(": every message follows\n\n")
	a.events.Add(w)
}

// event returns a message as a server-sent event: each of its lines is marked, so that
// none can pass for a field of the event.
func event(msg []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.SplitSeq(bytes.TrimSuffix(msg, []byte("\n")), []byte("\n")) {
		fmt.Fprintf(&b, "data: %s\n", bytes.ReplaceAll(line, []byte("\r"), nil))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// stream writes until the client has enough for now, and goes on when it has
// read most of that. It writes a bounded number of chunks at a time, because a client
// that reads as fast as we write would otherwise have the loop to itself. It has one
// timer, and sets it anew for each chunk.
func (a *app) stream(w server.Response, r server.Request) {
	n, err1 := number(r, "n", 10)
	ms, err2 := number(r, "ms", 100)
	if err1 != nil || err2 != nil {
		fail(w, 400, "/stream?n=chunks&ms=milliseconds\n")
		return
	}
	w.Set("Content-Type", "text/plain")
	var (
		timer *conn.Timer
		next  func()
		line  []byte
		i     int
	)
	next = func() {
		for range 1000 {
			if w.Full() {
				break
			}
			if i == n {
				w.End("")
				return
			}
			i++
			line = fmt.Appendf(line[:0], "chunk %d\n", i)
			if _, err := w.Write(line); err != nil {
				return // the client has left
			}
			if ms > 0 {
				timer.Reset(time.Duration(ms) * time.Millisecond)
				return
			}
		}
		w.OnDrain(next)
	}
	timer = w.After(0, next)
}

// upload counts a body, and holds none of it.
func (a *app) upload(w server.Response, r server.Request) {
	n := 0
	r.Stream(func(p []byte, last bool) {
		n += len(p)
		if last {
			w.End(fmt.Sprintf("%d bytes\n", n))
		}
	})
}

// sendFile has the kernel send a file: what a client does not take lies on the
// disk, and nowhere else. For ranges and directories there is http.FileServer, see
// nethttp.Handler.
func (a *app) sendFile(w server.Response, r server.Request) {
	f, err := os.Open(a.file)
	if err != nil {
		fail(w, 404, "there is no such file: see -file\n")
		return
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		fail(w, 404, "that is no file\n")
		return
	}
	w.Set("Content-Type", "application/octet-stream")
	w.SendFile(f, 0, info.Size())
	w.End("")
}

func (a *app) stats(w server.Response, r server.Request) {
	b, err := json.MarshalIndent(struct {
		server.Stats
		Waiting, Events, Chat int // clients of /wait, of /events and of /chat
		Goroutines            int
	}{a.srv.Stats(), a.waiting.Len(), a.events.Len(), a.room.Len(), runtime.NumGoroutine()}, "", "\t")
	if err != nil {
		fail(w, 500, err.Error()+"\n")
		return
	}
	w.Set("Content-Type", "application/json")
	w.Set("Cache-Control", "no-store")
	w.EndBytes(append(b, '\n'))
}

// logAccess is a line for each exchange, when it has ended.
func logAccess(a server.Access) {
	log.Printf("%v %q %d: %d bytes in, %d out, %v", a.RemoteAddr(), string(a.Method)+" "+string(a.Target), a.Status,
		a.Received, a.Sent, a.Duration.Round(time.Microsecond))
}

func fail(w server.Response, status int, text string) {
	w.Status(status)
	w.Set("Content-Type", "text/plain")
	w.End(text)
}

// number returns a parameter of the query. url.ParseQuery makes strings, which /delay
// and /stream can afford.
func number(r server.Request, name string, absent int) (int, error) {
	values, err := url.ParseQuery(string(r.Query()))
	if err != nil || !values.Has(name) {
		return absent, err
	}
	n, err := strconv.ParseUint(values.Get(name), 10, 30)
	if err != nil {
		return 0, fmt.Errorf("%s has to be a number from 0 to %d", name, 1<<30-1)
	}
	return int(n), nil
}

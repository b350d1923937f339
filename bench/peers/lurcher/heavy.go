// Answers for the heavy clients of the suite fairness.

package main

import (
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"github.com/lurcher-net/lurcher/server"
)

var (
	www string // the directory of files
	all server.Hub
)

// answerHeavy answers what is dear, without end, from a file, or for many.
func answerHeavy(w server.Response, r server.Request) {
	path := string(r.Path())
	if peer.IsFile(path) {
		sendFile(w, r.Path())
		return
	}
	switch path {
	case peer.BurnPath:
		peer.Burn(r.Query())
		w.End(peer.Hello)
	case peer.TimersPath:
		peer.Timers(r.Query(), func(d time.Duration) { w.Loop().After(d, func() {}) })
		w.End(peer.Hello)
	case peer.EndlessPath:
		endless(w)
	case peer.JoinPath:
		w.WriteString("joined\n")
		all.Add(w)
	case peer.SayPath:
		all.Send(peer.Message)
		w.End(peer.Hello)
	default:
		w.Status(404)
		w.End("")
	}
}

func endless(w server.Response) {
	for !w.Full() {
		if _, err := w.Write(peer.Endless); err != nil {
			return
		}
	}
	w.OnDrain(func() { endless(w) })
}

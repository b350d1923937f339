// When Full says stop: also when there is nothing to wait for, so that a loop that
// writes until Full ends.

package client

import (
	"io"
	"testing"
)

// A body that has no end is written until Full, and no error is looked at. An early
// answer, and the end of the exchange, must not make the callback run for ever.
func TestWritingUntilFullEnds(t *testing.T) {
	t.Parallel()
	read := make(chan bool)
	url := peers(t, func(p *peer) {
		p.Head()
		io.CopyN(io.Discard, p.In, 100_000)
		p.Say("HTTP/1.1 413 Too Large\r\nContent-Length: 8\r\n\r\nmuch")
		<-read
		p.Say("more")
	})
	r := start(t, &Client{})
	piece := make([]byte, 64<<10)
	answered := make(chan Response, 1)
	body := make(chan string, 1)
	var q Request
	r.do(func() {
		q = r.pool.Request("POST", url)
		q.Do(func(a Response, err error) {
			if err != nil {
				t.Error(err)
			}
			answered <- a
		})
		var more func()
		more = func() {
			for !q.Full() {
				q.Write(piece)
			}
			q.OnDrain(more)
		}
		more()
	})
	a := wait(t, answered) // and the program goes on writing what is dropped
	r.do(func() {
		a.Body(100, func(p []byte, err error) { body <- string(p) })
	})
	close(read)
	if b := wait(t, body); b != "muchmore" {
		t.Errorf("the body is %q", b)
	}
	r.do(func() {})
	r.do(func() {
		if !q.Full() || !(Request{}).Full() {
			t.Error("Full is false when the exchange is over")
		}
		q.OnDrain(func() { t.Error("OnDrain's function is called for an exchange that is over") })
	})
	r.do(func() {})
}

// What the generator sends: batches, pieces of them, bodies, and messages to all.

package load

import (
	"bytes"
	"time"
)

func (g *generator) send(k *client) {
	k.sent, k.want = time.Now(), g.answer
	if g.job.Kind == "delay" {
		k.waves--
		g.waiting++
	}
	k.asked++
	if g.job.Pieces > 1 {
		k.rest = g.batch
		g.piece(k)
		return
	}
	k.c.Write(g.batch)
	g.body(k)
}

// piece sends a part of the batch, and the next one in a callback of its own: what is written
// in one leaves together.
func (g *generator) piece(k *client) {
	n := min((len(g.batch)+g.job.Pieces-1)/g.job.Pieces, len(k.rest))
	k.c.Write(k.rest[:n])
	if k.rest = k.rest[n:]; len(k.rest) > 0 {
		g.loop.Post(func() { g.piece(k) })
	}
}

var dots = bytes.Repeat([]byte("."), 64<<10)

// body begins to send a body that is not in the batch.
func (g *generator) body(k *client) {
	if g.job.Stream {
		k.left = g.job.Body
		g.more(k)
	}
}

func (g *generator) more(k *client) {
	for k.left > 0 && !k.c.Full() {
		n := min(k.left, len(dots))
		k.c.Write(dots[:n])
		k.left -= n
	}
	if k.left > 0 {
		k.c.OnDrain(func() { g.more(k) })
	}
}

// cast has one connection send a message that comes to all.
func (g *generator) cast() {
	g.waiting = len(g.clients)
	for _, k := range g.clients {
		k.sent, k.want = g.loop.Now(), g.answer
	}
	g.clients[0].sent = time.Now()
	g.clients[0].c.Write(g.batch)
}

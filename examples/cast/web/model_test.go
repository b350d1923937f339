// Model: visitors who come and go by any transport, and a server that is restarted,
// against what a visitor has to get: each message, once, in order.

package web

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/examples/cast/rooms"
)

// A rover changes its transport whenever it likes, and checks what it gets.
type rover struct {
	t    *testing.T
	name string
	now  *atomic.Pointer[node]
	loop *conn.Loop
	rand *rand.Rand
	id   string
	seen int // messages: the next has this number as its text
}

// take checks an event. No message may be sent to a visitor who has it: the page would
// drop it, this visitor does not.
func (r *rover) take(e event) {
	if e.ID == "" {
		if e.Lost || e.Nak != nil {
			r.t.Errorf("%s is told %+v", r.name, e)
		}
		return
	}
	if e.Text != "" {
		if e.Text != strconv.Itoa(r.seen) {
			r.t.Errorf("%s, after %s, gets message %q as its number %d", r.name, r.id, e.Text, r.seen)
		}
		r.seen++
	}
	r.id = e.ID
}

// stay is one visit: some events, for some time.
func (r *rover) stay() {
	n := r.now.Load()
	q := query("r", r.name, r.id)
	var g *guest
	var err error
	switch r.rand.IntN(3) {
	case 0:
		g, err = n.dial(r.loop, q)
	case 1:
		g, err = n.listen(q)
	default:
		r.poll(n, q)
		return
	}
	if err != nil {
		time.Sleep(time.Millisecond) // the node is being restarted
		return
	}
	defer g.cancel()
	leave := time.After(time.Duration(r.rand.IntN(60)) * time.Millisecond)
	for range 1 + r.rand.IntN(40) {
		select {
		case e, ok := <-g.events:
			if !ok {
				return
			}
			r.take(e)
		case <-leave:
			return
		}
	}
}

func (r *rover) poll(n *node, q string) {
	client := http.Client{Timeout: time.Duration(1+r.rand.IntN(60)) * time.Millisecond} // not all answers are waited for
	resp, err := client.Get("http://" + n.host + "/wait?" + q)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	var list []event
	if resp.StatusCode != 200 || json.NewDecoder(resp.Body).Decode(&list) != nil {
		return
	}
	for _, e := range list {
		r.take(e)
	}
}

func TestModel(t *testing.T) {
	t.Parallel()
	total, restarts := 600, 4
	if testing.Short() {
		total, restarts = 150, 1
	}
	const rovers = 12
	dir := t.TempDir()
	set := func(h *rooms.House, _ *Site) { h.Keep, h.Fresh = 10_000, 10_000 }
	var now atomic.Pointer[node]
	now.Store(serve(t, dir, set))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	l := loop(t)
	late := time.Now().Add(5 * time.Minute)
	var all sync.WaitGroup
	for i := range rovers {
		r := &rover{t: t, name: fmt.Sprint("rover", i), now: &now, loop: l, rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		all.Go(func() {
			for r.seen < total && !t.Failed() {
				if time.Now().After(late) {
					t.Errorf("%s has %d messages of %d", r.name, r.seen, total)
				}
				r.stay()
			}
		})
	}
	for i := range total {
		if i%(total/(restarts+1)) == 0 && i > 0 {
			now.Load().stop()
			now.Store(serve(t, dir, set))
		}
		now.Load().insist("r", "ann", strconv.Itoa(i), fmt.Sprint("k", i))
	}
	all.Wait()
}

// insist says something until it is acknowledged, now and then twice, as one whose
// acknowledgement was lost does.
func (n *node) insist(room, name, text, key string) {
	n.t.Helper()
	first := n.post(room, name, text, key)
	if rand.IntN(4) > 0 {
		return
	}
	if second := n.post(room, name, text, key); second != first || !strings.Contains(first, "-") {
		n.t.Errorf("the same message has the ids %q and %q", first, second)
	}
}

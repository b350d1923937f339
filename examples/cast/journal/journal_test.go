package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func open(t *testing.T, o Options) *Journal {
	t.Helper()
	if o.Keep == 0 {
		o.Keep = 10_000
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	j, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.Close)
	return j
}

// heard collects what a follower is given.
type heard struct {
	mu    sync.Mutex
	all   []Message
	news  chan struct{}
	ready chan struct{}
}

func follow(t *testing.T, ctx context.Context, j *Journal, room string) *heard {
	t.Helper()
	h := &heard{news: make(chan struct{}, 1), ready: make(chan struct{})}
	err := j.Follow(ctx, room, func(m []Message, _ bool) {
		h.mu.Lock()
		h.all = append(h.all, m...)
		h.mu.Unlock()
		select {
		case h.news <- struct{}{}:
		default:
		}
	}, func(uint64) { close(h.ready) })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// wait returns the first n messages, once they are there.
func (h *heard) wait(t *testing.T, n int) []Message {
	t.Helper()
	late := time.After(time.Minute)
	for {
		h.mu.Lock()
		all := h.all
		h.mu.Unlock()
		if len(all) >= n {
			return all
		}
		select {
		case <-h.news:
		case <-late:
			t.Fatalf("%d of %d messages have come", len(all), n)
		}
	}
}

// appendAll stores n messages and waits until all are acknowledged, sending
// again those that are not.
func appendAll(t *testing.T, j *Journal, room, who string, n int) {
	t.Helper()
	var wg sync.WaitGroup
	var send func(i int)
	send = func(i int) {
		err := j.Append(room, fmt.Appendf(nil, "%s %d", who, i), fmt.Sprintf("%s-%d", who, i), func(_ uint64, err error) {
			if err != nil {
				go send(i)
				return
			}
			wg.Done()
		})
		if err != nil {
			time.AfterFunc(10*time.Millisecond, func() { send(i) })
		}
	}
	for i := range n {
		wg.Add(1)
		send(i)
	}
	wg.Wait()
}

// inOrder checks that numbers rise and that no text comes twice.
func inOrder(t *testing.T, all []Message) {
	t.Helper()
	seen := make(map[string]bool)
	for i, m := range all {
		if i > 0 && m.Seq <= all[i-1].Seq {
			t.Fatalf("message %d has number %d, the one before %d", i, m.Seq, all[i-1].Seq)
		}
		if seen[string(m.Data)] {
			t.Fatalf("%q has come twice", m.Data)
		}
		seen[string(m.Data)] = true
	}
}

func TestFollowFromTheBeginning(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	appendAll(t, j, "a room, with * and .", "x", 1000)
	h := follow(t, t.Context(), j, "a room, with * and .")
	other := follow(t, t.Context(), j, "another")
	<-h.ready
	<-other.ready
	appendAll(t, j, "a room, with * and .", "y", 1000)
	all := h.wait(t, 2000)
	inOrder(t, all)
	if len(all) != 2000 || len(other.all) != 0 {
		t.Fatalf("%d messages in the room and %d in the other", len(all), len(other.all))
	}
}

// While a node does not listen its messages are dropped; it reads them later.
func TestFollowFillsGaps(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	f := &follower{j: j, subject: subject("r")}
	var got []Message
	f.fn = func(m []Message, _ bool) { got = append(got, m...) }
	appendAll(t, j, "r", "x", batch*2+3)
	if err := f.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	inOrder(t, got)
	if len(got) != batch*2+3 {
		t.Fatalf("%d messages", len(got))
	}
}

func TestSameKeyIsStoredOnce(t *testing.T) {
	t.Parallel()
	j := open(t, Options{})
	h := follow(t, t.Context(), j, "r")
	seqs := make(chan uint64, 2)
	for range 2 {
		if err := j.Append("r", []byte("hi"), "key", func(seq uint64, err error) { seqs <- seq }); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := <-seqs, <-seqs; a != b || a == 0 {
		t.Fatalf("numbers %d and %d", a, b)
	}
	appendAll(t, j, "r", "x", 1)
	inOrder(t, h.wait(t, 2))
}

func TestFilesOutliveTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	appendAll(t, j, "r", "x", 100)
	epoch := j.Epoch()
	j.Close()
	j = open(t, Options{Dir: dir})
	if j.Epoch() != epoch {
		t.Fatalf("epoch %s, then %s", epoch, j.Epoch())
	}
	inOrder(t, follow(t, t.Context(), j, "r").wait(t, 100))
}

func TestMemoryIsAnotherEpoch(t *testing.T) {
	t.Parallel()
	if a, b := open(t, Options{}).Epoch(), open(t, Options{}).Epoch(); a == b {
		t.Fatal("two streams have one epoch", a)
	}
}

// Three nodes; one is lost while messages are sent at another: none is missing.
func TestClusterLosesANode(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("three servers for some seconds: not with -short")
	}
	addrs := make([]string, 3)
	for i := range addrs { // no system gives such ports to a connection by itself
		for free := false; !free; {
			addrs[i] = fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
			if ln, err := net.Listen("tcp", addrs[i]); err == nil {
				ln.Close()
				free = !slices.Contains(addrs[:i], addrs[i])
			}
		}
	}
	nodes := make([]*Journal, 3)
	var wg sync.WaitGroup
	for i := range nodes {
		o := Options{Dir: t.TempDir(), Cluster: "c", Name: fmt.Sprint("n", i), Listen: addrs[i], Nodes: 3}
		for _, a := range addrs {
			o.Routes = append(o.Routes, "nats://"+a)
		}
		wg.Add(1)
		go func() { defer wg.Done(); nodes[i] = open(t, o) }()
	}
	wg.Wait()
	a, b := follow(t, t.Context(), nodes[0], "r"), follow(t, t.Context(), nodes[1], "r")
	<-a.ready
	<-b.ready
	half := make(chan struct{})
	go func() {
		a.wait(t, 500)
		nodes[2].Close()
		close(half)
	}()
	appendAll(t, nodes[0], "r", "x", 5000)
	<-half
	appendAll(t, nodes[1], "r", "y", 100)
	inOrder(t, a.wait(t, 5100))
	inOrder(t, b.wait(t, 5100))
}

// A stream that holds as many messages of a room as it may has perhaps dropped some: who
// reads them is told of the gap, and nobody else.
func TestGap(t *testing.T) {
	t.Parallel()
	j := open(t, Options{Keep: 5})
	said := func(room string, n int) (gaps int, read []Message) {
		appendAll(t, j, room, "x", n)
		f := &follower{j: j, subject: subject(room), fn: func(ms []Message, gap bool) {
			read = append(read, ms...)
			if gap {
				gaps++
			}
		}}
		if err := f.fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		appendAll(t, j, room, "y", 3) // these are too few to be a gap
		if err := f.fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		return gaps, read
	}
	if gaps, read := said("whole", 4); gaps != 0 || len(read) != 7 {
		t.Errorf("%d gaps, %d messages of 7", gaps, len(read))
	}
	if gaps, read := said("cut", 9); gaps != 1 || len(read) != 8 || string(read[0].Data) != "x 4" {
		t.Errorf("%d gaps, %d messages; the first is %q", gaps, len(read), read[0].Data)
	}
}

// Keep and Age are what the flags say now, not what they said when the stream was made.
func TestKeepChanges(t *testing.T) {
	t.Parallel()
	o := Options{Dir: t.TempDir(), Keep: 3}
	for i, want := range []int{3, 6, 2} {
		o.Keep = want
		j := open(t, o)
		appendAll(t, j, "r", fmt.Sprint("x", i), 10)
		n := 0
		f := &follower{j: j, subject: subject("r"), fn: func(ms []Message, _ bool) { n += len(ms) }}
		if err := f.fill(t.Context()); err != nil || n != want {
			t.Errorf("%d messages are kept of %d (%v)", n, want, err)
		}
		j.Close()
	}
}

// lostAck is the future of a message that nobody acknowledges.
type lostAck struct{ jetstream.PubAckFuture }

func (lostAck) Ok() <-chan *jetstream.PubAck { return nil }
func (lostAck) Err() <-chan error            { return nil }

// When a leader dies with many messages, their senders are told at the same time: none
// waits for as long as all before it together.
func TestLostAcknowledgements(t *testing.T) {
	t.Parallel()
	const n = 100
	j := &Journal{acks: make(chan request, n)}
	done := make(chan error, n)
	for range n {
		j.acks <- request{future: lostAck{}, until: time.Now(), done: func(_ uint64, err error) { done <- err }}
	}
	close(j.acks)
	go j.acknowledge()
	late := time.After(time.Minute)
	for i := range n {
		select {
		case err := <-done:
			if err != ErrUnknown {
				t.Error(err)
			}
		case <-late:
			t.Fatalf("%d of %d senders are told", i, n)
		}
	}
}

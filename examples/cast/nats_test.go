// A cluster of NATS that is there already, which two processes use as one service.

package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// natsServer starts a server with accounts of its own, as one that belongs to others.
func natsServer(t *testing.T, dir string, port int) *natsd.Server {
	t.Helper()
	s, err := natsd.NewServer(&natsd.Options{
		Host: "127.0.0.1", Port: port, Username: "cast", Password: "of:cast", JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(time.Minute) {
		t.Fatal("the NATS server is not ready")
	}
	return s
}

// Two processes share what an existing server keeps. They survive its restart, and while it
// is away they say that nothing can be stored.
func TestExistingNATS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := natsServer(t, dir, natsd.RANDOM_PORT)
	at, err := url.Parse(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.Atoi(at.Port())
	at.User = url.UserPassword("cast", "of:cast")
	share := []string{"-addr", "127.0.0.1:0", "-nats", at.String(), "-max-polls-each", "0", "-rate", "1e6", "-burst", "1000"}
	one, two := start(t, append(share[:len(share):len(share)], "-node", "one")...), start(t, append(share, "-node", "two")...)
	last := ""
	for i := range 3 {
		if last, err = one.say("r", "ann", fmt.Sprint("text ", i), fmt.Sprint("k", i)); err != nil {
			t.Fatal(err)
		}
	}
	hears(t, two, "text 0", "text 1", "text 2")
	if id, err := two.say("r", "ann", "text 2", "k2"); err != nil || id != last {
		t.Errorf("sent again to the other process, a message has id %q, not %q (%v)", id, last, err)
	}

	s.Shutdown()
	s.WaitForShutdown()
	health := func(p *process) int {
		resp, err := http.Get(p.base + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	for _, p := range []*process{one, two} {
		p.until("it says that nothing can be stored", func() bool { return health(p) == 503 })
	}
	one.until("the port is free", func() bool { // another test may have a connection from it
		ln, err := net.Listen("tcp", at.Host)
		if err == nil {
			ln.Close()
		}
		return err == nil
	})
	natsServer(t, dir, n)
	for _, p := range []*process{one, two} {
		p.until("it has come back", func() bool { return health(p) == 200 })
	}
	one.until("a message is stored", func() bool { // a sender sends again with the same key
		_, err := one.say("r", "ann", "text 3", "k3")
		return err == nil
	})
	hears(t, two, "text 0", "text 1", "text 2", "text 3")
}

// Who comes back when all that was said meanwhile was too old to be kept is told so once, by
// a process that never had it. The stream is emptied here, as its age does it.
func TestTooOldIsSaid(t *testing.T) {
	t.Parallel()
	s := natsServer(t, t.TempDir(), natsd.RANDOM_PORT)
	at := strings.Replace(s.ClientURL(), "nats://", "nats://cast:of%3Acast@", 1)
	one := start(t, "-addr", "127.0.0.1:0", "-node", "one", "-nats", at)
	seen, err := one.say("r", "ann", "seen", "k1")
	if err == nil {
		_, err = one.say("r", "ann", "not seen", "k2")
	}
	if err != nil {
		t.Fatal(err)
	}
	nc, err := nats.Connect(at)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream()
	if err == nil {
		err = js.PurgeStream("CAST")
	}
	if err != nil {
		t.Fatal(err)
	}
	two := start(t, "-addr", "127.0.0.1:0", "-node", "two", "-nats", at, "-poll", "1s")
	lost, id := 0, seen
	for range 3 {
		events, err := two.poll("r", "ben", "ben", id)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if e["lost"] == true {
				lost++
			}
			if next, ok := e["id"].(string); ok {
				id = next
			}
		}
	}
	if lost != 1 || !after(id, seen) {
		t.Errorf("told %d times, then at %q, before at %q", lost, id, seen)
	}
}

// hears visits a room until it has these messages, each once and in this order.
func hears(t *testing.T, p *process, want ...string) {
	t.Helper()
	visits := 0
	p.until(strings.Join(want, ", "), func() bool {
		visits++ // a new visitor is shown all that is kept
		events, err := p.poll("r", "ben", fmt.Sprint("ben", visits), "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			if text, ok := e["text"].(string); ok {
				got = append(got, text)
			}
		}
		if len(got) > len(want) {
			t.Fatalf("%q, not %q", got, want)
		}
		return strings.Join(got, "\n") == strings.Join(want, "\n")
	})
}

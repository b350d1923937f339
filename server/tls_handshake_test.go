// Handshakes: those that nobody goes on with, that are too many, or under way at a
// stop.

package server

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// A flood of handshakes that nobody goes on with, more than may be under way:
// plain requests go on, and so do clients who mean it.
func TestHandshakeFlood(t *testing.T) {
	t.Parallel()
	const slots, silent = 4, 40
	s, addr := startTLS(t, &Server{MaxHandshakes: slots, HeadTimeout: time.Minute}, mirror)
	hello := clientHello(t)
	var flood []*client
	join := func(n int) {
		for range n {
			k := dial(t, addr)
			k.Send(hello)
			flood = append(flood, k)
		}
	}
	join(silent)
	tlsStats := func() conn.TLSStats { return s.secure.TLS.Stats() }
	// Who has waited long makes room for others: on a slow machine some have, already.
	until(t, "the slots are taken", func() bool {
		st := tlsStats()
		if st.Pending <= slots {
			join(slots)
		}
		return st.Running == slots && st.Pending > slots
	})
	plain := s.dial()
	for range 100 {
		plain.Send(get("/"))
		plain.Want("200 GET /")
	}
	if st := tlsStats(); st.Running > slots || st.Done > 0 {
		t.Errorf("%+v", st)
	}
	// Those whose client is silent make room: nobody waits for their timeout.
	for _, k := range flood[silent/4:] {
		k.Close()
	}
	// So may a client who means it, if the machine does not let it go on: it comes again.
	until(t, "somebody is served", func() bool {
		k, err := loopback.DialTLS(t, addr, loopback.Example().Config())
		if err != nil {
			return false
		}
		defer k.Close()
		k.Say(get("/"))
		a, err := k.Answer("GET")
		return err == nil && a.String() == "200 GET /"
	})
}

// clientHello returns the first that a client sends.
func clientHello(t testing.TB) string {
	t.Helper()
	a, b := net.Pipe()
	go tls.Client(a, loopback.Example().Config()).Handshake()
	defer a.Close()
	head := make([]byte, 5)
	if _, err := io.ReadFull(b, head); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, int(head[3])<<8+int(head[4]))
	if _, err := io.ReadFull(b, rest); err != nil {
		t.Fatal(err)
	}
	return string(head) + string(rest)
}

// More connections without a handshake than may wait are reset, as long as none of those
// has been silent for a second: so it is asked until the machine is as quick.
func TestTooManyHandshakes(t *testing.T) {
	t.Parallel()
	until(t, "the fourth comes in time", func() bool {
		begun := time.Now()
		s, addr := startTLS(t, &Server{MaxConns: 3}, mirror)
		for range 3 {
			dial(t, addr)
		}
		until(t, "they wait", func() bool { return s.secure.TLS.Stats().Pending == 3 })
		if c, err := net.Dial("tcp", addr.String()); err == nil {
			dead := loopback.New(t, c)
			dead.SetDeadline(time.Now().Add(patience))
			dead.WantGone()
			c.Close()
		}
		if time.Since(begun) > time.Second {
			return false
		}
		until(t, "one error is counted", func() bool { return s.Stats().HandshakeErrors == 1 })
		return true
	})
}

func TestHandshakeTimeout(t *testing.T) {
	t.Parallel()
	s, addr := startTLS(t, &Server{HeadTimeout: 50 * time.Millisecond}, mirror)
	hello := clientHello(t)
	for _, in := range []string{"", hello[:1], hello[:100], hello} {
		k := dial(t, addr)
		k.Say(in) // it may be late already
		k.WantGone()
	}
	until(t, "all have failed", func() bool { st := s.secure.TLS.Stats(); return st.Pending == 0 && st.Failed == 4 })
	until(t, "no goroutine is left", func() bool { return s.secure.TLS.Stats().Running == 0 })
}

// Shutdown lets who is shaking hands have an answer.
func TestShutdownDuringHandshake(t *testing.T) {
	t.Parallel()
	s, addr := startTLS(t, &Server{DrainTimeout: patience}, mirror)
	raw := dial(t, addr)
	until(t, "it is accepted", func() bool { return s.secure.TLS.Stats().Pending == 1 })
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	until(t, "the listener is closed", func() bool {
		c, err := net.Dial("tcp", addr.String())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	tc := tls.Client(raw.Conn, loopback.Example().Config())
	k := loopback.New(t, tc)
	k.Send(get("/"))
	if a := k.Want("200 GET /"); !a.Close {
		t.Error("the connection is to go on")
	}
	k.WantEnd()
	if err := wait(t, done); err != nil {
		t.Error(err)
	}
}

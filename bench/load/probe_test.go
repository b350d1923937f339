package load

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// TestProbesDoNotWaitForEachOther: while a server stands still all requests that are due meanwhile wait, not one.
func TestProbesDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	// Where the machine stands still all are due at the same time, and none waits for long. So it is asked until it does not.
	for end := time.Now().Add(time.Minute); ; {
		r := probeOneThatStands(t)
		if r.P50 >= 5*time.Millisecond {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("half of them waited for several others, and the result is %+v", r)
		}
	}
}

// probeOneThatStands probes a server that answers when all requests are there.
func probeOneThatStands(t *testing.T) *Result {
	const probes = 20
	var mu sync.Mutex
	asked, resume := 0, make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked++
		if asked == probes {
			close(resume)
		}
		wait := asked > 2 // the probe's first connection, and the first probe
		mu.Unlock()
		if wait {
			<-resume
		}
		io.WriteString(w, peer.Hello)
	}))
	defer s.Close()
	p := &prober{job: Job{Addr: strings.TrimPrefix(s.URL, "http://"), Every: 5 * time.Millisecond, For: probes * 5 * time.Millisecond}}
	r, err := p.run()
	if err != nil || r.Requests != probes || r.Lost != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.Max < r.P99 || r.P99 < r.P50 {
		t.Errorf("%+v", r)
	}
	return r
}

func TestAnswersThatAreWrongAreLost(t *testing.T) {
	t.Parallel()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n > 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		io.WriteString(w, peer.Hello)
	}))
	defer s.Close()
	p := &prober{job: Job{Addr: strings.TrimPrefix(s.URL, "http://"), Every: 20 * time.Millisecond, For: 20 * time.Millisecond}}
	r, err := p.run()
	if err != nil || r.Lost != 1 || r.Max < patience || !strings.Contains(r.Error, "503") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestAttackers: each does what its name says, as far as the server's end shows.
func TestAttackers(t *testing.T) {
	t.Parallel()
	const get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
	for kind, want := range map[string]string{
		"ask": get, "pipeline": get + get, "ignore": get, "swallow": get, "visit": get,
		"upload":    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n....",
		"crumbs":    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n1\r\nx\r\n",
		"drip":      "GE",
		"handshake": "\x16\x03\x01", "handshakes": "\x16\x03\x01",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ours, theirs := pair(t)
			a := &attacker{job: Job{Attack: kind, Path: "/x", Addr: "a", Body: 1 << 20}, request: []byte(get)}
			go attacks[kind](a, theirs)
			got := make([]byte, len(want))
			if _, err := io.ReadFull(bufio.NewReader(ours), got); err != nil || !bytes.Equal(got, []byte(want)) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if len(clientHello()) < 100 {
		t.Errorf("%d bytes of ClientHello", len(clientHello()))
	}
}

// pair is the two ends of a connection.
func pair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	theirs, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err = ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	ours.SetDeadline(time.Now().Add(time.Minute))
	return ours, theirs
}

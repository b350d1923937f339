// What hello is meant to show: thousands of answers that wait without a
// goroutine, bodies of any size and slow readers in bounded memory, nothing left
// of clients that vanish. Each runs in a small version always, and in full, with
// its figures in the log, by
//
//	make show    (LURCHER_SHOW=1 go test -v -count 1 -run TestShow ./cmd/hello)

//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/program"
)

const (
	mib = 1 << 20

	// The bounds on memory are for the whole program, beyond what it takes
	// after its first answer. A loop's buffers, pools before they are trimmed
	// and garbage before it is collected fit; a body would not.
	bodyBound   = 16 * mib
	readerBound = 320 << 10 // for each slow reader: five times Handler.High
)

// checkMemory reports the peak and holds it against a bound.
func (s *site) checkMemory(before, bound int64) {
	s.t.Helper()
	_, peak := s.Memory()
	s.t.Logf("resident memory of the server: %.1f MiB before, %.1f MiB at most", float64(before)/mib, float64(peak)/mib)
	switch {
	case program.Race:
		s.t.Log("not compared with a bound: the race detector takes memory of its own")
	case peak-before > bound:
		s.t.Errorf("that is more than %.1f MiB beyond what it was", float64(bound)/mib)
	}
}

// settled returns the memory of a server that has answered, and from which peaks count.
func (s *site) settled() int64 {
	s.t.Helper()
	s.do("GET", "/", "")
	s.ResetPeak()
	now, _ := s.Memory()
	return now
}

// ab -n 1000 -c 100 on /delay?ms=2000: ab sends one request to see whether
// anybody answers, then ten waves of a hundred, so that 22 s are ideal.
func TestShowDelayAB(t *testing.T) {
	full := program.Show(t)
	ms := 100
	if full {
		ms = 2000
	}
	s, before := start(t), stolen()
	out := program.Run(t, nil, "ab", "-q", "-n", "1000", "-c", "100", fmt.Sprintf("%s/delay?ms=%d", s.url, ms))
	if figure(t, out, "Complete requests:") != 1000 || figure(t, out, "Failed requests:") != 0 || strings.Contains(out, "Non-2xx") {
		t.Fatal(out)
	}
	longest := figure(t, out, "100%")
	m := regexp.MustCompile(`Time taken for tests:\s+([\d.]+) seconds`).FindStringSubmatch(out)
	if m == nil {
		t.Fatal(out)
	}
	took, _ := strconv.ParseFloat(m[1], 64)
	ideal := 11 * float64(ms) / 1000
	t.Logf("%d ms each: %.3f s in all, ideal %.1f s (%+.2f%%), the slowest answer after %d ms",
		ms, took, ideal, 100*(took/ideal-1), longest)
	if took < ideal-0.05 {
		t.Errorf("faster than possible: answers came early")
	}
	if full && (took > 1.02*ideal || longest > 2050) {
		load, _ := os.ReadFile("/proc/loadavg") // on a machine that is busy otherwise, ab is late itself
		t.Errorf("want at most 2%% above the ideal, and 2050 ms; the host took %v of the processors' time meanwhile, and the load is %s",
			stolen()-before, load)
	}
}

// stolen returns the time that a virtual machine's processors were ready and the host ran
// something else, all of them together: proc_stat(5).
func stolen() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(b), "\n")
	const steal = 8 // after "cpu"
	f := strings.Fields(line)
	if len(f) <= steal {
		return 0
	}
	ticks, _ := strconv.Atoi(f[steal])
	return time.Duration(ticks) * 10 * time.Millisecond
}

// Thousands of answers wait at once, and no goroutine with them.
func TestShowDelaysHoldNoGoroutine(t *testing.T) {
	n, ms := 500, 500
	if program.Show(t) {
		n, ms = 10_000, 5000
	}
	n = atMost(t, n)
	s := start(t)
	before := s.settled()
	idle := s.stats().Goroutines

	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conns[i] = s.dial()
	}
	now, _ := s.Memory()
	t.Logf("%d connections open: %.1f MiB, that is %d bytes each", n, float64(now)/mib, (now-before)/int64(n))
	asked := make([]time.Time, n)
	for i, c := range conns {
		asked[i] = time.Now()
		fmt.Fprintf(c, "GET /delay?ms=%d HTTP/1.1\r\nHost: a\r\n\r\n", ms)
	}
	held := s.stats()
	now, _ = s.Memory()
	if all := time.Since(asked[0]); all > time.Duration(ms)*time.Millisecond {
		t.Logf("asking took %v: some answers were there before the last was asked for", all)
	}
	took := make([]time.Duration, n)
	for i, c := range conns {
		r, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		took[i] = time.Since(asked[i])
		if b, err := io.ReadAll(r.Body); string(b) != "Hello World\n" || err != nil {
			t.Fatalf("connection %d: %q, %v", i, b, err)
		}
		if took[i] < time.Duration(ms)*time.Millisecond {
			t.Fatalf("connection %d: its answer came after %v", i, took[i])
		}
	}
	t.Logf("%d requests wait: %d goroutines (%d before), %.1f MiB, that is %d bytes each",
		held.Conns-1, held.Goroutines, idle, float64(now)/mib, (now-before)/int64(n))
	t.Logf("%d ms each: answered after %v to %v", ms, slices.Min(took).Round(time.Millisecond), slices.Max(took).Round(time.Millisecond))
	if held.Conns < n || held.Goroutines > idle+2 {
		t.Errorf("%d connections held %d goroutines, %d before there were any", held.Conns, held.Goroutines, idle)
	}
}

// A body of 2 GiB, there and back, chunked and not.
func TestShowBodies(t *testing.T) {
	size := int64(64 * mib)
	if program.Show(t) {
		size = 2 << 30
	}
	for _, framing := range []string{"Content-Length: " + strconv.FormatInt(size, 10), "Transfer-Encoding: chunked"} {
		for _, path := range []string{"/echo", "/upload"} {
			s := start(t)
			before := s.settled()
			c := s.dial()
			begun := time.Now()
			chunked := strings.HasPrefix(framing, "Transfer")
			c.SetDeadline(begun.Add(10 * time.Minute))
			sent := make(chan error, 1)
			go func() {
				fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", path, framing)
				sent <- send(c, size, chunked)
			}()
			r, err := http.ReadResponse(bufio.NewReaderSize(c, 256<<10), nil)
			if err != nil || r.StatusCode != 200 {
				t.Fatalf("%s, %s: %v %v", path, framing, r, err)
			}
			if path == "/echo" {
				err = compare(r.Body, size)
			} else if b, e := io.ReadAll(r.Body); string(b) != fmt.Sprintf("%d bytes\n", size) {
				err = fmt.Errorf("it says %q, %v", b, e)
			}
			if err := errors.Join(err, <-sent); err != nil {
				t.Fatalf("%s, %s: %v", path, framing, err)
			}
			took := time.Since(begun)
			t.Logf("%s, %s: %d MiB in %v", path, framing, size/mib, took.Round(time.Millisecond))
			s.checkMemory(before, bodyBound)
		}
	}
}

// block is what bodies consist of, over and over: its length is in step with
// nobody's buffers, so that a piece out of place shows.
var block = pattern(1_000_003)

func send(w io.Writer, size int64, chunked bool) error {
	for size > 0 {
		p := block[:min(size, int64(len(block)))]
		size -= int64(len(p))
		if chunked {
			p = slices.Concat(fmt.Appendf(nil, "%x\r\n", len(p)), p, []byte("\r\n"))
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
	}
	if chunked {
		_, err := io.WriteString(w, "0\r\n\r\n")
		return err
	}
	return nil
}

// compare reads what send sent.
func compare(r io.Reader, size int64) error {
	got := make([]byte, len(block))
	for at := int64(0); at < size; {
		p := got[:min(size-at, int64(len(block)))]
		if n, err := io.ReadFull(r, p); err != nil {
			return fmt.Errorf("after %d bytes: %w", at+int64(n), err)
		}
		if !bytes.Equal(p, block[:len(p)]) {
			return fmt.Errorf("other bytes than were sent, between %d and %d", at, at+int64(len(p)))
		}
		at += int64(len(p))
	}
	if n, err := r.Read(got); n > 0 || err != io.EOF {
		return fmt.Errorf("behind the end: %d, %v", n, err)
	}
	return nil
}

// A hundred clients ask for a stream without an end and take a little of it now
// and then: what they do not take is not made.
func TestShowSlowReaders(t *testing.T) {
	n, turns := 20, 4
	if program.Show(t) {
		n, turns = 100, 200
	}
	s := start(t)
	before := s.settled()
	var conns []*net.TCPConn
	for range n {
		c := s.dial()
		c.SetReadBuffer(64 << 10) // else the kernel takes megabytes for each
		io.WriteString(c, "GET /stream?n=1000000000&ms=0 HTTP/1.1\r\nHost: a\r\n\r\n")
		conns = append(conns, c)
	}
	begun, total := time.Now(), 0
	buf := make([]byte, 16<<10)
	for range turns {
		for _, c := range conns {
			got, err := io.ReadFull(c, buf)
			if total += got; err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(50 * time.Millisecond) // they are slow
	}
	t.Logf("%d readers took %d KiB each in %v", n, total/n>>10, time.Since(begun).Round(time.Millisecond))
	if c := s.stats(); c.Conns != n+1 {
		t.Errorf("%d connections, want %d and this one", c.Conns, n)
	}
	s.checkMemory(before, int64(n)*readerBound)
	for _, c := range conns {
		c.Close()
	}
	s.until("all is free", func(c counters) bool { return c.Conns == 1 })
}

// A hundred clients ask for a file of 1 GiB and take a little of it now and then;
// one takes all of it. The server holds nothing for them.
func TestShowFile(t *testing.T) {
	n, turns, size := 20, 4, int64(64*mib)
	if program.Show(t) {
		n, turns, size = 100, 100, 1<<30
	}
	path := filepath.Join(t.TempDir(), "sparse")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil { // a hole: it takes no room on the disk
		t.Fatal(err)
	}
	marks := []int64{0, size/2 - 3, size - 8}
	for _, at := range marks {
		if _, err := f.WriteAt([]byte("lurcher!"), at); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, "-file", path)
	before := s.settled()
	var conns []*net.TCPConn
	ask := func() *net.TCPConn {
		c := s.dial()
		c.SetReadBuffer(64 << 10)
		io.WriteString(c, "GET /file HTTP/1.1\r\nHost: a\r\n\r\n")
		return c
	}
	for range n {
		conns = append(conns, ask())
	}
	begun := time.Now()
	buf := make([]byte, 16<<10)
	for range turns {
		for _, c := range conns {
			if _, err := io.ReadFull(c, buf); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d clients took %d KiB of %d MiB each in %v", n, turns*len(buf)>>10, size/mib, time.Since(begun).Round(time.Millisecond))

	begun = time.Now()
	r, err := http.ReadResponse(bufio.NewReader(ask()), nil)
	if err != nil || r.ContentLength != size {
		t.Fatal(r, err)
	}
	var got int64
	for _, at := range marks {
		k, err := io.CopyN(io.Discard, r.Body, at-got)
		if err != nil {
			t.Fatalf("after %d bytes: %v", got+k, err)
		}
		mark := make([]byte, 8)
		io.ReadFull(r.Body, mark)
		if got = at + 8; string(mark) != "lurcher!" {
			t.Errorf("at %d of the file is %q", at, mark)
		}
	}
	t.Logf("and one all of it in %v", time.Since(begun).Round(time.Millisecond))
	if c := s.stats(); c.Conns != n+2 {
		t.Errorf("%d connections, want %d, the one that has read all, and this one", c.Conns, n)
	}
	s.checkMemory(before, 4*mib+int64(n)*16<<10)
	for _, c := range conns {
		c.Close()
	}
	s.until("all is free", func(c counters) bool { return c.Conns <= 2 })
}

// Clients that vanish while they wait, by FIN and by RST.
func TestShowVanishedClients(t *testing.T) {
	n, rounds := 100, 1
	if program.Show(t) {
		n, rounds = 1000, 10
	}
	n = atMost(t, n)
	s := start(t)
	s.settled()
	idle := s.stats()
	for round := range rounds {
		conns := make([]*net.TCPConn, n)
		for i := range conns {
			conns[i] = s.dial()
			path := []string{"/wait", "/events"}[i/2%2]
			fmt.Fprintf(conns[i], "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path)
		}
		held := s.until("all wait", func(c counters) bool { return c.Waiting+c.Events == n })
		now, _ := s.Memory()
		begun := time.Now()
		for i, c := range conns {
			if i%2 == 0 {
				c.SetLinger(0) // RST in place of FIN
			}
			c.Close()
		}
		closed := time.Since(begun)
		free := s.until("all is free", func(c counters) bool { return c.Conns == 1 && c.Waiting+c.Events == 0 })
		took := time.Since(begun)
		after, _ := s.Memory()
		if round == 0 || round == rounds-1 {
			t.Logf("round %d: %d clients, %.1f MiB; they left within %v, and all was free %v after the last, %d turns of the loops in all; %.1f MiB",
				round+1, held.Conns-1, float64(now)/mib, closed.Round(time.Microsecond), (took - closed).Round(time.Microsecond), free.Turns-held.Turns, float64(after)/mib)
		}
		if aborted := free.Aborted - idle.Aborted; aborted != n*(round+1) {
			t.Errorf("%d exchanges were aborted, want %d", aborted, n*(round+1))
		}
		if free.Goroutines > idle.Goroutines+2 {
			t.Errorf("%d goroutines, %d before", free.Goroutines, idle.Goroutines)
		}
	}
	// A client that only says that it will send no more gets its answer.
	c := s.dial()
	io.WriteString(c, "GET /delay?ms=50 HTTP/1.1\r\nHost: a\r\n\r\n")
	c.CloseWrite()
	b, err := io.ReadAll(c)
	if err != nil || !bytes.HasSuffix(b, []byte("\r\n\r\nHello World\n")) {
		t.Errorf("half-closed: %q, %v", b, err)
	}
	if _, err := os.Stat(fmt.Sprintf("/proc/%d/fd", s.Pid)); err == nil {
		s.until("the last has left", func(c counters) bool { return c.Conns == 1 })
		fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.Pid))
		t.Logf("%d descriptors are open", len(fds))
		if len(fds) > 20 {
			t.Errorf("%d descriptors are open, for one connection", len(fds))
		}
	}
}

// A process that is stopped, as a suspended machine is, for longer than its
// timeouts: what came meanwhile was in time, and is answered.
func TestShowStopped(t *testing.T) {
	n, idle, stop := 50, 3*time.Second, 4*time.Second
	if program.Show(t) {
		n, idle, stop = 10_000, 10*time.Second, 12*time.Second
	}
	n = atMost(t, n)
	s := start(t, "-idle-timeout", idle.String(), "-head-timeout", idle.String())
	conns := make([]*net.TCPConn, n)
	for i := range conns {
		conns[i] = s.dial()
		if i%2 == 0 { // half of them have had an answer, the others are new
			s.exchange(conns[i])
		}
	}
	s.Signal(syscall.SIGSTOP)
	for _, c := range conns {
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	}
	time.Sleep(stop) // how long it is stopped: the subject of the test
	s.Signal(syscall.SIGCONT)
	for i, c := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 200 {
			t.Fatalf("connection %d of %d: %v, %v", i, n, resp, err)
		}
	}
	t.Logf("%d requests came within %v in which the process was stopped, and all were answered", n, stop)
}

// exchange asks for the page, and reads it.
func (s *site) exchange(c net.Conn) {
	s.t.Helper()
	io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil || resp.StatusCode != 200 {
		s.t.Fatal(resp, err)
	}
	io.Copy(io.Discard, resp.Body)
}

// The WebSockets: an echo, a chat, the page in a browser, and 10,000 who listen.

//go:build unix

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/program"
	"github.com/lurcher-net/lurcher/ws"
)

// A socket is a WebSocket connection.
type socket struct {
	*net.TCPConn
	t      testing.TB
	in     *bufio.Reader
	answer *http.Response
	frames ws.Parser
}

func (s *site) socket(path string, lines ...string) *socket {
	s.t.Helper()
	c := s.dial()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
		path, s.addr, strings.Join(append(lines, ""), "\r\n"))
	k := &socket{TCPConn: c, t: s.t, in: bufio.NewReader(c), frames: ws.NewParser(true, false)}
	var err error
	if k.answer, err = http.ReadResponse(k.in, nil); err != nil || k.answer.StatusCode != 101 {
		s.t.Fatal(k.answer, err)
	}
	return k
}

func (k *socket) say(op ws.Op, text string) {
	k.Write(ws.AppendMaskedFrame(nil, op, []byte(text), 0x12345678))
}

// hear returns the next frame, in short.
func (k *socket) hear() string {
	k.t.Helper()
	var data []byte
	for {
		b, err := k.in.ReadByte()
		if err != nil {
			return err.Error()
		}
		p, _, err := k.frames.Parse([]byte{b})
		if err != nil {
			k.t.Fatal(err)
		}
		if data = append(data, p.Data...); p.Last() {
			return fmt.Sprintf("%v %s", p.Op, data)
		}
	}
}

func TestSocketEcho(t *testing.T) {
	t.Parallel()
	s := start(t, "-max-message", "100", "-deflate")
	k := s.socket("/ws", "Origin: http://elsewhere.example", "Sec-WebSocket-Protocol: x, chat", "Sec-WebSocket-Extensions: permessage-deflate")
	h := k.answer.Header
	if h.Get("Sec-WebSocket-Protocol") != "chat" || !strings.HasPrefix(h.Get("Sec-WebSocket-Extensions"), "permessage-deflate") {
		t.Errorf("it agreed on %q, %q", h.Get("Sec-WebSocket-Protocol"), h.Get("Sec-WebSocket-Extensions"))
	}
	k.say(ws.Text, "grüß dich")
	k.say(ws.Binary, "\xff\x00")
	k.say(ws.Binary, strings.Repeat("x", 101))
	for _, want := range []string{"text grüß dich", "binary \xff\x00", "close \x03\xf1message too big"} {
		if got := k.hear(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if status, body := s.do("GET", "/ws", ""); status != 426 {
		t.Errorf("without a handshake: %d %s", status, body)
	}
}

func TestChat(t *testing.T) {
	t.Parallel()
	s := start(t, "-loops", "3")
	status, page := s.do("GET", "/chat", "")
	if status != 200 || !strings.Contains(page, "new WebSocket(") {
		t.Errorf("the page: %d %s", status, page)
	}
	var all []*socket
	for range 10 {
		all = append(all, s.socket("/chat"))
	}
	s.until("all are in the room", func(c counters) bool { return c.Chat == 10 })
	for i := range all {
		all[i].say(ws.Text, fmt.Sprint("message ", i))
		for _, k := range all {
			if got, want := k.hear(), fmt.Sprint("text message ", i); got != want {
				t.Fatalf("%q, want %q", got, want)
			}
		}
	}
	all[0].Close()
	s.until("one has left", func(c counters) bool { return c.Chat == 9 })
	c := s.dial()
	io.WriteString(c, "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://evil.example\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
	if r, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || r.StatusCode != 403 {
		t.Error("another site: ", r, err)
	}
	s.Signal(os.Interrupt)
	for _, k := range all[1:] {
		if got := k.hear(); got != "close \x03\xe9" {
			t.Errorf("when the server stops: %q", got)
		}
		k.Close()
	}
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
}

// The page, in a browser: it connects, and shows what is said. What it shows is
// asked for by the protocol of DevTools, which is WebSocket too.
func TestChatPage(t *testing.T) {
	t.Parallel()
	s := start(t)
	cmd := exec.Command(program.Tool(t, "chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--no-first-run", "--user-data-dir="+profile(t), "--remote-debugging-port=0", s.url+"/chat")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	devtools := ""
	lines := bufio.NewScanner(stderr)
	for devtools == "" && lines.Scan() {
		_, devtools, _ = strings.Cut(lines.Text(), "DevTools listening on ws://")
	}
	go io.Copy(io.Discard, stderr)
	devtools, _, _ = strings.Cut(devtools, "/")

	s.until("the page is in the room", func(c counters) bool { return c.Chat == 1 })
	k := s.socket("/chat")
	k.say(ws.Text, "somebody: <b>ahoy</b>")
	r, err := http.Get("http://" + devtools + "/json")
	if err != nil {
		t.Fatal(err)
	}
	var pages []struct{ URL, WebSocketDebuggerURL string }
	err = json.NewDecoder(r.Body).Decode(&pages)
	r.Body.Close()
	i := slices.IndexFunc(pages, func(p struct{ URL, WebSocketDebuggerURL string }) bool { return p.URL == s.url+"/chat" })
	if err != nil || i < 0 {
		t.Fatalf("%v: %+v", err, pages)
	}
	tab := (&site{t: t, addr: devtools}).socket(strings.TrimPrefix(pages[i].WebSocketDebuggerURL, "ws://"+devtools))
	shown := ""
	for end := time.Now().Add(time.Minute); !strings.Contains(shown, "somebody: <b>ahoy</b>") && time.Now().Before(end); {
		tab.say(ws.Text, `{"id":1,"method":"Runtime.evaluate","params":{"expression":"document.getElementById('log').textContent"}}`)
		var answer struct {
			Result struct{ Result struct{ Value string } }
		}
		json.Unmarshal([]byte(strings.TrimPrefix(tab.hear(), "text ")), &answer)
		shown = answer.Result.Result.Value
	}
	if !strings.Contains(shown, "* connected\n") || !strings.Contains(shown, "somebody: <b>ahoy</b>\n") {
		t.Errorf("the page shows %q", shown)
	}
}

// Thousands listen, and hear each message.
func TestShowChat(t *testing.T) {
	n, rounds := 300, 3
	if program.Show(t) {
		n, rounds = 10_000, 10
	}
	n = atMost(t, n)
	s := start(t, "-loops", "1")
	before := s.settled()
	all := make([]*socket, n)
	for i := range all {
		all[i] = s.socket("/chat")
	}
	s.until("all are in the room", func(c counters) bool { return c.Chat == n })
	now, _ := s.Memory()
	t.Logf("%d sockets are open: %.1f MiB, that is %d bytes each", n, float64(now)/mib, (now-before)/int64(n))
	message := strings.Repeat("m", 128)
	heard := make(chan time.Duration, n)
	for round := range rounds {
		begun := time.Now()
		for _, k := range all {
			go func() {
				if got := k.hear(); got != "text "+message {
					t.Errorf("heard %q", got)
				}
				heard <- time.Since(begun)
			}()
		}
		all[round].say(ws.Text, message)
		var last time.Duration
		for range all {
			last = max(last, <-heard)
		}
		if round == 0 || round == rounds-1 {
			t.Logf("a message of %d bytes came to the last of them after %v", len(message), last.Round(time.Microsecond))
		}
	}
	s.checkMemory(before, 8*mib+int64(n)*1024)
	for _, k := range all {
		k.Close()
	}
	s.until("all have left", func(c counters) bool { return c.Chat == 0 })
}

// profile returns a directory for a browser, whose processes may write to it after the
// test has ended: it is removed as far as that can be done.
func profile(t *testing.T) string {
	dir, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

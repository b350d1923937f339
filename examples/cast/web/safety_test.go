// Safety: what one who means harm, or does not read, can do.

package web

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/ws"
)

// Whatever is written reaches others as data of JSON, without a character that HTML
// takes for markup.
func TestNothingIsMarkup(t *testing.T) {
	t.Parallel()
	n := serve(t, "", nil)
	evil := `</script><img src=x onerror="alert(1)">&'` + "\u2028x"
	ann := n.socket(loop(t), query("r", "<b>&ann", ""))
	n.post("r", "<b>ben", evil, "k")
	if e := ann.hears(evil); e.From != "<b>ben" {
		t.Errorf("from %q", e.From)
	}
	for _, path := range []string{"/wait?" + query("r", "<i>cleo", ""), "/wait?" + query("<u>\x01", "x", ""), "/<script>"} {
		resp, body := n.ask("GET", path, "")
		if strings.ContainsAny(body, "<>&\u2028") || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v %s", path, resp.Header, body)
		}
	}
}

// The page runs no script but its own files: it has none within, and the policy
// forbids it.
func TestPageHasNoInlineScript(t *testing.T) {
	t.Parallel()
	n := serve(t, "", nil)
	for _, path := range []string{"/", "/cast.js", "/transport.js", "/style.css", "/icon.svg"} {
		resp, body := n.ask("GET", path, "")
		csp := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != 200 || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s, policy %q", path, resp.Status, csp)
		}
		for _, bad := range []string{" onclick", " onload", " onerror", " style=", "<style", "javascript:", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("} {
			if strings.Contains(body, bad) {
				t.Errorf("%s has %q", path, bad)
			}
		}
		if strings.Count(body, "<script") != strings.Count(body, "<script src=") {
			t.Errorf("%s has a script within", path)
		}
	}
	for _, path := range []string{"/index.html", "/page/cast.js", "/../web.go", "/%2e%2e/web.go"} {
		if resp, _ := n.ask("GET", path, ""); resp.StatusCode == 200 {
			t.Errorf("%s is there", path)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(_ *rooms.House, s *Site) { s.Origins = []string{"chat.example.org"} })
	ask := func(method, path, origin string) int {
		fields := []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
		if path != "/ws" {
			fields = nil
		}
		if origin != "" {
			fields = append(fields, "Origin", origin)
		}
		body := ""
		if method == "POST" {
			body = `{"room":"r","name":"ann","text":"hi","key":""}`
		}
		if path == "/ws" { // an answer of 101 has no end that package net/http would see
			return n.handshake(path+"?"+query("r", "ann", ""), fields)
		}
		resp, _ := n.ask(method, path+"?"+query("r", "ann", "", "token", "t"+origin), body, fields...)
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != "" && got != "https://chat.example.org" {
			t.Errorf("%s lets %s read", path, got)
		}
		if origin == "https://chat.example.org" && resp.Header.Get("Access-Control-Allow-Origin") != origin {
			t.Errorf("%s does not let %s read", path, origin)
		}
		return resp.StatusCode
	}
	for _, c := range []struct {
		origin  string
		welcome bool
	}{
		{"", true}, // no browser
		{"http://" + n.host, true},
		{"https://chat.example.org", true},
		{"https://chat.example.org.evil.example", false},
		{"https://evil.example", false},
		{"http://127.0.0.1", false}, // another port is another origin
		{"null", false},
		{"file://", false},
		{"%zz", false},
	} {
		for path, ok := range map[string]int{"/ws": 101, "/wait": 200, "/send": 200} {
			method := "GET"
			if path == "/send" {
				method = "POST"
			}
			want := 403
			if c.welcome {
				want = ok
			}
			if got := ask(method, path, c.origin); got != want {
				t.Errorf("%s from %q: %d, not %d", path, c.origin, got, want)
			}
		}
	}
	if got := ask("OPTIONS", "/send", "https://chat.example.org"); got != 204 {
		t.Errorf("a browser that asks whether it may POST: %d", got)
	}
}

// handshake returns the status of an answer, and hangs up.
func (n *node) handshake(target string, fields []string) (status int) {
	n.t.Helper()
	c, err := net.Dial("tcp", n.host)
	if err != nil {
		n.t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\n", target, n.host)
	for i := 0; i < len(fields); i += 2 {
		fmt.Fprintf(c, "%s: %s\r\n", fields[i], fields[i+1])
	}
	io.WriteString(c, "\r\n")
	if _, err := fmt.Fscanf(c, "HTTP/1.1 %d", &status); err != nil {
		n.t.Fatal(err)
	}
	return status
}

func TestSizes(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.MaxText = 100 })
	long := func(s string, n int) string { return strings.Repeat(s, n) }
	send := func(room, name, text, key string) int {
		b, _ := json.Marshal(map[string]string{"room": room, "name": name, "text": text, "key": key})
		resp, _ := n.ask("POST", "/send", string(b))
		return resp.StatusCode
	}
	for _, c := range []struct {
		what                  string
		room, name, text, key string
		status                int
	}{
		{"as long as may be", "r", "ann", long("x", 100), "k1", 200},
		{"escapes are not counted", "r", "ann", long(`"`, 99) + "\n" + "x", "k2", 400}, // 101 bytes
		{"a hundred escapes", "r", "ann", long(`"`, 100), "k3", 200},
		{"a text too long", "r", "ann", long("x", 101), "k4", 400},
		{"a body too long", "r", "ann", long("x", 10_000), "k5", 413},
		{"no text", "r", "ann", " \n\t ", "k6", 400},
		{"a name too long", "r", long("n", 65), "x", "k7", 400},
		{"a name of nothing to see", "r", "\u200b\u202e\u00a0", "x", "k8", 400},
		{"a key too long", "r", "ann", "x", long("k", 65), 400},
	} {
		if got := send(c.room, c.name, c.text, c.key); got != c.status {
			t.Errorf("%s: %d, not %d", c.what, got, c.status)
		}
	}
	for _, room := range []string{"", long("r", 65), "a\nb", " a", "\u202ea"} {
		if resp, _ := n.ask("GET", "/wait?"+query(room, "ann", ""), ""); resp.StatusCode != 400 {
			t.Errorf("room %q: %s", room, resp.Status)
		}
	}
	for _, token := range []string{"", long("t", 65)} {
		if resp, _ := n.ask("GET", "/wait?"+query("r", "ann", "", "token", token), ""); resp.StatusCode != 400 {
			t.Errorf("token %q: %s", token, resp.Status)
		}
	}
	g := n.socket(loop(t), query("r", "ann", ""))
	g.write([]byte(`{"text":"` + long("x", 10_000) + `"}`))
	if err := g.ended(); err.Code != ws.TooBig {
		t.Errorf("a message too long: %v", err)
	}
	g = n.socket(loop(t), query("r", "ann", ""))
	g.write([]byte(`<hello>`))
	if err := g.ended(); err.Code != ws.UnsupportedData || err.Reason == "" {
		t.Errorf("no JSON: %v", err)
	}
}

// A visitor may send so much, and all at an address ten times that: another
// connection, or another name, does not help.
func TestRate(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(_ *rooms.House, s *Site) { s.Rate, s.Burst = 1e-3, 3 })
	l := loop(t)
	said := 0
	for i := range 15 {
		g := n.socket(l, query("r", fmt.Sprint("v", i), ""))
		for j := range 5 {
			g.say("x", fmt.Sprint("k", i, j))
			e := g.next("an answer", func(e event) bool { return e.Ack != nil || e.Nak != nil })
			if e.Ack != nil {
				said++
			} else if !e.Again {
				t.Error("what came too fast may be sent again")
			}
			if j >= 3 && e.Ack != nil {
				t.Errorf("message %d of one visitor is stored", j)
			}
		}
		g.cancel()
	}
	if said != housemates*3 {
		t.Errorf("%d messages from one address are stored, of %d that may be", said, housemates*3)
	}
	resp, _ := n.ask("POST", "/send", `{"room":"r","name":"new","text":"x","key":"p"}`)
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one more by POST: %s", resp.Status)
	}
	g := n.socket(l, query("r", "mad", ""))
	for i := range patience + 10 {
		g.say("x", fmt.Sprint("m", i))
	}
	if err := g.ended(); err.Code != ws.PolicyViolation || err.Reason != errFast.Error() {
		t.Errorf("who does not stop: %v", err)
	}
}

func TestLimitsOfAddresses(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2::1": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "unix": "unix",
	} {
		if got := network(addr); got != want {
			t.Errorf("%s is %s, not %s", addr, got, want)
		}
	}
	var l limits
	for i := range mostLimits + 10 {
		l.allow(fmt.Sprint(i), "", 1, 1)
	}
	if len(l.all) > mostLimits {
		t.Errorf("%d limits are kept", len(l.all))
	}
}

// mute connects, asks, and does not read.
func (n *node) mute(target string, fields ...string) *net.TCPConn {
	n.t.Helper()
	a, _ := net.ResolveTCPAddr("tcp", n.host)
	c, err := net.DialTCP("tcp", nil, a)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	c.SetReadBuffer(128 << 10) // with much less, reading what waits would take longer than the server waits
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n", target)
	for _, f := range fields {
		fmt.Fprintf(c, "%s\r\n", f)
	}
	io.WriteString(c, "\r\n")
	return c
}

// One who does not read is dropped, and finds out why when it reads at last; the
// others get everything meanwhile.
func TestSlowReaderIsDroppedWithAWord(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.MaxText, h.Keep = 100_000, 50 })
	ann := n.socket(loop(t), query("r", "ann", ""))
	ann.count(1)
	socket := n.mute("/ws?"+query("r", "ben", ""), "Connection: Upgrade", "Upgrade: websocket",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
	stream := n.mute("/events?" + query("r", "cleo", ""))
	ann.count(3)
	text := strings.Repeat("x", 99_000)
	// The stream has left when its last word is written. The socket has not until it has
	// closed, but it has the same bound: some more is surely beyond it.
	for i, more := 0, 20; more > 0; i++ {
		said := fmt.Sprint(i, text)
		n.post("r", "ann", said, fmt.Sprint("k", i))
		ann.hears(said)
		if n.house.Stats().Visitors.Streams == 0 {
			more--
		}
		if i > 2000 {
			t.Fatalf("nobody is dropped: %+v", n.house.Stats())
		}
	}
	endsWith := func(what string, c net.Conn, want string) {
		c.SetReadDeadline(time.Now().Add(patienceOfTests))
		var last []byte
		for b := make([]byte, 64<<10); !strings.HasSuffix(string(last), want); {
			m, err := c.Read(b)
			if err != nil {
				t.Errorf("a %s ends with %q and %v", what, last, err)
				return
			}
			last = append(last, b[:m]...)
			last = last[max(len(last)-100, 0):]
		}
	}
	// A close frame: 0x88, the length, 1013, the reason.
	endsWith("WebSocket", socket, "\x88\x0a\x03\xf5too slow")
	endsWith("stream", stream, `data: [{"end":"too slow"}]`+"\n\n\r\n0\r\n\r\n")
	socket.Close()
	ann.count(1) // both have left
}

// Catching up with a long history, one who does not read makes us hold one piece of it.
func TestMuteVisitorHoldsOnePiece(t *testing.T) {
	t.Parallel()
	n := serve(t, "", func(h *rooms.House, _ *Site) { h.MaxText = 100_000 })
	first := n.post("r", "ann", "first", "k")
	text := strings.Repeat("x", 99_000)
	for i := range 200 { // 20 MB, more than the kernel holds
		n.post("r", "ann", text[i:], fmt.Sprint("k", i))
	}
	ann := n.socket(loop(t), query("r", "ann", ""))
	ann.told()
	for i := range 3 {
		n.mute("/events?" + query("r", fmt.Sprint("ben", i), first))
		n.mute("/ws?"+query("r", fmt.Sprint("cleo", i), first), "Connection: Upgrade", "Upgrade: websocket",
			"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
	}
	ann.count(7)
	n.post("r", "ann", "and on", "on")
	ann.hears("and on")
	if st := n.house.Stats(); st.Visitors.Sockets != 1 || st.Visitors.Streams != 0 {
		t.Errorf("those who have not caught up get what comes, beyond what they have not taken: %+v", st)
	}
}

// A restart is said, by each transport that stays connected, to one as well who waits until
// the room has what the visitor has seen elsewhere.
func TestRestartIsSaid(t *testing.T) {
	t.Parallel()
	n := serve(t, "", nil)
	socket, stream := n.socket(loop(t), query("r", "ann", "")), n.stream(query("r", "ben", ""))
	ahead := n.j.Epoch() + "-999999"
	early := []*guest{n.socket(loop(t), query("r", "dora", ahead)), n.stream(query("r", "eve", ahead))}
	socket.count(4)
	n.house.Close()
	if err := early[0].ended(); err.Code != ws.ServiceRestart {
		t.Errorf("a WebSocket that waits ends with %v", err)
	}
	early[1].next("the end", func(e event) bool { return e.End != "" })
	if err := socket.ended(); err.Code != ws.ServiceRestart || err.Reason == "" {
		t.Errorf("a WebSocket ends with %v", err)
	}
	if e := stream.next("the end", func(e event) bool { return e.End != "" }); !strings.Contains(e.End, "restart") {
		t.Errorf("a stream ends with %+v", e)
	}
	if resp, body := n.ask("GET", "/wait?"+query("r", "cleo", ""), ""); resp.StatusCode != 503 {
		t.Errorf("one who comes then: %s %s", resp.Status, body)
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	n := serve(t, "", nil)
	for path, allow := range map[string]string{"/": "GET, HEAD", "/wait": "GET, HEAD", "/events": "GET, HEAD", "/send": "POST"} {
		if resp, _ := n.ask("PUT", path, ""); resp.StatusCode != 405 || resp.Header.Get("Allow") != allow {
			t.Errorf("PUT %s: %s, Allow %q", path, resp.Status, resp.Header.Get("Allow"))
		}
	}
	if resp, _ := n.ask("GET", "/ws?"+query("r", "ann", ""), ""); resp.StatusCode != 426 {
		t.Errorf("/ws without an upgrade: %s", resp.Status)
	}
	if resp, _ := n.ask("POST", "/send", "{"); resp.StatusCode != 400 {
		t.Errorf("no JSON: %s", resp.Status)
	}
}

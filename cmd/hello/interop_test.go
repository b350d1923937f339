// Other people's clients, and a proxy in front. A tool that is not installed is
// skipped, unless LURCHER_INTEROP=1 says that all of them are.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/program"
)

// pattern returns n bytes that do not repeat in step with anybody's buffers.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

func TestCurl(t *testing.T) {
	t.Parallel()
	s := start(t)
	big := string(pattern(3 << 20))
	curl := func(in string, args ...string) string {
		t.Helper()
		return program.Run(t, strings.NewReader(in), "curl", append([]string{"-sS", "--max-time", "60"}, args...)...)
	}
	for _, c := range []struct {
		name, in string
		args     []string
		want     string
	}{
		{"keep-alive", "", []string{s.url, s.url, "-w", "%{num_connects}"}, "Hello World\n1Hello World\n0"},
		{"post", "", []string{"-d", "a=1&b=2", s.url + "/echo"}, "a=1&b=2"},
		{"post a file", big, []string{"--data-binary", "@-", "-H", "Expect:", s.url + "/echo"}, big},
		{"chunked upload", big, []string{"-T", "-", s.url + "/upload"}, strconv.Itoa(len(big)) + " bytes\n"},
		{"chunked echo", big, []string{"-T", "-", s.url + "/echo"}, big},
		{"expect", "", []string{"-H", "Expect: 100-continue", "-d", "yes", "-w", "%{http_code}", s.url + "/echo"}, "yes200"},
		{"http/1.0", "", []string{"-0", s.url, "-w", "%{http_version}"}, "Hello World\n1.1"},
		{"http/1.0 stream", "", []string{"-0", s.url + "/stream?n=2&ms=1"}, "chunk 1\nchunk 2\n"},
		{"http/1.0 echo", "", []string{"-0", "-d", "old", s.url + "/echo"}, "old"},
		{"http/1.0 keep-alive", "", []string{"-0", "-H", "Connection: keep-alive", s.url, s.url, "-w", "%{num_connects}"}, "Hello World\n1Hello World\n0"},
		{"head", "", []string{"-I", "-o", os.DevNull, s.url, "-w", "%{http_code} %header{content-length}"}, "200 12"},
		{"missing", "", []string{s.url + "/none", "-w", "%{http_code}"}, "there is no such page\n404"},
		{"absolute-form", "", []string{"-x", s.url, "http://example.org/"}, "Hello World\n"},
		{"parallel", "", []string{"-Z", s.url + "/delay?ms=50", s.url + "/delay?ms=50"}, "Hello World\nHello World\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := curl(c.in, c.args...); got != c.want {
				t.Errorf("%d bytes %.80q, want %d bytes %.80q", len(got), got, len(c.want), c.want)
			}
		})
	}
	// 100 Continue is seen to come: curl says so.
	out, err := exec.Command(program.Tool(t, "curl"), "-sSv", "--expect100-timeout", "60", "-H", "Expect: 100-continue",
		"-d", "x", s.url+"/echo").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("< HTTP/1.1 100 Continue")) {
		t.Errorf("no 100 Continue: %v\n%s", err, out)
	}
}

func TestNetcat(t *testing.T) {
	t.Parallel()
	s := start(t)
	host, port, _ := net.SplitHostPort(s.addr)
	for _, c := range []struct{ name, in, want string }{
		{"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", `(?s)^HTTP/1.1 200 OK\r\n.*\r\n\r\nHello World\n$`},
		{"pipelined", strings.Repeat("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 3), `(?s)^(HTTP/1.1 200 OK\r\n.*?\r\n\r\nHello World\n){3}$`},
		{"answers in order", "GET /delay?ms=50 HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\n", `(?s)^HTTP/1.1 200 .*HTTP/1.1 404 `},
		{"malformed", "GET / HTTP/1.1\nHost: a\n\n", `(?s)^HTTP/1.1 400 .*\r\nConnection: close\r\n.*\r\n\r\n400 Bad Request: [^\n]+\n$`},
		{"body cut off", "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345", `^HTTP/1.1 400 `},
		{"half-closed", "GET /delay?ms=100 HTTP/1.1\r\nHost: a\r\n\r\n", `(?s)^HTTP/1.1 200 OK\r\n.*\r\n\r\nHello World\n$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			// -N half-closes once all is sent: what is owed still comes.
			got := program.Run(t, strings.NewReader(c.in), "nc", "-N", host, port)
			if !regexp.MustCompile(c.want).MatchString(got) {
				t.Errorf("%q, want %s", got, c.want)
			}
		})
	}
}

// figure returns the number after a label in a tool's report.
func figure(t *testing.T, report, label string) int {
	t.Helper()
	m := regexp.MustCompile(regexp.QuoteMeta(label) + `\s*(\d+)`).FindStringSubmatch(report)
	if m == nil {
		t.Fatalf("no %q in:\n%s", label, report)
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

func TestAB(t *testing.T) {
	t.Parallel()
	s := start(t)
	post := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(post, pattern(10_000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		kept int
	}{
		{"without -k", []string{s.url + "/"}, 0},
		{"with -k", []string{"-k", s.url + "/"}, 1000},
		{"post", []string{"-k", "-p", post, s.url + "/echo"}, 1000},
		{"delay", []string{"-k", s.url + "/delay?ms=1"}, 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := program.Run(t, nil, "ab", append([]string{"-q", "-n", "1000", "-c", "20"}, c.args...)...)
			if figure(t, out, "Complete requests:") != 1000 || figure(t, out, "Failed requests:") != 0 || strings.Contains(out, "Non-2xx") {
				t.Error(out)
			}
			if c.kept > 0 && figure(t, out, "Keep-Alive requests:") != c.kept {
				t.Error(out)
			}
		})
	}
}

func TestWrk(t *testing.T) {
	t.Parallel()
	s := start(t)
	out := program.Run(t, nil, "wrk", "-t", "1", "-c", "16", "-d", "1s", "--timeout", "60s", s.url+"/")
	if strings.Contains(out, "Non-2xx") || strings.Contains(out, "Socket errors") || !regexp.MustCompile(`[1-9]\d* requests in`).MatchString(out) {
		t.Error(out)
	}
	c := s.stats()
	if c.Status[2] < 16 || c.Status[4]+c.Status[5] > 0 {
		t.Errorf("%+v", c)
	}
}

func TestH2load(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/", "/stream?n=3&ms=0"} {
		// -m: pipelined, for HTTP/1.1
		out := program.Run(t, nil, "h2load", "--h1", "-n", "2000", "-c", "10", "-m", "4", s.url+path)
		if figure(t, out, "status codes:") != 2000 || !strings.Contains(out, "2000 succeeded, 0 failed, 0 errored") {
			t.Error(out)
		}
	}
}

const nodeClient = `
const http = require('http');
const base = process.argv[1];
const agent = new http.Agent({keepAlive: true, maxSockets: 2});
const sockets = new Set();
function ask(method, path, body) {
  return new Promise((resolve, reject) => {
    const q = http.request(base + path, {method, agent}, r => {
      const parts = [];
      r.on('data', p => parts.push(p));
      r.on('end', () => resolve({status: r.statusCode, body: Buffer.concat(parts)}));
      r.on('error', reject);
    });
    q.on('socket', s => sockets.add(s));
    q.on('error', reject);
    if (body) for (const b of body) q.write(b); // chunked
    q.end();
  });
}
(async () => {
  const out = {ok: 0};
  for (let i = 0; i < 100; i++) if ((await ask('GET', '/')).body.toString() === 'Hello World\n') out.ok++;
  const pieces = Array.from({length: 50}, (_, i) => Buffer.alloc(20000, i));
  out.echo = (await ask('POST', '/echo', pieces)).body.equals(Buffer.concat(pieces));
  out.stream = (await ask('GET', '/stream?n=3&ms=5')).body.toString();
  const all = await Promise.all(Array.from({length: 20}, () => ask('GET', '/delay?ms=5')));
  out.delays = all.filter(r => r.status === 200).length;
  out.sockets = sockets.size;
  console.log(JSON.stringify(out));
  agent.destroy();
})().catch(e => { console.error(e); process.exit(1); });
`

func TestNode(t *testing.T) {
	t.Parallel()
	s := start(t)
	var got struct {
		Ok, Delays, Sockets int
		Echo                bool
		Stream              string
	}
	out := program.Run(t, nil, "node", "-e", nodeClient, s.url)
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Ok != 100 || !got.Echo || got.Stream != "chunk 1\nchunk 2\nchunk 3\n" || got.Delays != 20 || got.Sockets > 2 {
		t.Errorf("%+v", got)
	}
}

func TestNetHTTPKeepAlive(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	dials := 0
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{ConnectStart: func(_, _ string) { dials++ }})
	for range 200 {
		q, _ := http.NewRequestWithContext(ctx, "GET", s.url, nil)
		r, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(b) != "Hello World\n" {
			t.Fatalf("%q, %v", b, err)
		}
	}
	if dials != 1 {
		t.Errorf("%d connections for 200 requests", dials)
	}
}

// Both ways at once: each piece is sent after the one before has come back.
func TestNetHTTPStreamsBothWays(t *testing.T) {
	t.Parallel()
	s := start(t)
	body, feed := io.Pipe()
	q, _ := http.NewRequestWithContext(t.Context(), "POST", s.url+"/echo", body)
	sent := []byte("ping ")
	go feed.Write(sent)
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	for i := range 100 {
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(r.Body, got); err != nil || !bytes.Equal(got, sent) {
			t.Fatalf("piece %d: %q, %v", i, got, err)
		}
		sent = fmt.Appendf(nil, "ping %d ", i)
		go feed.Write(sent)
	}
	rest := make([]byte, len(sent))
	io.ReadFull(r.Body, rest)
	feed.Close()
	if b, err := io.ReadAll(r.Body); len(b) > 0 || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// A cancelled request closes its connection, and the server notices. (/delay is
// not among these paths: to a client that sent a FIN and may still read, its
// answer is owed, and nothing is written before by which it would show that
// this one does not.)
func TestNetHTTPCancel(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/wait", "/stream?n=100000000&ms=0", "/stream?n=100000000&ms=1", "/events"} {
		before := s.stats()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		// Its connection is its own: two who share a client dial for each other at times, and one more stays idle.
		client := &http.Client{Transport: new(http.Transport)}
		go func() {
			q, _ := http.NewRequestWithContext(ctx, "GET", s.url+path, nil)
			r, err := client.Do(q)
			if err == nil {
				io.Copy(io.Discard, io.LimitReader(r.Body, 1))
				<-ctx.Done()
				r.Body.Close()
			}
			done <- err
		}()
		s.until(path+" is under way", func(c counters) bool { return c.Conns > before.Conns || c.Waiting+c.Events > 0 })
		cancel()
		<-done
		s.until(path+" is over", func(c counters) bool { return c.Conns == 1 && c.Waiting+c.Events == 0 })
	}
}

// nginx is started in front of hello, with connections to it kept alive, on a
// Unix socket, since it cannot tell which port it picked. The client answered
// goes through it.
func nginx(t *testing.T, s *site) *http.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "nginx") // short enough for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	conf := strings.NewReplacer("DIR", dir, "HELLO", s.addr).Replace(`
daemon off; master_process off; pid DIR/pid; error_log stderr warn;
events { worker_connections 256; }
http {
	access_log off;
	client_max_body_size 0;
	client_body_temp_path DIR/body; proxy_temp_path DIR/proxy; fastcgi_temp_path DIR/f; uwsgi_temp_path DIR/u; scgi_temp_path DIR/s;
	upstream hello { server HELLO; keepalive 4; }
	server {
		listen unix:DIR/front;
		location / {
			proxy_pass http://hello; proxy_http_version 1.1; proxy_set_header Connection "";
			proxy_buffering off; proxy_request_buffering off;
		}
		location /buffered/ {
			proxy_pass http://hello/; proxy_http_version 1.1; proxy_set_header Connection "";
		}
		location /old/ { proxy_pass http://hello/; } # HTTP/1.0, Connection: close
	}
}`)
	if err := os.WriteFile(dir+"/conf", []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.Command(program.Tool(t, "nginx"), "-p", dir, "-c", dir+"/conf", "-e", "stderr")
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if bytes.Contains(stderr.Bytes(), []byte("[error]")) || t.Failed() {
			t.Errorf("nginx says:\n%s", &stderr)
		}
	})
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", dir+"/front")
		},
	}}
	t.Cleanup(client.CloseIdleConnections)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("unix", dir+"/front")
		if err == nil {
			c.Close()
			return client
		}
		if time.Now().After(end) {
			t.Fatalf("nginx does not listen: %v\n%s", err, &stderr)
		}
	}
}

func TestNginx(t *testing.T) {
	t.Parallel()
	s := start(t)
	client := nginx(t, s)
	ask := func(method, path string, body []byte, chunked bool) (string, error) {
		q, err := http.NewRequestWithContext(t.Context(), method, "http://front"+path, bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		if chunked {
			q.ContentLength = -1
		}
		r, err := client.Do(q)
		if err != nil {
			return "", err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if r.StatusCode != 200 {
			return "", fmt.Errorf("status %d", r.StatusCode)
		}
		return string(b), err
	}
	before := s.stats().Accepted
	for range 200 {
		if got, err := ask("GET", "/", nil, false); got != "Hello World\n" || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	if n := s.stats().Accepted - before; n > 4 {
		t.Errorf("nginx needed %d connections for 200 requests", n)
	}
	big := pattern(2 << 20)
	for _, front := range []string{"", "/buffered", "/old"} {
		for _, chunked := range []bool{false, true} {
			if got, err := ask("POST", front+"/echo", big, chunked); got != string(big) || err != nil {
				t.Errorf("%s/echo, chunked %v: %d bytes of %d, %v", front, chunked, len(got), len(big), err)
			}
			want := strconv.Itoa(len(big)) + " bytes\n"
			if got, err := ask("POST", front+"/upload", big, chunked); got != want || err != nil {
				t.Errorf("%s/upload, chunked %v: %q, %v", front, chunked, got, err)
			}
		}
		if got, err := ask("GET", front+"/stream?n=3&ms=5", nil, false); got != "chunk 1\nchunk 2\nchunk 3\n" || err != nil {
			t.Errorf("%s/stream: %q, %v", front, got, err)
		}
		if got, err := ask("GET", front+"/delay?ms=20", nil, false); got != "Hello World\n" || err != nil {
			t.Errorf("%s/delay: %q, %v", front, got, err)
		}
	}
}

// Transport through proxies and over TLS, and what is left of it afterwards.

package nethttp

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/internal/loopback"
	"github.com/lurcher-net/lurcher/server"
)

// aProxy is a proxy for http and https, which wants a password and notes what it is
// asked.
type aProxy struct {
	mu    sync.Mutex
	asked []string
}

func (p *aProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.RequestURI+" "+r.Host+" "+r.Header.Get("Proxy-Authorization")+" "+r.Header.Get("X-Connect"))
	p.mu.Unlock()
	if r.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
		w.WriteHeader(407)
		return
	}
	if r.Method != "CONNECT" {
		(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(w, r)
		return
	}
	up, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(502)
		return
	}
	w.WriteHeader(200)
	c, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	go func() { io.Copy(up, rw); up.Close() }() // which has what came meanwhile
	io.Copy(c, up)
	c.Close()
}

// serveSocks runs a SOCKS5 proxy that wants a password, and returns its address.
func serveSocks(t *testing.T) string {
	return loopback.Serve(t, func(p *loopback.Peer) {
		read := func(n int) []byte { b := make([]byte, n); io.ReadFull(p.In, b); return b }
		read(int(read(2)[1]))
		p.Write([]byte{5, 2})
		name := string(read(int(read(2)[1])))
		if password := string(read(int(read(1)[0]))); name+":"+password != "me:secret" {
			p.Write([]byte{1, 1})
			return
		}
		p.Write([]byte{1, 0})
		var host string
		switch read(4)[3] {
		case 1:
			host = net.IP(read(4)).String()
		case 3:
			host = string(read(int(read(1)[0])))
		}
		port := binary.BigEndian.Uint16(read(2))
		up, err := net.Dial("tcp", net.JoinHostPort(host, fmt.Sprint(port)))
		if err != nil {
			p.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		p.Write([]byte{5, 0, 0, 3, 1, 'x', 0, 0})
		go func() { io.Copy(up, p.In); up.Close() }()
		io.Copy(p, up)
	}).String()
}

func get2(t *testing.T, tr http.RoundTripper, url, want string) {
	t.Helper()
	for range 2 {
		resp, err := (&http.Client{Transport: tr, Timeout: patience}).Post(url, "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Error(err)
			return
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(b) != want || err != nil {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
		if resp.TLS == nil && strings.HasPrefix(url, "https:") {
			t.Errorf("TLS %v of %s", resp.TLS, url)
		}
	}
}

// TestProxies: http in absolute form, https by CONNECT, both by SOCKS5 too, through proxies
// that speak TLS and ones that do not, with a password.
func TestProxies(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %q", r.Method, r.RequestURI, b)
	})
	plain, secure := httptest.NewServer(h), httptest.NewTLSServer(h)
	defer plain.Close()
	defer secure.Close()
	p, sp := new(aProxy), new(aProxy)
	proxy, secureProxy := httptest.NewServer(p), httptest.NewTLSServer(sp)
	defer proxy.Close()
	defer secureProxy.Close()
	defer plain.CloseClientConnections()
	for name, via := range map[string]string{"http": proxy.URL, "https": secureProxy.URL, "socks5": "socks5://" + serveSocks(t)} {
		u, _ := url.Parse(via)
		u.User = url.UserPassword("me", "secret")
		tr := &Transport{Proxy: http.ProxyURL(u), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ProxyConnectHeader: http.Header{"X-Connect": {"yes"}}}
		get2(t, tr, plain.URL+"/a?b", `POST /a?b "hello"`)
		get2(t, tr, secure.URL+"/a?b", `POST /a?b "hello"`)
		u2 := *u
		u2.User = url.UserPassword("me", "wrong")
		wrong := &Transport{Proxy: http.ProxyURL(&u2), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		_, err := (&http.Client{Transport: wrong}).Get(secure.URL)
		theirs := &http.Transport{Proxy: wrong.Proxy, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		_, want := (&http.Client{Transport: theirs}).Get(secure.URL)
		if err == nil || name != "socks5" && err.Error() != want.Error() || opOf(err) != opOf(want) {
			t.Errorf("%s: %v, of net/http %v", name, err, want)
		}
		wrong.Close()
		tr.Close()
	}
	addr := func(s string) string { _, a, _ := strings.Cut(s, "://"); return a }
	for _, p := range []*aProxy{p, sp} {
		p.mu.Lock()
		got := strings.Join(p.asked, "\n")
		p.mu.Unlock()
		for _, want := range []string{
			"POST " + plain.URL + "/a?b " + addr(plain.URL) + " Basic bWU6c2VjcmV0 ",
			"CONNECT " + addr(secure.URL) + " " + addr(secure.URL) + " Basic bWU6c2VjcmV0 yes",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("the proxy was asked\n%s\nwant %s", got, want)
			}
		}
		if n := strings.Count(got, "yes"); n != 1 {
			t.Errorf("%d times CONNECT for two requests", n)
		}
	}
}

// opOf returns what a net.OpError says that has failed.
func opOf(err error) string {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Op
	}
	return ""
}

// TestProxyErrors: what goes wrong on the way to a proxy, and with it, is what net/http makes of it.
func TestProxyErrors(t *testing.T) {
	t.Parallel()
	p := httptest.NewServer(new(aProxy))
	defer p.Close()
	at, _ := url.Parse(p.URL)
	why := errors.New("why")
	say := func(tr http.RoundTripper, u string) string {
		_, err := tr.RoundTrip(httptest.NewRequest("GET", u, nil))
		if c, ok := tr.(io.Closer); ok {
			c.Close()
		}
		return fmt.Sprint(errors.Is(err, why), opOf(err))
	}
	for name, s := range map[string]settings{
		"nobody listens":         {Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: "127.0.0.1:1"})},
		"no TLS":                 {Proxy: http.ProxyURL(&url.URL{Scheme: "https", Host: at.Host})},
		"no scheme":              {Proxy: http.ProxyURL(&url.URL{Host: at.Host})},
		"Proxy":                  {Proxy: func(*http.Request) (*url.URL, error) { return nil, why }},
		"GetProxyConnectHeader":  {Proxy: http.ProxyURL(at), GetProxyConnectHeader: func(context.Context, *url.URL, string) (http.Header, error) { return nil, why }},
		"OnProxyConnectResponse": {Proxy: http.ProxyURL(at), OnProxyConnectResponse: func(context.Context, *url.URL, *http.Request, *http.Response) error { return why }},
		"DialContext":            {Proxy: http.ProxyURL(at), DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, fmt.Errorf("wrapped: %w", why) }},
	} {
		for _, u := range []string{"http://a.example/", "https://a.example/"} {
			if want, got := say(s.on(&http.Transport{}), u), say(s.on(&Transport{}), u); got != want {
				t.Errorf("%s, %s: %q, of net/http %q", name, u, got, want)
			}
		}
	}
	tr := &Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "ftp", Host: at.Host})}
	defer tr.Close()
	if _, err := tr.RoundTrip(httptest.NewRequest("GET", "http://a.example/", nil)); err == nil || !strings.Contains(err.Error(), `"ftp"`) {
		t.Errorf("a proxy that speaks ftp: %v", err)
	}
}

// TestTransportTLS: names are checked, the handshake has its time, and httptrace is
// told of it.
func TestTransportTLS(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	defer s.Close()
	s.Config.ErrorLog = nil
	cfg := s.Client().Transport.(*http.Transport).TLSClientConfig
	tr := &Transport{TLSClientConfig: cfg}
	defer tr.Close()
	get2(t, tr, s.URL, "HTTP/1.1")
	bad := &Transport{}
	defer bad.Close()
	var unknown *tls.CertificateVerificationError
	if _, err := (&http.Client{Transport: bad}).Get(s.URL); !errors.As(err, &unknown) {
		t.Errorf("a certificate that nobody knows: %v", err)
	}
	looked := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{TLSHandshakeDone: func(tls.ConnectionState, error) {}})
	asked, _ := http.NewRequestWithContext(looked, "GET", s.URL, nil)
	unknown = nil
	if _, err := bad.RoundTrip(asked); !errors.As(err, &unknown) {
		t.Errorf("the same, under httptrace: %v", err)
	}

	var said []string
	var mu sync.Mutex
	say := func(s string) { mu.Lock(); defer mu.Unlock(); said = append(said, s) }
	traced := &Transport{TLSClientConfig: cfg}
	defer traced.Close()
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
		DNSStart:          func(i httptrace.DNSStartInfo) { say("DNSStart " + i.Host) },
		DNSDone:           func(i httptrace.DNSDoneInfo) { say("DNSDone") },
		ConnectDone:       func(_, _ string, err error) { say(fmt.Sprint("ConnectDone ", err)) },
		TLSHandshakeStart: func() { say("TLSHandshakeStart") },
		TLSHandshakeDone: func(st tls.ConnectionState, err error) {
			say(fmt.Sprint("TLSHandshakeDone ", st.HandshakeComplete, err))
		},
		GotConn: func(httptrace.GotConnInfo) { say("GotConn") },
	})
	req, _ := http.NewRequestWithContext(ctx, "GET", strings.Replace(s.URL, "127.0.0.1", "localhost", 1), nil)
	traced.TLSClientConfig = cfg.Clone()
	traced.TLSClientConfig.ServerName = "example.com"
	resp, err := traced.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	mu.Lock()
	got := strings.Join(said, ", ")
	mu.Unlock()
	if !strings.HasPrefix(got, "DNSStart localhost, DNSDone, ConnectDone") || !strings.HasSuffix(got, "ConnectDone <nil>, TLSHandshakeStart, TLSHandshakeDone true <nil>, GotConn") {
		t.Errorf("%s", got)
	}

	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	slow := &Transport{TLSHandshakeTimeout: 50 * time.Millisecond}
	defer slow.Close()
	_, err = slow.RoundTrip(httptest.NewRequest("GET", "https://"+mute.Addr().String(), nil))
	var n net.Error
	if !errors.As(err, &n) || !n.Timeout() {
		t.Errorf("a handshake that takes too long: %v", err)
	}
}

// TestUploadThatBlocks: neither a cancelled upload nor one that was answered hangs in
// the body's Read; the body is closed, and its goroutine ends.
func TestUploadThatBlocks(t *testing.T) {
	t.Parallel()
	url := serveAsked(t, nil, func(c net.Conn, in lineReader) {
		if strings.HasPrefix(in.text(), "PUT") {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
		in.ReadByte()
	})
	tr := &Transport{}
	defer tr.Close()
	for _, method := range []string{"POST", "PUT"} {
		for _, length := range []int64{-1, 5} {
			ctx, cancel := context.WithCancel(context.Background())
			body := &blocked{closed: make(chan bool)}
			req, _ := http.NewRequestWithContext(ctx, method, url, body)
			req.ContentLength = length
			if method == "POST" {
				time.AfterFunc(20*time.Millisecond, cancel)
			}
			resp, err := tr.RoundTrip(req)
			if method == "POST" && err != context.Canceled || method == "PUT" && err != nil {
				t.Errorf("%s: %v", method, err)
			}
			if err == nil {
				io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			wait(t, body.closed)
			cancel()
		}
	}
}

// TestTransportLeavesNothing: many requests at a time, some of which are cancelled or not
// read to their end; afterwards there are no goroutines, descriptors or loops.
func TestTransportLeavesNothing(t *testing.T) {
	s := loopback.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n)
		for range 30 {
			if r.URL.Path == "/long" {
				io.WriteString(w, long)
			}
		}
	}))
	defer s.Close()
	descriptors := func() int {
		if runtime.GOOS == "windows" {
			return 0 // they cannot be counted: see loopback.Descriptors
		}
		return loopback.Descriptors(t)
	}
	goroutines, files := runtime.NumGoroutine(), descriptors()
	tr := &Transport{}
	c := &http.Client{Transport: tr, Timeout: patience}
	var wg sync.WaitGroup
	for g := range 16 {
		wg.Go(func() {
			for i := range 40 {
				ctx, cancel := context.WithCancel(context.Background())
				path := []string{"/", "/long"}[i%2]
				req, _ := http.NewRequestWithContext(ctx, "POST", s.URL+path, io.LimitReader(endless{}, int64((g*i*997)%100_000)))
				switch (g + i) % 5 {
				case 0:
					go cancel()
				case 1:
					time.AfterFunc(time.Millisecond, cancel)
				}
				resp, err := c.Do(req)
				if err == nil {
					if i%3 > 0 {
						_, err = io.Copy(io.Discard, resp.Body)
					}
					resp.Body.Close()
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	tr.CloseIdleConnections()
	s.CloseClientConnections()
	until(t, "all is gone", func() bool { return runtime.NumGoroutine() <= goroutines+1 && descriptors() <= files })
	get2(t, tr, s.URL, "5\n") // and it goes on
	tr.Close()
	if _, err := c.Get(s.URL); !errors.Is(err, net.ErrClosed) {
		t.Errorf("behind Close: %v", err)
	}
}

// TestTransportClose ends what is under way.
func TestTransportClose(t *testing.T) {
	t.Parallel()
	url := serveAsked(t, nil, silent)
	tr := &Transport{}
	said := make(chan error, 1)
	arrived := make(chan bool, 1)
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { arrived <- true }})
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		_, err := tr.RoundTrip(req)
		said <- err
	}()
	wait(t, arrived)
	tr.Close()
	if err := wait(t, said); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

// TestReverseProxy: net/http's own, on both sides ours, with bodies, trailers, early hints
// and a protocol that is switched.
func TestReverseProxy(t *testing.T) {
	t.Parallel()
	needHandOver(t)
	back := start(t, &server.Server{}, Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			switchTo(101, shout, nil)(w, r, func(string, ...any) {})
			return
		}
		w.Header().Set("Link", "</a>")
		w.WriteHeader(103)
		w.Header().Set("Trailer", "X-Sum")
		n, err := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, err))
	}), 0))
	tr := &Transport{}
	defer tr.Close()
	to, _ := url.Parse("http://" + back.addr.String())
	front := start(t, &server.Server{}, Handler(&httputil.ReverseProxy{Transport: tr, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}, 0))

	jar, _ := cookiejar.New(nil)
	c := &http.Client{Transport: &Transport{}, Jar: jar, Timeout: patience}
	defer c.Transport.(*Transport).Close()
	hints := 0
	ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
		if code == 103 {
			hints++
		}
		return nil
	}})
	body := strings.Repeat(long, 5)
	req, _ := http.NewRequestWithContext(ctx, "POST", "http://"+front.addr.String(), struct{ io.Reader }{strings.NewReader(body)})
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if string(b) != body || err != nil || resp.Trailer.Get("X-Sum") != fmt.Sprint(len(body), nil) || hints != 1 {
		t.Errorf("%d bytes, %v, trailer %v, %d hints", len(b), err, resp.Trailer, hints)
	}
	k := front.dial()
	k.Send(get("/", offer...))
	if a, err := k.Answer("GET"); err != nil || a.StatusCode != 101 {
		t.Errorf("%v, %v", a.Response, err)
	}
	if a, err := k.Answer("GET"); err != nil || a.Header.Get("X-Behind") != "1" {
		t.Errorf("behind 101: %v, %v", a.Response, err)
	}
}

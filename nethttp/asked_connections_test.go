// What Transport is asked about its connections: which are used again, and what httptrace hears of them.

package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"time"
)

// flaky closes each connection after its nth answer, without having said so, when the next
// request has come.
func flaky(n int) func(c net.Conn, in lineReader) {
	return func(c net.Conn, in lineReader) {
		for i := 0; in.head(); i++ {
			if i == n {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
		}
	}
}

var askedConnections = []asked{
	{name: "one is used again", h: func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }, do: func(c *http.Client, url string, say say) {
		said := map[string]bool{}
		for range 5 {
			resp, err := c.Get(url)
			if err != nil {
				say("%v", err)
				return
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			said[string(b)] = true
		}
		say("%d connections", len(said))
	}},
	{name: "MaxConnsPerHost", set: settings{MaxConnsPerHost: 2}, h: func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		io.WriteString(w, r.RemoteAddr)
	}, do: func(c *http.Client, url string, say say) {
		var mu sync.Mutex
		said := map[string]bool{}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				resp, err := c.Get(url)
				if err != nil {
					say("%v", err)
					return
				}
				b, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				mu.Lock()
				defer mu.Unlock()
				said[string(b)] = true
			})
		}
		wg.Wait()
		say("%d connections", len(said))
	}},
	{name: "a connection that died is not the caller's fault: GET", raw: flaky(1), do: repeat(6, "GET", nil)},
	{name: "a connection that died: HEAD, OPTIONS", raw: flaky(1), do: repeat(4, "OPTIONS", nil)},
	{name: "a connection that died: POST", raw: flaky(1), do: repeat(2, "POST", text("x"))},
	{name: "a connection that died: POST with an Idempotency-Key", raw: flaky(1), do: func(c *http.Client, url string, say say) {
		for range 3 {
			req, _ := http.NewRequest("POST", url, strings.NewReader("x"))
			req.Header.Set("Idempotency-Key", "1")
			resp, err := c.Do(req)
			show(say, resp, err)
		}
	}},
	{name: "MaxIdleConnsPerHost: none is kept", set: settings{MaxIdleConnsPerHost: -1, DialContext: dialAlias}, h: remote, do: connections("a", "a", "a")},
	{name: "MaxIdleConns", set: settings{MaxIdleConns: 2, DialContext: dialAlias}, h: remote, do: connections("a", "b", "a", "b", "c", "b", "c", "a")},
	{name: "DialContext", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}}, do: askFor("GET", nil, nil)},
	{name: "DialContext without a socket", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return struct{ net.Conn }{c}, err
	}}, do: askFor("POST", stream(long), nil)},
	{name: "DialContext that fails", h: echo, set: settings{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		return nil, io.ErrClosedPipe
	}}, do: func(c *http.Client, url string, say say) {
		_, err := c.Get(url)
		say("%v", errors.Is(err, io.ErrClosedPipe))
	}},
	{name: "httptrace", h: echo, do: traced("GET", nil)},
	{name: "httptrace of a POST", h: echo, do: traced("POST", stream("hello"))},
	{name: "httptrace of interim answers", raw: always("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), do: traced("GET", nil)},
}

// repeat asks again and again. Both Transports have a connection back before the caller sees
// the end of the answer, so the next request finds it.
func repeat(n int, method string, body func() io.Reader) func(c *http.Client, url string, say say) {
	return func(c *http.Client, url string, say say) {
		for range n {
			var b io.Reader
			if body != nil {
				b = body()
			}
			req, _ := http.NewRequest(method, url, b)
			resp, err := c.Do(req)
			show(say, resp, err)
		}
	}
}

// remote answers with the client's address.
func remote(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.RemoteAddr) }

// dialAlias is DialContext for hosts whose names are "a.PORT" and so on.
func dialAlias(ctx context.Context, network, addr string) (net.Conn, error) {
	_, port, _ := strings.Cut(strings.TrimSuffix(addr, ":80"), ".")
	return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
}

// connections asks the hosts one after the other, and says which of the connections had been
// used before.
func connections(hosts ...string) func(c *http.Client, url string, say say) {
	return func(c *http.Client, url string, say say) {
		seen := map[string]bool{}
		_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
		for _, host := range hosts {
			resp, err := c.Get("http://" + host + "." + port)
			if err != nil {
				say("%v", err)
				return
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			say("%s %v", host, seen[string(b)])
			seen[string(b)] = true
		}
	}
}

// traced says what httptrace is told.
func traced(method string, body func() io.Reader) func(c *http.Client, url string, say say) {
	return func(c *http.Client, url string, say say) {
		for range 2 {
			var mu sync.Mutex
			var list []string
			add := func(format string, args ...any) {
				mu.Lock()
				defer mu.Unlock()
				list = append(list, fmt.Sprintf(format, args...))
			}
			trace := &httptrace.ClientTrace{
				GetConn: func(addr string) { add("GetConn %s", addr) },
				GotConn: func(i httptrace.GotConnInfo) {
					add("GotConn %v %v %v %v", i.Reused, i.WasIdle, i.IdleTime >= 0 && i.IdleTime < patience, i.Conn.RemoteAddr())
				},
				PutIdleConn:          func(err error) { add("PutIdleConn %v", err) },
				ConnectStart:         func(network, addr string) { add("ConnectStart %s %s", network, addr) },
				ConnectDone:          func(network, addr string, err error) { add("ConnectDone %s %s %v", network, addr, err) },
				WroteHeaders:         func() { add("WroteHeaders") },
				WroteRequest:         func(i httptrace.WroteRequestInfo) { add("WroteRequest %v", i.Err) },
				GotFirstResponseByte: func() { add("GotFirstResponseByte") },
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
					add("Got1xxResponse %d %v", code, h)
					return nil
				},
			}
			var b io.Reader
			if body != nil {
				b = body()
			}
			req, _ := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), method, url, b)
			resp, err := c.Do(req)
			show(say, resp, err)
			mu.Lock()
			for _, l := range list {
				say("%s", l)
			}
			mu.Unlock()
		}
	}
}

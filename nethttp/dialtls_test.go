// Transport.DialTLSContext, beside net/http's.

package nethttp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// A tlsDial is a DialTLSContext, and how often it was called.
type tlsDial struct {
	kind string // of what it returns
	n    atomic.Int32
}

func (d *tlsDial) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d.n.Add(1)
	nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	switch {
	case err != nil:
		return nil, err
	case d.kind == "TLS":
		return tls.Client(nc, &tls.Config{InsecureSkipVerify: true}), nil
	case d.kind == "untrusting":
		return tls.Client(nc, &tls.Config{ServerName: "example.com"}), nil
	case d.kind == "error":
		nc.Close()
		return nil, io.ErrClosedPipe
	}
	return nc, nil
}

// TestDialTLSContext compares what callers see of both Transports.
func TestDialTLSContext(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			nc, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(nc, "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello")
			nc.Close()
			return
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d", r.URL, len(b))
	})
	plain, secure := httptest.NewServer(h), httptest.NewTLSServer(h)
	proxy, secureProxy := httptest.NewServer(new(aProxy)), httptest.NewTLSServer(new(aProxy))
	t.Cleanup(func() {
		for _, s := range []*httptest.Server{proxy, secureProxy, plain, secure} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	https := func(s *httptest.Server) string { return "https://" + s.Listener.Addr().String() }
	for _, c := range []struct {
		name, kind, url, proxy string
		dials                  int32
	}{
		{"a *tls.Conn", "TLS", secure.URL, "", 1},
		{"another", "plain", https(plain), "", 1},
		{"not for http", "TLS", plain.URL, "", 0},
		{"an error", "error", secure.URL, "", 3},
		{"a handshake that fails", "untrusting", secure.URL, "", 3},
		{"not through a proxy", "TLS", secure.URL, proxy.URL, 0},
		{"to a proxy", "TLS", secure.URL, secureProxy.URL, 1},
		{"to a proxy, http", "TLS", plain.URL, secureProxy.URL, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			via := func(*http.Request) (*url.URL, error) { return nil, nil }
			if c.proxy != "" {
				u, _ := url.Parse(c.proxy)
				u.User = url.UserPassword("me", "secret")
				via = http.ProxyURL(u)
			}
			cfg := &tls.Config{InsecureSkipVerify: true}
			a, b := &tlsDial{kind: c.kind}, &tlsDial{kind: c.kind}
			ours := &Transport{Proxy: via, TLSClientConfig: cfg, DialTLSContext: a.dial}
			defer ours.Close()
			theirs := &http.Transport{Proxy: via, TLSClientConfig: cfg, DialTLSContext: b.dial}
			defer theirs.CloseIdleConnections()
			got, want := sealedGets(t, ours, c.url), sealedGets(t, theirs, c.url)
			if works := !strings.HasPrefix(want[0], "false") && !strings.HasPrefix(want[0], "true"); !slices.Equal(got, want) || works == (c.dials == 3) {
				t.Errorf("%q\nwant %q", got, want)
			}
			if a.n.Load() != c.dials || b.n.Load() != c.dials {
				t.Errorf("%d dials, net/http %d, want %d", a.n.Load(), b.n.Load(), c.dials)
			}
			ours.sealed.Range(func(_, _ any) bool {
				if ours.CloseIdleConnections(); c.proxy != "" && strings.HasPrefix(c.url, "https:") {
					t.Error("the state of TLS with a proxy is kept")
				}
				return true
			})
		})
	}
}

// sealedGets asks for a body, sends one, and switches protocols: one after the other.
func sealedGets(t *testing.T, tr http.RoundTripper, url string) (all []string) {
	for _, method := range []string{"GET", "POST", "GET"} {
		var handshakes atomic.Int32
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{TLSHandshakeDone: func(tls.ConnectionState, error) { handshakes.Add(1) }})
		var body io.Reader
		if method == "POST" {
			body = strings.NewReader(strings.Repeat("x", 1<<20))
		}
		req, err := http.NewRequestWithContext(ctx, method, url+"/a", body)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 2 && !strings.HasPrefix(url, "http:") {
			req.Header = http.Header{"Upgrade": {"x"}, "Connection": {"upgrade"}}
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			var unknown *tls.CertificateVerificationError
			all = append(all, fmt.Sprint(errors.Is(err, io.ErrClosedPipe), errors.As(err, &unknown), handshakes.Load()))
			continue
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		version := uint16(0)
		if resp.TLS != nil {
			version = resp.TLS.Version
		}
		all = append(all, fmt.Sprint(resp.StatusCode, string(b), err, version, handshakes.Load()))
	}
	return all
}

// TestDialTLSContextForgets: what is known of a connection goes with it, also if it is handed
// over.
func TestDialTLSContextForgets(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		nc, _, _ := w.(http.Hijacker).Hijack()
		io.WriteString(nc, "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello")
		nc.Close()
	})
	secure := httptest.NewTLSServer(h)
	defer secure.Close()
	tr := &Transport{DialTLSContext: (&tlsDial{kind: "TLS"}).dial}
	defer tr.Close()
	req, _ := http.NewRequest("GET", secure.URL, nil)
	req.Header = http.Header{"Upgrade": {"x"}, "Connection": {"upgrade"}}
	resp, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 101 || resp.TLS == nil {
		t.Errorf("%d, TLS %v", resp.StatusCode, resp.TLS)
	}
	tr.sealed.Range(func(_, _ any) bool {
		t.Error("the state of a connection that was handed over is kept")
		return true
	})
}

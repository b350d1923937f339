// WebSocket: the libraries of others as they are, each server with each client. They
// come to a connection in different ways: gorilla's and gobwas' hijack and write the
// 101 themselves, coder's calls WriteHeader(101) and then hijacks.

package compat

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"

	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

// echoes send back what comes until the client closes.
var echoes = map[string]http.HandlerFunc{
	"gorilla": func(w http.ResponseWriter, r *http.Request) {
		up := gorilla.Upgrader{EnableCompression: true}
		c, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			kind, p, err := c.ReadMessage()
			if err != nil || c.WriteMessage(kind, p) != nil {
				return
			}
		}
	},
	"coder": func(w http.ResponseWriter, r *http.Request) {
		c, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: coder.CompressionContextTakeover})
		if err != nil {
			return
		}
		defer c.CloseNow()
		c.SetReadLimit(-1)
		for {
			kind, p, err := c.Read(context.Background())
			if err != nil || c.Write(context.Background(), kind, p) != nil {
				return
			}
		}
	},
	"gobwas": func(w http.ResponseWriter, r *http.Request) {
		c, _, _, err := ws.UpgradeHTTP(r, w)
		if err != nil {
			return
		}
		defer c.Close()
		for {
			p, op, err := wsutil.ReadClientData(c)
			if err != nil || wsutil.WriteServerMessage(c, op, p) != nil {
				return
			}
		}
	},
}

// An echoed is a client: it sends p, and returns what comes back.
type echoed func(p []byte, text bool) ([]byte, error)

// dialers open a connection, and return how to use and to close it in order.
var dialers = map[string]func(t *testing.T, url string, cfg *tls.Config) (echoed, func() error){
	"gorilla": func(t *testing.T, url string, cfg *tls.Config) (echoed, func() error) {
		d := gorilla.Dialer{TLSClientConfig: cfg, EnableCompression: true}
		c, _, err := d.Dial(url, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return func(p []byte, text bool) ([]byte, error) {
				kind := gorilla.BinaryMessage
				if text {
					kind = gorilla.TextMessage
				}
				if err := c.WriteMessage(kind, p); err != nil {
					return nil, err
				}
				_, got, err := c.ReadMessage()
				return got, err
			}, func() error {
				return c.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(1000, ""), time.Now().Add(time.Minute))
			}
	},
	"coder": func(t *testing.T, url string, cfg *tls.Config) (echoed, func() error) {
		ctx := context.Background()
		c, _, err := coder.Dial(ctx, url, &coder.DialOptions{
			HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: cfg}}, CompressionMode: coder.CompressionContextTakeover,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.CloseNow() })
		c.SetReadLimit(-1)
		return func(p []byte, text bool) ([]byte, error) {
			kind := coder.MessageBinary
			if text {
				kind = coder.MessageText
			}
			if err := c.Write(ctx, kind, p); err != nil {
				return nil, err
			}
			_, got, err := c.Read(ctx)
			return got, err
		}, func() error { return nil }
	},
	"gobwas": func(t *testing.T, url string, cfg *tls.Config) (echoed, func() error) {
		d := ws.Dialer{TLSConfig: cfg}
		c, in, _, err := d.Dial(context.Background(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		rw := io.ReadWriter(c)
		if in != nil { // what came with the 101
			rw = struct {
				io.Reader
				io.Writer
			}{in, c}
		}
		return func(p []byte, text bool) ([]byte, error) {
			op := ws.OpBinary
			if text {
				op = ws.OpText
			}
			if err := wsutil.WriteClientMessage(c, op, p); err != nil {
				return nil, err
			}
			got, _, err := wsutil.ReadServerData(rw)
			return got, err
		}, func() error { return wsutil.WriteClientMessage(c, ws.OpClose, ws.NewCloseFrameBody(1000, "")) }
	},
}

func TestWebSocketLibraries(t *testing.T) {
	t.Parallel()
	for library, h := range echoes {
		plain, secure, cfg := serveBoth(t, h)
		for client, dial := range dialers {
			for scheme, addr := range map[string]string{"ws": plain, "wss": secure} {
				t.Run(library+" asked by "+client+" over "+scheme, func(t *testing.T) {
					t.Parallel()
					say, bye := dial(t, scheme+"://"+addr+"/", cfg)
					for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
						for _, text := range []bool{true, false} {
							p := bytes.Repeat([]byte("x"), n)
							got, err := say(p, text)
							if err != nil || !bytes.Equal(got, p) {
								t.Fatalf("%d bytes: %d came back, %v", n, len(got), err)
							}
						}
					}
					if err := bye(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// TestWebSocketRefused: a handler that finds no handshake says so, and the connection
// goes on.
func TestWebSocketRefused(t *testing.T) {
	t.Parallel()
	for library, h := range echoes {
		url := serve(t, h)
		resp, _ := get(t, url)
		if resp.StatusCode != 400 && resp.StatusCode != 426 {
			t.Errorf("%s: %s", library, resp.Status)
		}
	}
}

// serveBoth is serve with and without TLS, for any number of connections.
func serveBoth(t *testing.T, h http.Handler) (plain, secure string, cfg *tls.Config) {
	t.Helper()
	model := httptest.NewUnstartedServer(nil) // for its certificate
	model.StartTLS()
	defer model.Close()
	s := &server.Server{Handler: nethttp.Handler(h, 0), TLS: &tls.Config{Certificates: model.TLS.Certificates}}
	listen := func(on func(network, addr string) (net.Addr, error)) string {
		addr, err := on("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return addr.String()
	}
	plain, secure = listen(s.Listen), listen(s.ListenTLS)
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil && !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	})
	return plain, secure, &tls.Config{InsecureSkipVerify: true}
}

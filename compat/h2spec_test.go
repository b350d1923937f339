// HTTP/2: h2spec, as others run it against their servers.

package compat

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"

	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

// TestH2spec: what is handed over to net/http fails no case that net/http's own server
// does not.
func TestH2spec(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of waiting for what must not come")
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "hello")
	})
	theirs := httptest.NewUnstartedServer(h)
	theirs.EnableHTTP2 = true
	theirs.StartTLS()
	defer theirs.Close()

	s := &server.Server{Handler: nethttp.Handler(h, 8), TLS: &tls.Config{Certificates: theirs.TLS.Certificates}, Loops: 1}
	if err := nethttp.HTTP2(s, h); err != nil {
		t.Fatal(err)
	}
	addr, err := s.ListenTLS("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve()
	defer s.Close()

	want, n := failures(t, theirs.Listener.Addr())
	got, m := failures(t, addr)
	if n != m || n < 100 {
		t.Errorf("%d cases of net/http, %d of ours", n, m)
	}
	// A case waits for 5 s, for which the machine may stand still. So those are asked again that fail here alone.
	for try := 0; try < 3 && len(alone(got, want)) > 0; try++ {
		again, _ := failures(t, addr)
		maps.DeleteFunc(got, func(name string, _ bool) bool { return !again[name] })
	}
	for _, name := range alone(got, want) {
		t.Errorf("fails here and not with net/http: %s", name)
	}
	t.Logf("%d cases; net/http fails %d, lurcher %d", n, len(want), len(got))
}

// alone returns which of got are not in want.
func alone(got, want map[string]bool) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if !want[name] {
			names = append(names, name)
		}
	}
	return names
}

// failures returns the names of the cases that failed, and n is how many there were.
func failures(t *testing.T, addr net.Addr) (failed map[string]bool, n int) {
	t.Helper()
	host, port, _ := net.SplitHostPort(addr.String())
	c := &config.Config{Host: host, Path: "/", Timeout: 5 * time.Second, MaxHeaderLen: 4000, TLS: true, Insecure: true}
	c.Port, _ = strconv.Atoi(port)
	failed = make(map[string]bool)
	var walk func(g *spec.TestGroup, path string)
	walk = func(g *spec.TestGroup, path string) {
		for i, tc := range g.Tests {
			if tc.Result == nil {
				continue
			}
			n++
			if tc.Result.Failed {
				failed[fmt.Sprintf("%s %d %s", path, i+1, tc.Desc)] = true
			}
		}
		for _, sub := range g.Groups {
			walk(sub, path+"/"+sub.Section)
		}
	}
	for _, g := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		g.Test(c)
		walk(g, g.Key)
	}
	return failed, n
}

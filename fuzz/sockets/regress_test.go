// What was found over sockets, by name.

package sockets

import (
	"testing"

	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/server"
)

// A 2xx to CONNECT makes a tunnel: what follows its head is not HTTP (RFC 9110 §9.3.6), so a handler
// that knows nothing of it must not come to send one, with Content-Length besides (§8.6).
func TestConnectIsNotAnsweredLikeGet(t *testing.T) {
	t.Parallel()
	addr := startOurs(t, &server.Server{Handler: func(w server.Response, r server.Request) { w.End("Hello World\n") }})
	sent := []byte("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
	received, err := fuzz.Exchange("tcp", addr, [][]byte{sent}, patience)
	if err != nil {
		t.Fatal(err)
	}
	answer, _, err := fuzz.ReadResponse(received, "CONNECT", true)
	if err != nil || answer.Status/100 == 2 {
		t.Fatalf("%d, %v: %q", answer.Status, err, received)
	}
	if err := fuzz.Explain(sent, received, nil); err != nil {
		t.Fatalf("%v: %q", err, received)
	}
}

// OPTIONS * is for the server as a whole: RFC 9110 9.3.7.

package server

import (
	"io"
	"net"
	"strings"
	"testing"
)

// The answer is the server's own, no handler is asked, and a body does not end
// the connection, however it comes.
func TestAsteriskIsTheServers(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"no body": "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
		"sized":   "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"chunked": "OPTIONS * HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, &Server{}, func(w Response, r Request) { w.End("by " + string(r.Path())) })
			c := r.dial()
			whole := request + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
			for i := range whole { // by the byte: the body has not come when the head has
				c.Write([]byte(whole[i : i+1]))
			}
			c.Conn.(*net.TCPConn).CloseWrite()
			b, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			got := string(b)
			if n := strings.Count(got, "HTTP/1.1 200 OK"); n != 2 || !strings.HasSuffix(got, "by /next") || strings.Contains(got, "close") {
				t.Errorf("%d answers: %q", n, got)
			}
		})
	}
}

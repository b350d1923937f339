// Requests as bytes. Further lines are fields.

package loopback

import (
	"fmt"
	"strconv"
	"strings"
)

// Request returns the head of a request.
func Request(method, target string, lines ...string) string {
	lines = append([]string{method + " " + target + " HTTP/1.1", "Host: x"}, lines...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func Get(target string, lines ...string) string { return Request("GET", target, lines...) }

// Post returns a request with a body.
func Post(target, body string, lines ...string) string {
	return Request("POST", target, append(lines, fmt.Sprintf("Content-Length: %d", len(body)))...) + body
}

// Chunks returns a request whose body is these chunks.
func Chunks(target string, pieces ...string) string {
	s := Request("POST", target, "Transfer-Encoding: chunked")
	for _, p := range pieces {
		s += fmt.Sprintf("%x\r\n%s\r\n", len(p), p)
	}
	return s + "0\r\n\r\n"
}

// Pattern returns n bytes that do not repeat soon.
func Pattern(n int) []byte {
	b := make([]byte, 0, n+20)
	for i := 0; len(b) < n; i++ {
		b = append(strconv.AppendInt(b, int64(i), 10), ',')
	}
	return b[:n]
}

// What fuzzing found, by name: the bytes, and what is right about them by the RFC. The parser and the
// reference parser are both held to it.

package fuzz

import "testing"

func TestRegressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, found string // where it was wrong
		wire        string
		ok          bool
	}{
		{"eight groups and a gap are no IPv6address (RFC 3986 §3.2.2)", "parser",
			"GET / HTTP/1.1\r\nHost: [1:2:3:4:5:6:7::8]\r\n\r\n", false},
		{"nor with the gap in front", "parser", "GET / HTTP/1.1\r\nHost: [::1:2:3:4:5:6:7:8]\r\n\r\n", false},
		{"seven groups and a gap are one", "", "GET / HTTP/1.1\r\nHost: [1:2:3:4:5:6::8]\r\n\r\n", true},
		{"a Kelvin sign is no k (RFC 9110 §5.6.2: tokens are ASCII)", "reference",
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chun\u212aed\r\n\r\n0\r\n\r\n", false},
		{"an empty Transfer-Encoding line is refused beside another", "both",
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"so is a comma with nothing behind it", "both",
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", false},
		{"and an empty line alone", "", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", false},
		{"a chunk-size overflows at the digit that is too many (RFC 9112 §7.1)", "reference",
			"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n99999999999999999999", false},
	} {
		wire := []byte(c.wire)
		if _, _, err := ReadRequest(wire); (err == nil) != c.ok {
			t.Errorf("%s: reference: %v", c.name, err)
		}
		if got := driveRequest([][]byte{wire}); (got.err == nil) != c.ok {
			t.Errorf("%s: parser: %v", c.name, got.err)
		}
		checkRequest(t, wire)
	}
}

package parser

import "testing"

// FuzzRequest: any bytes, read whole and in pieces, come to the same.
func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"GET /a?b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
		"POST http://b/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n",
		"\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
	} {
		f.Add([]byte(s), uint16(20))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) { anyBytes(t, in, int(cut), false) })
}

// FuzzResponse is FuzzRequest for responses.
func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 204 \r\n\r\n",
		"HTTP/1.0 200 OK\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
	} {
		f.Add([]byte(s), uint16(20))
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) { anyBytes(t, in, int(cut), true) })
}

func anyBytes(t *testing.T, in []byte, cut int, response bool) {
	r := newReader()
	r.response = response
	r.noHost = cut%2 == 0
	r.keep = cut%3 == 0
	whole := r.read(in)
	if got := r.read(in, min(cut, len(in))); got != whole {
		t.Errorf("split at %d:\n%s\nwhole:\n%s", cut, got, whole)
	}
	if got := r.drip(in, 1); got != whole {
		t.Errorf("bytewise:\n%s\nwhole:\n%s", got, whole)
	}
}

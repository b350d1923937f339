package parser

import (
	"strings"
	"testing"
)

// TestResponseRules: RFC 9112 4 and 6.3, as far as responses differ.
func TestResponseRules(t *testing.T) {
	reply := func(status, fields string) string { return "HTTP/1.1 " + status + "\r\n" + fields + "\r\n" }
	for _, c := range []struct {
		name, method, in string
		want             any
	}{
		{"status line", "", reply("200 OK", "Content-Length: 0\r\n"), "status 200 \"OK\""},
		{"empty reason", "", reply("200 ", "Content-Length: 0\r\n"), "status 200 \"\""},
		{"obs-text and HTAB in the reason", "", reply("200 \xff\ta", "Content-Length: 0\r\n"), "status 200 \"\xff\ta\""},
		{"no space after the status", "", reply("200", "Content-Length: 0\r\n"), "status 200 \"\"\nmeans 1 NoBody 0true"},
		{"no space after the status, bare LF", "", "HTTP/1.1 200\nX: y\r\n\r\n", ErrStatus},
		{"no space after the status, bare CR", "", "HTTP/1.1 200\rX: y\r\n\r\n", ErrLineEnd},
		{"HTAB after the status", "", reply("200\tOK", ""), ErrStatus},
		{"000", "", reply("000 x", ""), ErrStatus},
		{"099", "", reply("099 x", ""), ErrStatus},
		{"100", "", reply("100 x", ""), "status 100 \"x\""},
		{"999", "", reply("999 x", "Content-Length: 0\r\n"), "status 999 \"x\""},
		{"two digits", "", reply("20 OK", ""), ErrStatus},
		{"four digits", "", reply("2000 OK", ""), ErrStatus},
		{"not digits", "", reply("2x0 OK", ""), ErrStatus},
		{"two spaces", "", reply(" 200 OK", ""), ErrStatus},
		{"control in the reason", "", reply("200 a\x01", ""), ErrStatus},
		{"bare CR", "", "HTTP/1.1 200 OK\rX", ErrLineEnd},
		{"bare LF", "", "HTTP/1.1 200 OK\nX", ErrLineEnd},
		{"version 2", "", "HTTP/2.0 200 OK\r\n", ErrMajor},
		{"no version", "", "ICY 200 OK\r\n", ErrVersion},
		{"empty line first", "", "\r\n" + reply("200 OK", ""), ErrVersion},

		{"until close", "", reply("200 OK", "") + "hello", "UntilClose -1falsefalsefalse\nbody \"hello\""},
		{"sized", "", reply("200 OK", "Content-Length: 5\r\n") + "hello", "Sized 5truefalsefalse\nfield \"Content-Length\" \"5\"\nbody \"hello\"\nend"},
		{"chunked", "", reply("200 OK", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", "Chunked -1true"},
		{"coding and length", "", reply("200 OK", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), ErrBothFraming},
		{"coding in 1.0", "", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ErrCodingMinor},
		{"length twice", "", reply("200 OK", "Content-Length: 0\r\nContent-Length: 0\r\n"), ErrLengthTwice},
		{"to HEAD", "HEAD", reply("200 OK", "Content-Length: 5\r\n"), "NoBody 5true"},
		{"to HEAD, chunked", "HEAD", reply("200 OK", "Transfer-Encoding: chunked\r\n"), "NoBody 0true"},
		{"100", "", reply("100 Continue", "") + reply("204 No Content", ""), "status 204"},
		{"204", "", reply("204 No Content", "Content-Length: 5\r\n"), "NoBody 5true"},
		{"304", "", reply("304 Not Modified", "Content-Length: 5\r\n"), "NoBody 5true"},
		{"304 without length", "", reply("304 Not Modified", ""), "NoBody 0true"},
		{"to CONNECT", "CONNECT", reply("200 OK", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "NoBody 0true"},
		{"to CONNECT, refused", "CONNECT", reply("407 No", "Content-Length: 5\r\n") + "hello", "Sized 5true"},
		{"101", "", reply("101 Switching", "Upgrade: x\r\nConnection: upgrade\r\n"), "NoBody 0truetruefalse"},
		{"close", "", reply("204 No Content", "Connection: close\r\n"), "NoBody 0false"},
		{"an upgrade that is until close", "", reply("200 OK", "Upgrade: x\r\nConnection: upgrade\r\n"), "UntilClose -1falsetruefalse"},

		// 6.3, rule 1: "regardless of the header fields present". Length is what a lone Content-Length says.
		{"to HEAD, both framings", "HEAD", reply("200 OK", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"), "NoBody 0true"},
		{"to HEAD, two lengths", "HEAD", reply("200 OK", "Content-Length: 2\r\nContent-Length: 2\r\n"), "NoBody 0true"},
		{"to HEAD, a bad length", "HEAD", reply("200 OK", "Content-Length: -2\r\n"), "NoBody 0true"},
		{"to HEAD, a length without end", "HEAD", reply("200 OK", "Content-Length: 99999999999999999999\r\n"), "NoBody 0true"},
		{"to HEAD, a list of lengths", "HEAD", reply("200 OK", "Content-Length: 2, 2\r\n"), "NoBody 0true"},
		{"to HEAD, another coding", "HEAD", reply("404 No", "Transfer-Encoding: gzip, chunked\r\n"), "NoBody 0true"},
		{"to HEAD, no coding", "HEAD", reply("404 No", "Transfer-Encoding:\r\n"), "NoBody 0true"},
		{"to HEAD, in 1.0", "HEAD", "HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n", "NoBody 7true"},
		{"204, both framings", "", reply("204 No", "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n"), "NoBody 0true"},
		{"304, chunked twice", "GET", reply("304 No", "Transfer-Encoding: chunked, chunked\r\n"), "NoBody 0true"},
		{"304, a bad length", "GET", reply("304 No", "Content-Length: 1x\r\n"), "NoBody 0true"},
		{"103, both framings", "", reply("103 Early", "Content-Length: x\r\nTransfer-Encoding: y\r\n") + reply("204 No", ""), "status 204"},
		{"101, a length", "", reply("101 Switching", "Content-Length: 9\r\nUpgrade: x\r\nConnection: upgrade\r\n"), "NoBody 9truetruefalse"},
		{"199 is 1xx", "", reply("199 x", "Transfer-Encoding: x\r\n") + reply("204 No", ""), "status 204"},
		{"204 in 1.0, a coding closes", "", "HTTP/1.0 204 No\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n", "NoBody 0false"},
		{"to CONNECT, nonsense", "CONNECT", reply("299 OK", "Content-Length: x\r\nContent-Length: y\r\nTransfer-Encoding: gzip\r\n"), "NoBody 0true"},
		{"to CONNECT, refused, both framings", "CONNECT", reply("407 No", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), ErrBothFraming},
		{"205 is not among them", "", reply("205 Reset", "Content-Length: 5\r\n") + "hello", "Sized 5true"},
		{"205, both framings", "", reply("205 Reset", "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), ErrBothFraming},
		{"GET, another coding", "GET", reply("200 OK", "Transfer-Encoding: gzip\r\n"), ErrCodingOther},
		{"head is not HEAD", "head", reply("200 OK", "Content-Length: 5\r\n") + "hello", "Sized 5true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReader()
			r.response, r.method = true, c.method
			got := r.read([]byte(c.in))
			switch want := c.want.(type) {
			case Error:
				if r.err != want {
					t.Errorf("%v, not %v\n%s", r.err, want, got)
				}
			case string:
				if r.err != nil || !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s%v", want, got, r.err)
				}
			}
			splits(t, r, []byte(c.in))
		})
	}
}

// TestGet: RFC 9110 5.3, the first of several; a field that is not there is nil, an empty one is not.
func TestGet(t *testing.T) {
	in := []byte("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\nAccept: b\r\nACCEPT: c\r\nEmpty:\r\nTE: t\r\n\r\n")
	r := Request{Head: Head{Fields: make([]Field, 0, 16)}}
	if n, err := r.Parse(in); n != len(in) || err != nil {
		t.Fatal(n, err)
	}
	for name, want := range map[string]string{
		"host": "a", "HOST": "a", "X-one": "1", "accept": "b", "Accept": "b", "empty": "", "te": "t", "Te": "t",
	} {
		if got := r.Get(in, name); got == nil || string(got) != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	for _, name := range []string{"", "h", "hos", "hosts", "accept-language", "x-two", "content-length", strings.Repeat("x", 1000)} {
		if got := r.Get(in, name); got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestSticky: an error stays, a head that is whole stays, and Reset ends both.
func TestSticky(t *testing.T) {
	r := Request{Head: Head{Fields: make([]Field, 0, 16), MaxSize: 200}}
	good, bad := []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), []byte("GET / HTTP/1.1\r\nHost a\r\n\r\n")
	for range 3 {
		if n, err := r.Parse(bad); n != 0 || err != ErrName || r.ErrorOffset() != 20 {
			t.Fatal(n, err, r.ErrorOffset())
		}
		if n, err := r.Parse(good); n != 0 || err != ErrName {
			t.Fatal(n, err)
		}
		r.Reset()
		for range 2 {
			if n, err := r.Parse(good); n != len(good) || err != nil || len(r.Fields) != 1 {
				t.Fatal(n, err)
			}
		}
		r.Reset()
		if r.MaxSize != 200 || cap(r.Fields) != 16 || len(r.Fields) != 0 {
			t.Fatal("Reset forgot what is the caller's")
		}
	}
}

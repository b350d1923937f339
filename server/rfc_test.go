// The duties of RFC 9112 and 9110 that are seen over a socket, by their row in
// docs/rfc9112.md: raw bytes in, answers out. Every input is followed by the
// request "last", so that the answers show too whether the connection went on.

package server

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// went returns what is answered when the connection goes on after short.
func went(short ...string) string {
	return strings.Join(append(short, "200 GET /last"), ", ")
}

type duty struct {
	row  int
	name string
	in   string
	want string
}

const x20 = "xxxxxxxxxxxxxxxxxxxx"

var messageDuties = []duty{
	{2, "an empty line before the request", "\r\n" + get("/"), went("200 GET /")},
	{2, "an empty line between requests", get("/1") + "\r\n" + get("/2"), went("200 GET /1", "200 GET /2")},
	{3, "bare LF everywhere", "GET / HTTP/1.1\nHost: x\n\n", "400"},
	{3, "bare LF after the request line", "GET / HTTP/1.1\nHost: x\r\n\r\n", "400"},
	{3, "bare LF after a field", "GET / HTTP/1.1\r\nHost: x\n\r\n", "400"},
	{4, "bare CR in a value", get("/", "X-A: a\rb"), "400"},
	{4, "bare CR in Host", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", "400"},
	{5, "whitespace before the first field", "GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400"},
	{6, "binary garbage", "\x00\x01\x02\xff\xfe\r\n\r\n", "400"},
	{6, "a TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
	{6, "an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505"},
	{7, "the version in lower case", "GET / http/1.1\r\nHost: x\r\n\r\n", "400"},
	{7, "a version without a minor", "GET / HTTP/1\r\nHost: x\r\n\r\n", "400"},
	{7, "a minor of two digits", "GET / HTTP/1.10\r\nHost: x\r\n\r\n", "400"},
	{7, "a major of two digits", "GET / HTTP/11.1\r\nHost: x\r\n\r\n", "400"},
	{7, "a version with a sign", "GET / HTTP/+1.1\r\nHost: x\r\n\r\n", "400"},
	{8, "HTTP/2.0", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
	{8, "HTTP/3.0", "GET / HTTP/3.0\r\nHost: x\r\n\r\n", "505"},
	{9, "a higher minor", "GET / HTTP/1.2\r\nHost: x\r\n\r\n", went("200 GET /")},
	{10, "HTTP/0.9", "GET /\r\n", "400"},
	{12, "one token too many", "GET / x HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{12, "two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{12, "a tab", "GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{12, "a leading space", " GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
	{12, "a space at the end", "GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "400"},
	{13, "a method that is no token", request("GE(T", "/"), "400"},
	{13, "an unknown method", request("FOOBAR", "/"), went("200 FOOBAR /")},
	{13, "methods have a case", request("get", "/"), went("200 get /")},
	{14, "a long method", request(strings.Repeat("M", 100), "/"), "501"},
	{15, "a target of 100 KiB", get("/" + strings.Repeat("a", 100<<10)), "414"},
	{16, "a target of 7.9 KB", get("/?" + strings.Repeat("a", 7900)), went("200 GET /?" + strings.Repeat("a", 7900))},
	{17, "no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
	{18, "two Host lines", get("/", "Host: y"), "400"},
	{18, "two equal Host lines", get("/", "Host: x"), "400"},
	{18, "two Host lines in 1.0", "GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n", "400"},
	{20, "1.0 without Host", "GET / HTTP/1.0\r\n\r\n", "200 GET /"},
	{21, "a target without its slash", get("a"), "400"},
	{21, "a backslash", get("\\"), "400"},
	{21, "a control character in the target", get("/\x01"), "400"},
	{22, "an absolute target", get("http://x/a?b"), went("200 GET http://x/a?b")},
	{23, "an absolute target and another Host", get("http://y/a"), went("200 GET http://y/a")},
	{24, "CONNECT", request("CONNECT", "x:443"), "501"},
	{24, "CONNECT without a port", request("CONNECT", "x"), "400"},
	{24, "CONNECT to a path", request("CONNECT", "/"), "400"},
	{24, "an authority without CONNECT", get("x:80"), "400"},
	{25, "OPTIONS *", request("OPTIONS", "*"), went("200")},
	{25, "GET *", get("*"), "400"},
	{26, "a fragment", get("/a#b"), "400"},
	{27, "a space before the colon", get("/", "A : b"), "400"},
	{27, "a tab before the colon", get("/", "A\t: b"), "400"},
	{28, "an empty name", get("/", ": b"), "400"},
	{28, "no colon", get("/", "A"), "400"},
	{28, "NUL in a name", get("/", "A\x00: b"), "400"},
	{28, "a separator in a name", get("/", "A(: b"), "400"},
	{28, "DEL in a name", get("/", "A\x7f: b"), "400"},
	{28, "obs-text in a name", get("/", "A\x80: b"), "400"},
	{28, "every tchar in a name", get("/", "!#$%&'*+-.^_`|~09azAZ: b"), went("200 GET /")},
	{29, "whitespace around Content-Length", request("POST", "/", "Content-Length: \t 2 \t") + "hi", went("200 POST / hi")},
	{29, "whitespace around chunked", request("POST", "/", "Transfer-Encoding:\tchunked ") + "2\r\nhi\r\n0\r\n\r\n", went("200 POST / hi")},
	{30, "a folded field", get("/", "A: b\r\n c"), "400"},
	{30, "a folded Content-Length", request("POST", "/", "Content-Length: 1\r\n 2") + x20, "400"},
	{30, "a folded Transfer-Encoding", request("POST", "/", "Transfer-Encoding:\r\n chunked") + "0\r\n\r\n", "400"},
	{31, "NUL in a value", get("/", "A: b\x00c"), "400"},
	{32, "another control character in a value", get("/", "A: b\x01c"), "400"},
	{33, "obs-text in a value", get("/", "A: \x80\xff"), went("200 GET /")},
	{34, "an empty value", get("/", "A:"), went("200 GET /")},
	{35, "a value of 200 KiB", get("/", "A: "+strings.Repeat("a", 200<<10)), "431"},
	{35, "20,000 fields", get("/", strings.Repeat("a:\r\n", 20000)+"a:"), "431"},
	{35, "101 fields", get("/", strings.Repeat("a:\r\n", 99)+"a:"), "431"},
	{35, "100 fields", get("/", strings.Repeat("a:\r\n", 98)+"a:"), went("200 GET /")},
	{38, "empty elements of Transfer-Encoding", request("POST", "/", "Transfer-Encoding: ,chunked") + "2\r\nhi\r\n0\r\n\r\n", "400"}, // refused, see parser/doc.go
	{38, "empty elements of Connection", get("/", "Connection: , close"), "200 GET /"},
}

// hostDuties are row 19: what a Host may be.
func hostDuties() (list []duty) {
	for _, v := range []string{"a b", "a/b", "a?b", "a#b", "a@b", "a\\b", "a<b", "a:b", "a:80b", "[::1"} {
		list = append(list, duty{19, "Host: " + v, "GET / HTTP/1.1\r\nHost: " + v + "\r\n\r\n", "400"})
	}
	for _, v := range []string{"", "a", "a.example", "a:80", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:80", "a_b", "a,b", "a:"} {
		list = append(list, duty{19, "Host: " + v, "GET / HTTP/1.1\r\nHost: " + v + "\r\n\r\n", went("200 GET /")})
	}
	return list
}

// te returns a request with a transfer coding, and a body that would do for both
// chunked and Content-Length: 5.
func te(value string, lines ...string) string {
	return request("POST", "/", append(lines, "Transfer-Encoding: "+value)...) + "0\r\n\r\n"
}

func sized(value string) string { return request("POST", "/", "Content-Length: "+value) + "hello" }

func chunked1(rest string) string { return request("POST", "/", "Transfer-Encoding: chunked") + rest }

var framingDuties = []duty{
	{39, "chunks", chunks("/", "he", "llo"), went("200 POST / hello")},
	{40, "the coding's case", te("CHUNKED"), went("200 POST /")},
	{41, "both framings", te("chunked", "Content-Length: 5"), "400"},
	{41, "both framings, the other order", request("POST", "/", "Transfer-Encoding: chunked", "Content-Length: 5") + "0\r\n\r\n", "400"},
	{42, "an unknown coding", te("blorp"), "501"},
	{42, "xchunked", te("xchunked"), "501"},
	{42, "chunk", te("chunk"), "501"},
	{42, "gzip alone", te("gzip"), "501"},
	{42, "identity", te("identity"), "501"},
	{43, "chunked not last", te("chunked, gzip"), "400"},
	{43, "chunked last after another", te("gzip, chunked"), "501"},
	{44, "chunked twice", te("chunked, chunked"), "400"},
	{44, "chunked twice in two lines", te("chunked", "Transfer-Encoding: chunked"), "400"},
	{45, "parameters on chunked", te("chunked;a=b"), "400"},
	{46, "Transfer-Encoding in 1.0", "POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
	{47, "the octet behind the body begins the next", post("/1", "hi") + post("/2", "ho"), went("200 POST /1 hi", "200 POST /2 ho")},
	{47, "a body of a GET", request("GET", "/", "Content-Length: 2") + "hi", went("200 GET / hi")},
	{47, "a request in a body", post("/", get("/no")), went("200 POST / " + strings.TrimSpace(get("/no")))},
	{48, "an empty length", sized(""), "400"},
	{48, "+5", sized("+5"), "400"},
	{48, "-5", sized("-5"), "400"},
	{48, "0x5", sized("0x5"), "400"},
	{48, "5.0", sized("5.0"), "400"},
	{48, "5e0", sized("5e0"), "400"},
	{48, "a quoted length", sized(`"5"`), "400"},
	{48, "full-width digits", sized("５"), "400"},
	{48, "5;", sized("5;"), "400"},
	{48, "leading zeros", sized("0005"), went("200 POST / hello")},
	{49, "different lengths in two lines", request("POST", "/", "Content-Length: 5", "Content-Length: 6") + "hello", "400"},
	{49, "different lengths in one line", sized("5, 6"), "400"},
	{50, "equal lengths in two lines", request("POST", "/", "Content-Length: 5", "Content-Length: 5") + "hello", "400"},
	{50, "equal lengths in one line", sized("5, 5"), "400"},
	{51, "2^63", sized("9223372036854775808"), "400"},
	{51, "2^64+5", sized("18446744073709551621"), "400"},
	{51, "23 digits", sized("10000000000000000000005"), "400"},
	{52, "no framing, no body", request("POST", "/"), went("200 POST /")},
	{54, "both cases of digits", chunked1("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"), went("200 POST / 01234567890123456789")},
	{54, "leading zeros of a size", chunked1("0005\r\nhello\r\n0\r\n\r\n"), went("200 POST / hello")},
	{55, "a size of 17 digits", chunked1("10000000000000005\r\nhello\r\n0\r\n\r\n"), "400"},
	{55, "the largest size", chunked1("FFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"), "400"},
	{57, "an extension", chunked1("5;a\r\nhello\r\n0\r\n\r\n"), went("200 POST / hello")},
	{57, "an extension with a value", chunked1("5;a=b\r\nhello\r\n0;c\r\n\r\n"), went("200 POST / hello")},
	{57, "an extension with a quoted value", chunked1("5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n"), went("200 POST / hello")},
	{57, "an extension of 1 MiB", chunked1("5;a=" + strings.Repeat("b", 1<<20) + "\r\nhello\r\n0\r\n\r\n"), "413"},
	{57, "small chunks with long extensions", chunked1(strings.Repeat("1;a="+strings.Repeat("b", 100)+"\r\nh\r\n", 10000) + "0\r\n\r\n"), "413"},
	{58, "trailers", chunked1("5\r\nhello\r\n0\r\nContent-Length: 100\r\nHost: y\r\nTransfer-Encoding: x\r\n\r\n"), went("200 POST / hello")},
	{58, "a malformed trailer", chunked1("0\r\na b\r\n\r\n"), "400"},
	{58, "endless trailers", chunked1("0\r\n" + strings.Repeat("a: b\r\n", 10000)), "431"},
}

// chunkDuties are row 56: a size line and data end in CRLF, and nothing else.
func chunkDuties() (list []duty) {
	for _, body := range []string{
		"5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
		"5\r\r\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\nhello\r\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n",
		"5\r\nhelloXX0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "\t5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n",
		"+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5_0\r\nhello\r\n0\r\n\r\n", "\r\n5\r\nhello\r\n0\r\n\r\n",
		";a\r\nhello\r\n0\r\n\r\n", "g\r\nhello\r\n0\r\n\r\n", "5;a=\"\r\nhello\r\n0\r\n\r\n", "5;\na\r\nhello\r\n0\r\n\r\n",
		"5;a\rb\r\nhello\r\n0\r\n\r\n", "5\x00\r\nhello\r\n0\r\n\r\n",
	} {
		list = append(list, duty{56, fmt.Sprintf("%.12q", body), chunked1(body), "400"})
	}
	return list
}

var persistenceDuties = []duty{
	{60, "1.1 goes on", get("/"), went("200 GET /")},
	{61, "close", get("/", "Connection: close"), "200 GET /"},
	{61, "CLOSE", get("/", "Connection: CLOSE"), "200 GET /"},
	{61, "close behind another option", get("/", "Connection: foo, close"), "200 GET /"},
	{61, "close before another option", get("/", "Connection: close, foo"), "200 GET /"},
	{61, "close in a second line", get("/", "Connection: foo", "Connection: close"), "200 GET /"},
	{61, "close beside keep-alive", get("/", "Connection: keep-alive, close"), "200 GET /"},
	{61, "an option that contains close", get("/", "Connection: xclose, closex"), went("200 GET /")},
	{62, "a request behind close", get("/1", "Connection: close") + get("/2"), "200 GET /1"},
	{62, "a request behind close with a body", post("/1", "hi", "Connection: close") + get("/2"), "200 POST /1 hi"},
	{63, "1.0 closes", "GET / HTTP/1.0\r\n\r\n", "200 GET /"},
	{63, "1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", went("200 GET /")},
	{67, "50 mixed", mixed(50), went(mixedAnswers(50)...)},
	{75, "Expect with the body there", post("/", "hi", "Expect: 100-continue"), went("200 POST / hi")},
	{75, "Expect without a body", get("/", "Expect: 100-continue"), went("200 GET /")},
	{77, "Expect in 1.0", "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", "200 POST / hi"},
	{77, "another expectation in 1.0", "GET / HTTP/1.0\r\nExpect: tea\r\n\r\n", "200 GET /"},
	{78, "another expectation", get("/", "Expect: tea"), "417"},
	{78, "an expectation too many", get("/", "Expect: 100-continue, tea"), "417"},
	{79, "Upgrade is ignored", get("/", "Connection: upgrade", "Upgrade: websocket"), went("200 GET /")},
	{82, "a length past MaxBody", sized("100000000"), "413"},
}

// mixed returns n requests of all sorts.
func mixed(n int) string {
	var b strings.Builder
	for i := range n {
		target := fmt.Sprintf("/%d", i)
		switch i % 5 {
		case 0, 1:
			b.WriteString(get(target))
		case 2:
			b.WriteString(post(target, fmt.Sprintf("body of %d", i)))
		case 3:
			b.WriteString(chunks(target, "body ", "of ", fmt.Sprint(i)))
		case 4:
			b.WriteString("\r\n" + request("DELETE", target, "Accept: */*", "Cookie: a=b"))
		}
	}
	return b.String()
}

func mixedAnswers(n int) (list []string) {
	for i := range n {
		switch i % 5 {
		case 0, 1:
			list = append(list, fmt.Sprintf("200 GET /%d", i))
		case 2, 3:
			list = append(list, fmt.Sprintf("200 POST /%d body of %d", i, i))
		case 4:
			list = append(list, fmt.Sprintf("200 DELETE /%d", i))
		}
	}
	return list
}

func duties() (list []duty) {
	for _, some := range [][]duty{messageDuties, hostDuties(), framingDuties, chunkDuties(), persistenceDuties} {
		list = append(list, some...)
	}
	return list
}

func TestRFC(t *testing.T) {
	t.Parallel()
	r := start(t, &Server{}, mirror)
	for _, d := range duties() {
		t.Run(fmt.Sprintf("row %d, %s", d.row, d.name), func(t *testing.T) {
			c := dial(t, r.addr)
			// The server stops reading what it refuses: this may fail.
			go c.Write([]byte(d.in + last))
			if got := c.All(); got != d.want {
				t.Errorf("%.200q\nis answered %q, want %q", d.in, got, d.want)
			}
		})
	}
}

// TestRFCSplit sends each of them in two pieces: the server has read the first
// when the second follows. Row 84: one reading.
func TestRFCSplit(t *testing.T) {
	t.Parallel()
	const longest = 200 // bytes
	r := start(t, &Server{}, mirror)
	for i, d := range append(duties(), duty{67, "5 mixed, every place", mixed(5), went(mixedAnswers(5)...)}) {
		if len(d.in) > longest && d.row != 67 {
			continue
		}
		t.Run(fmt.Sprintf("row %d, %s", d.row, d.name), func(t *testing.T) {
			in, at, step := d.in+last, 1, 1
			switch {
			case testing.Short():
				at, step = 1+len(in)/3, 1+len(in)/3
			case len(d.in) > 1000:
				step = 1 + len(in)/50
			case d.row != 67: // the parser is tested at every place; here, each third
				at, step = 1+i%3, 3
			}
			for ; at < len(in); at += step {
				c := dial(t, r.addr)
				read := r.bytesIn()
				c.Send(in[:at])
				until(t, "the server reads", func() bool { return r.Stats().BytesIn == read+uint64(at) })
				c.Write([]byte(in[at:]))
				if got := strings.TrimPrefix(c.All(), "100, "); got != d.want { // 100 as it may be: see TestExpect
					t.Fatalf("%q, split before its end %q,\nis answered %q, want %q", in[:at], in[at:], got, d.want)
				}
				c.Close()
				r.idle()
			}
		})
	}
}

// TestRFCDrip sends the mixed pipeline byte by byte.
func TestRFCDrip(t *testing.T) {
	t.Parallel()
	r := start(t, &Server{}, mirror)
	c := r.dial()
	go func() {
		in := mixed(50) + last
		for i := range len(in) {
			if _, err := c.Write([]byte(in[i : i+1])); err != nil {
				return
			}
			runtime.Gosched()
		}
	}()
	if got, want := c.All(), went(mixedAnswers(50)...); got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
}

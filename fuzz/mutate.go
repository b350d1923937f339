// Mutators that know HTTP: each makes one of the mistakes, or plays one of the tricks, that have
// broken parsers before (the classes are those of published advisories). What a mutant means is
// for a strict reader to say: some are still well formed.

package fuzz

import (
	"bytes"
	"fmt"
	"math/rand"
	"regexp"
	"strings"
)

// Mutate returns a changed copy of wire and the name of what was done to it. Mutants can be mutated again.
func (g *Gen) Mutate(wire []byte) (mutant []byte, how string) {
	m := mutators[g.rand.Intn(len(mutators))]
	if g.rand.Intn(3) == 0 { // those with a table of tricks to try have more to do than the others
		m = mutators[g.rand.Intn(tricks)]
	}
	return m.do(g.rand, bytes.Clone(wire)), m.name
}

const tricks = 13 // mutators at the head of the list that choose from a table

// Mutators may change the bytes they are given.
var mutators = []struct {
	name string
	do   func(r *rand.Rand, b []byte) []byte
}{
	{"add a framing field", func(r *rand.Rand, b []byte) []byte {
		return put(b, lineStart(r, b), pick(r, oddLengths...)+"\r\n")
	}},
	{"obfuscate the coding", func(r *rand.Rand, b []byte) []byte {
		return put(b, lineStart(r, b), pick(r, oddCodings...)+"\r\n")
	}},
	{"change the length", func(r *rand.Rand, b []byte) []byte {
		return replaceLine(r, b, "content-length:", pick(r, oddLengths...))
	}},
	{"change the coding", func(r *rand.Rand, b []byte) []byte {
		return replaceLine(r, b, "transfer-encoding:", pick(r, oddCodings...))
	}},
	{"change the host", func(r *rand.Rand, b []byte) []byte { return replaceLine(r, b, "host:", pick(r, oddHosts...)) }},
	{"change the connection", func(r *rand.Rand, b []byte) []byte { return put(b, lineStart(r, b), pick(r, oddConnections...)+"\r\n") }},
	{"change the version", func(r *rand.Rand, b []byte) []byte { return replace(r, b, "HTTP/1.", pick(r, oddVersions...)) }},
	{"change the target", changeTarget},
	{"add an odd name", func(r *rand.Rand, b []byte) []byte { return put(b, lineStart(r, b), pick(r, oddNames...)+": x\r\n") }},
	{"add a chunk line", func(r *rand.Rand, b []byte) []byte { return put(b, lineStart(r, b), pick(r, oddChunkLines...)) }},
	{"change a chunk's line", func(r *rand.Rand, b []byte) []byte {
		from, digits, to := sizeLine(r, b)
		return put(b, [...]int{from, digits, to}[r.Intn(3)], pick(r, oddSizes...))
	}},
	{"change the end of a chunk", func(r *rand.Rand, b []byte) []byte {
		from, _, _ := sizeLine(r, b)
		return put(cut(b, max(0, from-2), 2), max(0, from-2), pick(r, oddEnds...))
	}},
	{"change a line's end", func(r *rand.Rand, b []byte) []byte {
		at := find(r, b, "\r\n")
		return put(cut(b, at, 2), at, pick(r, oddEnds...))
	}},

	{"drop a CR", func(r *rand.Rand, b []byte) []byte { return cut(b, find(r, b, "\r\n"), 1) }},
	{"drop an LF", func(r *rand.Rand, b []byte) []byte { return cut(b, find(r, b, "\r\n")+1, 1) }},
	{"double a line end", func(r *rand.Rand, b []byte) []byte { return put(b, find(r, b, "\r\n"), "\r\n") }},
	{"bare CR", func(r *rand.Rand, b []byte) []byte { return put(b, anywhere(r, b), "\r") }},
	{"bare LF", func(r *rand.Rand, b []byte) []byte { return put(b, anywhere(r, b), "\n") }},
	{"CR CR LF", func(r *rand.Rand, b []byte) []byte { return put(b, find(r, b, "\r\n"), "\r") }},
	{"control", func(r *rand.Rand, b []byte) []byte {
		return put(b, anywhere(r, b), pick(r, "\x00", "\x01", "\t", "\v", "\f", "\x1f", "\x7f", "\x80", "\x85", "\xa0"))
	}},
	{"space", func(r *rand.Rand, b []byte) []byte { return put(b, anywhere(r, b), pick(r, " ", "\t", "  ")) }},
	{"whitespace before a colon", func(r *rand.Rand, b []byte) []byte { return put(b, find(r, b, ":"), pick(r, " ", "\t", "\x00")) }},
	{"whitespace before a line", func(r *rand.Rand, b []byte) []byte { return put(b, lineStart(r, b), pick(r, " ", "\t")) }},
	{"fold a value", func(r *rand.Rand, b []byte) []byte {
		return put(b, find(r, b, ":")+1, pick(r, "\r\n ", "\r\n\t", "\n "))
	}},
	{"double a line", doubleLine},
	{"move a line", moveLine},
	{"drop a line", func(r *rand.Rand, b []byte) []byte {
		from, to := randomLine(r, b)
		return cut(b, from, to-from)
	}},
	{"change a digit", func(r *rand.Rand, b []byte) []byte {
		if i := findClass(r, b, isHex); i < len(b) {
			b[i] = "0123456789abcdefABCDEFxg-+_ "[r.Intn(28)]
		}
		return b
	}},
	{"change case", func(r *rand.Rand, b []byte) []byte {
		if i := findClass(r, b, isAlpha); i < len(b) {
			b[i] ^= 0x20
		}
		return b
	}},
	{"change a byte", func(r *rand.Rand, b []byte) []byte {
		if len(b) > 0 {
			b[r.Intn(len(b))] = byte(r.Intn(256))
		}
		return b
	}},
	{"change a byte to one at the edge of a class", func(r *rand.Rand, b []byte) []byte {
		if len(b) > 0 {
			b[r.Intn(len(b))] = edges[r.Intn(len(edges))]
		}
		return b
	}},
	{"cut out", func(r *rand.Rand, b []byte) []byte { return cut(b, anywhere(r, b), 1+r.Intn(20)) }},
	{"truncate", func(r *rand.Rand, b []byte) []byte { return b[:anywhere(r, b)] }},
	{"repeat a part", func(r *rand.Rand, b []byte) []byte {
		i := anywhere(r, b)
		return put(b, i, string(b[i:min(len(b), i+1+r.Intn(40))]))
	}},
	{"long name", func(r *rand.Rand, b []byte) []byte {
		return put(b, lineStart(r, b), fmt.Sprintf("%s: x\r\n", bytes.Repeat([]byte("n"), 1+r.Intn(600))))
	}},
	{"long value", func(r *rand.Rand, b []byte) []byte {
		return put(b, find(r, b, ":")+1, string(bytes.Repeat([]byte("v "), 1+r.Intn(600))))
	}},
	{"smuggle", func(r *rand.Rand, b []byte) []byte {
		return put(b, lineStart(r, b), "GET /smuggled HTTP/1.1\r\nHost: evil\r\n\r\n")
	}},
}

// edges are the bytes next to where the classes of the grammar begin and end.
const edges = "\x00\x08\t\n\r\x1f !\"#$%&'()*+,-./09:;<=>?@AFGZ[\\]^_`afgz{|}~\x7f\x80\xff"

// What the mutators put in the place of the right thing.
var (
	oddLengths = []string{
		"Content-Length: 0", "Content-Length: 1", "Content-Length: 5", "Content-Length: +5", "Content-Length: -1",
		"Content-Length:", "Content-Length: 5, 5", "Content-Length: 5 5", "Content-Length: 0x5", "Content-Length: 5_0",
		"Content-Length: 5.0", "Content-Length: \"5\"", "Content-Length: 5;", "Content-Length: 9223372036854775807",
		"Content-Length: 9223372036854775808", "Content-Length: 18446744073709551621", "Content-Length: 99999999999999999999999",
		"Content-Length: 4294967301", "Content-Length\t: 5", "Content-Length : 5", "Content_Length: 5", "content-length: \xef\xbc\x95",
		"Transfer-Encoding: chunked",
	}
	oddCodings = []string{
		"Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, chunked",
		"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: identity", "Transfer-Encoding: chunked;q=1",
		"Transfer-Encoding: chunked ;", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: 'chunked'", "Transfer-Encoding: ", "Transfer-Encoding: ,",
		"Transfer-Encoding: ,chunked,", "Transfer-Encoding: chunked,", "Transfer-Encoding: chunked\r\nTransfer-Encoding:", "Transfer-Encoding:\vchunked", "Transfer-Encoding: \x00chunked", "Transfer-Encoding: chunked\x00",
		"Transfer-Encoding\t: chunked", "Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked",
		"Transfer_Encoding: chunked", "X: x\nTransfer-Encoding: chunked", "X: x\rTransfer-Encoding: chunked", "Transfer-Encoding: chunk",
		"Transfer-Encoding: chunkedd", "Transfer-Encoding: \xc5\xbfchunked", "Transfer-Encoding:chun\u212aed",
	}
	oddHosts = []string{
		"Host:", "Host: a b", "Host: a/b", "Host: a?b", "Host: a#b", "Host: a@b", "Host: a:b", "Host: a:65536", "Host: a:", "Host: :80",
		"Host: [::1", "Host: ::1", "Host: [::1]x", "Host: [::1]:1", "Host: [::1%25eth0]", "Host: [1::2::3]", "Host: [1:2:3:4:5:6:7:8:9]",
		"Host: [::1.2.3.256]", "Host: [::01.2.3.4]", "Host: [1:2:3:4:5:6:7::8]", "Host: [1:2:3:4:5:6:7:8::]", "Host: [v1.]", "Host: a%4", "Host: a%zz", "Host: a\\b", "Host: a,b", "Host: \xc3\xa9", "Host: a\r\nHost: a",
		"Host: <a>", "Host: a:+80", "Host: a:0x50", "Host: a:00000000000000000080", "Host: []", "Host: [:::]", "Host: [::00001]",
		"Host: []:80", "Host: a]:80", "Host: x[::1]",
	}
	oddConnections = []string{
		"Connection: close", "Connection: keep-alive", "Connection: CLOSE", "Connection: foo, close", "Connection: close;x",
		"Connection: ,close,", "Connection: close close", "Connection: keep-alive, close", "Connection: upgrade\r\nUpgrade: h2c",
		"Connection: \"close\"", "Connection: xclose", "Upgrade: websocket", "Expect: 100-continue", "Expect: x",
	}
	oddNames    = []string{"", "(", ")", "X(", "/", "X[", "{}", "X\"", "X,Y", "X;", "X=", "X@", "X\\", "X<", "X?", "X\x7f", "X\x80", "X\xff", "X\x00", "X\x1f", "X Y", "X\t", "|~", "^`"}
	oddVersions = []string{"HTTP/2.", "HTTP/0.", "http/1.", "HTTP/1.1", "HTTP/11.", "HTTP/1", "HTTP/+1.", "HTTP/ 1.", "HTTP /1.", "HTTP/1.\u0661", "ICY/1.", "HTTP/9."}
	oddTargets  = []string{
		"", "*", "/", "a", "/ /", "//", "/#f", "/\x00", "/\x7f", "/\xff", "/\t", "/%", "/%zz", "/a<b", "/?>", "/\"", "/?[]|{}^`\\", "/{a}", "http://a\\b", "http://a/\x80", "http://", "http:///", "http://a", "http://a:b/", "http://u@a/",
		"http://a?q", "http://a#f", "a:80", "[::1]:80", "a:0", "a:65536", "mailto:x", "1http://a/", "http:/a", "/?", "?q", "http://[::1/", "http://a:99999/", "*x",
	}
	oddSizes = []string{
		"x", " ", "\t", ";", ";a", " ;a", "; a", ";a ", ";a=", ";a=b", ";a=b ", ";a=b=c", ";a=\"", ";a=\"b\"", ";a=\"b\"c", ";a=\"b\\\"\"", ";a=\"\x00\"", ";a=\"\x7f\"", ";a=\"\xff\"", "0", "0x", "-", "+",
		"\x00", "\r", "\n", ",", "=", "\"", "_", "F", "FFFFFFFFFFFFFFF", "1000000000000000", "g",
	}
	oddEnds       = []string{"", "\n", "\r", "\r ", "\rX", "X\n", " \n", "\n\r", "\r\r\n", "\r\n\r\n", " \r\n", "\r\n ", "\x00\r\n", "\r\x00\n", "\v\n", "XY"}
	oddChunkLines = []string{
		"0\r\n\r\n", "0\r\n", "5\r\nhello\r\n", "-5\r\n", "+5\r\n", "0x5\r\n", "5 \r\n", " 5\r\n", "5;\r\n", "5;a\r\nhello\r\n", "5;a=b\r\nhello\r\n",
		"5;a=\"b\r\nhello\r\n", "5;a=\"\\\"\"\r\nhello\r\n", "5;a=\"\n\"\r\n", "5\nhello\n", "5\rhello\r\n", "5;a\nb\r\nhello\r\n", "g\r\n", "\r\n",
		"FFFFFFFFFFFFFFFF\r\n", "7fffffffffffffff\r\n", "8000000000000000\r\n", "10000000000000005\r\n", "100000005\r\n", "5_0\r\n", "5;a=\r\n",
		"5 ; a = b\r\nhello\r\n", "5;a b\r\nhello\r\n", "0\r\nContent-Length: 5\r\n\r\n", "0\r\n X: y\r\n\r\n", "0;a=\"\xff\"\r\n\r\n", "00000000000000000\r\n\r\n",
	}
)

func pick(r *rand.Rand, from ...string) string { return from[r.Intn(len(from))] }

func anywhere(r *rand.Rand, b []byte) int { return r.Intn(len(b) + 1) }

// find gives the place of one of the occurrences of s, or len(b).
func find(r *rand.Rand, b []byte, s string) int {
	n := bytes.Count(b, []byte(s))
	if n == 0 {
		return len(b)
	}
	at := 0
	for k := r.Intn(n); ; k-- {
		at += bytes.Index(b[at:], []byte(s))
		if k == 0 {
			return at
		}
		at += len(s)
	}
}

func findClass(r *rand.Rand, b []byte, class func(byte) bool) int {
	from := anywhere(r, b)
	for i := range b {
		if k := (from + i) % len(b); class(b[k]) {
			return k
		}
	}
	return len(b)
}

// lineStart gives the place after one of the line ends.
func lineStart(r *rand.Rand, b []byte) int { return min(len(b), find(r, b, "\r\n")+2) }

var sizeLines = regexp.MustCompile(`\r\n([0-9a-fA-F]+)((?:[ \t]*;[^\r\n]*)?)\r\n`)

// sizeLine finds what looks like the line of a chunk: where it begins, its digits end, and it ends.
// Without one all three are the end of b.
func sizeLine(r *rand.Rand, b []byte) (from, digits, to int) {
	all := sizeLines.FindAllSubmatchIndex(b, -1)
	if len(all) == 0 {
		return len(b), len(b), len(b)
	}
	at := all[r.Intn(len(all))]
	return at[2], at[3], at[5]
}

func randomLine(r *rand.Rand, b []byte) (from, to int) {
	from = lineStart(r, b)
	if i := bytes.IndexByte(b[from:], '\n'); i >= 0 {
		return from, from + i + 1
	}
	return from, len(b)
}

func cut(b []byte, at, n int) []byte {
	at, n = min(at, len(b)), max(n, 0)
	return append(b[:at], b[min(len(b), at+n):]...)
}

func put(b []byte, at int, s string) []byte {
	at = min(at, len(b))
	return append(b[:at:at], append([]byte(s), b[at:]...)...)
}

func doubleLine(r *rand.Rand, b []byte) []byte {
	from, to := randomLine(r, b)
	return put(b, to, string(b[from:to]))
}

func moveLine(r *rand.Rand, b []byte) []byte {
	from, to := randomLine(r, b)
	line := string(b[from:to])
	b = cut(b, from, to-from)
	return put(b, lineStart(r, b), line)
}

// replaceLine puts another line in the place of one that begins with start, in any case, or adds it.
func replaceLine(r *rand.Rand, b []byte, start, with string) []byte {
	from := strings.Index(lower(string(b)), "\n"+start) + 1
	if from == 0 {
		return put(b, lineStart(r, b), with+"\r\n")
	}
	to := len(b)
	if i := bytes.Index(b[from:], []byte("\r\n")); i >= 0 {
		to = from + i
	}
	return put(cut(b, from, to-from), from, with)
}

func replace(r *rand.Rand, b []byte, s, with string) []byte {
	if at := find(r, b, s); at < len(b) {
		return put(cut(b, at, len(s)), at, with)
	}
	return b
}

func changeTarget(r *rand.Rand, b []byte) []byte {
	if r.Intn(2) == 0 { // with a method that is particular about it
		b = put(cut(b, 0, bytes.IndexByte(b, ' ')), 0, pick(r, "CONNECT", "OPTIONS", "GET"))
	}
	from := bytes.IndexByte(b, ' ') + 1
	n := max(0, bytes.IndexByte(b[from:], ' '))
	return put(cut(b, from, n), from, pick(r, oddTargets...))
}

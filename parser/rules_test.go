package parser

import (
	"strings"
	"testing"
)

// TestRules are the duties of RFC 9112 and 9110 that a parser has. The names begin with the row in
// docs/rfc9112.md, then comes the section. Each input is read whole, in drips and split at every position.
func TestRules(t *testing.T) {
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	first := func(line string) string { return line + "\r\nHost: a\r\n\r\n" }
	host := func(h string) string { return "GET / HTTP/1.1\r\nHost: " + h + "\r\n\r\n" }
	field := func(f string) string { return "GET / HTTP/1.1\r\nHost: a\r\n" + f + "\r\n\r\n" }
	connect := func(target string) string { return "CONNECT " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" }
	length := func(v string) string { return field("Content-Length: " + v) }
	coding := func(v string) string { return field("Transfer-Encoding: " + v) }
	chunked := func(body string) string { return field("Transfer-Encoding: chunked") + body }
	const tchars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

	type c = struct {
		in   string
		want any // an Error; nil: taken; unfinished; or a string that the reading holds
	}
	for _, rule := range []struct {
		name  string
		cases []c
	}{
		{"1 9112 2.2 octets pass through", []c{
			{field("X: \x80\xff\xc3"), "field \"X\" \"\x80\xff\xc3\""}, {get("/%80%ff%C3"), "request \"GET\" \"/%80%ff%C3\""},
		}},
		{"2 9112 2.2 empty lines before a request", []c{
			{"\r\n" + get("/"), nil},
			{"\r\n\r\n" + get("/"), nil},
			{get("/") + "\r\n" + get("/b"), "path \"/b\""},
			{"\n" + get("/"), ErrMethod},
			{"\r" + get("/"), ErrLineEnd},
		}},
		{"3 9112 2.2 a bare LF ends no line", []c{
			{"GET / HTTP/1.1\nHost: a\n\n", ErrLineEnd},
			{"GET / HTTP/1.1\r\nHost: a\n\r\n", ErrLineEnd},
			{"GET / HTTP/1.1\r\nHost: a\r\n\n", ErrName},
			{chunked("1\na\r\n0\r\n\r\n"), ErrChunkEnd},
			{chunked("1\r\na\n0\r\n\r\n"), ErrChunkEnd},
			{chunked("1;a=b\n"), ErrChunkEnd},
			{chunked("1;a=\"b\n"), ErrChunkExt},
			{chunked("0\r\nA: b\n\r\n"), ErrLineEnd},
		}},
		{"4 9112 2.2 a bare CR", []c{
			{field("X-A: a\rb"), ErrLineEnd},
			{"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", ErrLineEnd},
			{"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", ErrLineEnd},
			{"GET / HTTP/1.1\rHost: a\r\n\r\n", ErrLineEnd},
			{field("X: a\r"), ErrLineEnd},
			{"GET / HTTP/1.1\r\nHost: a\r\n\rX", ErrLineEnd},
			{chunked("0\r\n\rX"), ErrLineEnd},
		}},
		{"5 9112 2.2 whitespace before the first field", []c{
			{"GET / HTTP/1.1\r\n Host: a\r\n\r\n", ErrFold},
			{"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", ErrFold},
		}},
		{"7 9112 2.3 HTTP-version", []c{
			{first("GET / http/1.1"), ErrVersion},
			{first("GET / HTTP/1"), ErrVersion},
			{first("GET / HTTP/1."), ErrVersion},
			{first("GET / HTTP/1.10"), ErrVersion},
			{first("GET / HTTP/11.1"), ErrVersion},
			{first("GET / HTTP/+1.1"), ErrVersion},
			{first("GET / HTTP/1.1 "), ErrVersion},
			{first("GET / HTTP /1.1"), ErrVersion},
			{first("GET / ICE/1.0"), ErrVersion},
			{"HTTP/1.1 200 OK\r\n\r\n", ErrMethod}, // a response is no request
		}},
		{"8 9110 15.6.6 other major versions", []c{
			{first("GET / HTTP/2.0"), ErrMajor},
			{first("GET / HTTP/3.0"), ErrMajor},
			{first("GET / HTTP/0.9"), ErrMajor},
			{first("PRI * HTTP/2.0"), ErrMajor},
		}},
		{"9 9110 6.2 a higher minor is 1.1", []c{
			{first("GET / HTTP/1.2"), "means 1 "},
			{"GET / HTTP/1.9\r\n\r\n", ErrHostMissing},
		}},
		{"10 9112 2.3 no HTTP/0.9", []c{
			{"GET /\r\n", ErrVersion},
			{"GET /\n", ErrTarget},
			{"GET\r\n", ErrMethod},
		}},
		{"12 9112 3 one space between the parts", []c{
			{first("GET  / HTTP/1.1"), ErrTarget},
			{first("GET /  HTTP/1.1"), ErrVersion},
			{first("GET / x HTTP/1.1"), ErrVersion},
			{first("GET\t/ HTTP/1.1"), ErrMethod},
			{first("GET /\tHTTP/1.1"), ErrTarget},
			{first(" GET / HTTP/1.1"), ErrMethod},
		}},
		{"13 9110 9.1 the method is a token", []c{
			{first("GE(T / HTTP/1.1"), ErrMethod},
			{first("G\x80T / HTTP/1.1"), ErrMethod},
			{first(tchars[:32] + " / HTTP/1.1"), nil},
			{first(tchars[32:64] + " / HTTP/1.1"), nil},
			{first(tchars[64:] + " / HTTP/1.1"), nil},
			{first("get / HTTP/1.1"), "request \"get\""},
		}},
		{"14 9112 3 a method without end", []c{
			{strings.Repeat("A", 100), ErrMethodLong},
		}},
		{"16 9112 3 a request line of 8000", []c{
			{get("/?" + strings.Repeat("q", 7970)), nil},
		}},
		{"17 9112 3.2 Host in 1.1", []c{
			{"GET / HTTP/1.1\r\n\r\n", ErrHostMissing},
			{"GET / HTTP/1.1\r\nHosts: a\r\n\r\n", ErrHostMissing},
			{"GET http://a/ HTTP/1.1\r\n\r\n", ErrHostMissing},
		}},
		{"18 9112 3.2 one Host", []c{
			{field("Host: b"), ErrHostTwice},
			{field("hOST: a"), ErrHostTwice},
			{"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", ErrHostTwice},
			{host("a, b"), ErrHost},
		}},
		{"19 9112 3.2 Host is uri-host[:port]", []c{
			{host("a b"), ErrHost}, {host("a/"), ErrHost}, {host("a?"), ErrHost}, {host("a#"), ErrHost},
			{host("u@a"), ErrHost}, {host("a\\"), ErrHost}, {host("a<"), ErrHost}, {host("a:x"), ErrHost},
			{host("a:1:2"), ErrHost}, {host("a:-1"), ErrHost}, {host("a:65536"), ErrHost}, {host(":80"), ErrHost},
			{host("a%"), ErrHost}, {host("a%2"), ErrHost}, {host("a%2g"), ErrHost}, {host("\x80"), ErrHost},
			{host("["), ErrHost}, {host("[]"), ErrHost}, {host("[::1"), ErrHost}, {host("::1"), ErrHost},
			{host("[::1]a"), ErrHost}, {host("[:::1]"), ErrHost}, {host("[1::2::3]"), ErrHost},
			{host("[1:2:3:4:5:6:7]"), ErrHost}, {host("[1:2:3:4:5:6:7::8]"), ErrHost}, {host("[::1:2:3:4:5:6:7:8]"), ErrHost}, {host("[1:2:3:4:5:6:7:8:9]"), ErrHost}, {host("[12345::]"), ErrHost},
			{host("[::1%25eth0]"), ErrHost}, {host("[::256.0.0.1]"), ErrHost}, {host("[::1.2.3]"), ErrHost},
			{host("[v.a]"), ErrHost}, {host("[v1.]"), ErrHost}, {host("[g::]"), ErrHost},
			{host(""), nil}, {host("a"), nil}, {host("a:"), nil}, {host("a.example:8080"), nil}, {host("127.0.0.1:80"), nil},
			{host("[::]"), nil}, {host("[::1]:80"), nil}, {host("[1:2:3:4:5:6:7:8]"), nil}, {host("[1::8]"), nil},
			{host("[::ffff:1.2.3.4]"), nil}, {host("[1:2:3:4:5:6:1.2.3.4]"), nil}, {host("[v1.a:b]"), nil},
			{host("a%20b"), nil}, {host("a_b~c!$&'()*+,;="), nil}, {host(" \t a \t"), "\"a\""},
		}},
		{"20 9112 3.2 1.0 without Host", []c{
			{"GET / HTTP/1.0\r\n\r\n", "means 0 "},
		}},
		{"21 9112 3.2.1 origin-form", []c{
			{get("a"), ErrTargetForm}, {get("\\"), ErrTargetForm}, {get("?a"), ErrTargetForm},
			{get("/\x7f"), ErrTarget}, {get("/\x00"), ErrTarget}, {get("/\x1f"), ErrTarget},
			{get("/a?b?c"), "path \"/a\" \"b?c\" \"a\""},
			{get("/a?"), "path \"/a\" \"\""},
			{get("//a"), "path \"//a\""},
			{get("/http://x/"), "path \"/http://x/\""},
		}},
		{"21 RFC 3986, and what the URL standard's browsers send", targetCases(get, connect, first)},
		{"22 9112 3.2.2 absolute-form", []c{
			{get("http://b/c?d"), "path \"/c\" \"d\" \"b\""},
			{get("HTTPS://b:1"), "path \"/\" \"\" \"b:1\""},
			{get("http://b?d"), "path \"/\" \"d\" \"b\""},
			{get("http:///c"), ErrTargetForm}, {get("http:/c"), ErrTargetForm}, {get("http://"), ErrTargetForm},
			{get("://b"), ErrTargetForm}, {get("1a://b"), ErrTargetForm}, {get("http://u@b/"), ErrTargetForm},
			{get("http://b:x/"), ErrTargetForm}, {get("http://[::1/"), ErrTargetForm}, {get("urn:a"), ErrTargetForm},
		}},
		{"23 9112 3.2.2 the target's authority is the host", []c{
			{"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "path \"/\" \"\" \"b\""},
		}},
		{"24 9112 3.2.3 authority-form", []c{
			{connect("b:80"), "path \"\" \"\" \"b:80\""}, {connect("[::1]:443"), nil},
			{connect("b"), ErrTargetForm}, {connect("b:"), ErrTargetForm}, {connect("b:0"), ErrTargetForm},
			{connect("b:x"), ErrTargetForm}, {connect("b:65536"), ErrTargetForm}, {connect("/"), ErrTargetForm},
			{connect("http://b:80/"), ErrTargetForm}, {connect(":80"), ErrTargetForm}, {connect("*"), ErrTargetForm},
			{get("host:80"), ErrTargetForm},
		}},
		{"25 9112 3.2.4 asterisk-form", []c{
			{first("OPTIONS * HTTP/1.1"), "path \"*\""},
			{first("GET * HTTP/1.1"), ErrTargetForm}, {first("options * HTTP/1.1"), ErrTargetForm},
			{first("OPTIONS ** HTTP/1.1"), ErrTargetForm}, {first("OPTIONS *?a HTTP/1.1"), ErrTargetForm},
		}},
		{"26 9112 3.2 no fragment", []c{
			{get("/a#b"), ErrTarget}, {get("/a?b#"), ErrTarget}, {get("#"), ErrTarget}, {get("http://b#c"), ErrTarget},
		}},
		{"27 9112 5.1 no whitespace before the colon", []c{
			{field("X : y"), ErrName}, {field("X\t: y"), ErrName}, {field("Content-Length : 0"), ErrName},
		}},
		{"28 9110 5.1 a name is a token", []c{
			{field(": y"), ErrName}, {field("X"), ErrName}, {field("X\x01: y"), ErrName}, {field("X\x00: y"), ErrName},
			{field("X(: y"), ErrName}, {field("X\x7f: y"), ErrName}, {field("X\x80: y"), ErrName}, {field("X\xff: y"), ErrName},
			{field("X Y: y"), ErrName}, {field("(X: y"), ErrName}, {field("X\r: y"), ErrName},
			{field(tchars + ": y"), "field \"" + tchars + "\" \"y\""},
		}},
		{"29 9110 5.5 OWS is no part of a value", []c{
			{field("X: \t a b \t "), "field \"X\" \"a b\"\n"}, {field("X:a"), "field \"X\" \"a\"\n"}, {field("X: \t \t"), "field \"X\" \"\"\n"},
			{length(" \t 0 \t"), nil}, {coding("\tchunked \t") + "0\r\n\r\n", "Chunked"},
		}},
		{"30 9112 5.2 obs-fold", []c{
			{field("X: a\r\n b"), ErrFold}, {field("X: a\r\n\tb"), ErrFold}, {field("X:\r\n "), ErrFold},
			{length("1\r\n 0"), ErrFold}, {coding("\r\n chunked"), ErrFold},
		}},
		{"31 9110 5.5 CR, LF, NUL in a value", []c{
			{field("X: a\x00b"), ErrValue}, {field("X: \x00"), ErrValue}, {field("X: a\nb"), ErrLineEnd}, {field("X: a\rb"), ErrLineEnd},
		}},
		{"32 9110 5.5 other controls in a value", []c{
			{field("X: a\x01"), ErrValue}, {field("X: \x1f"), ErrValue}, {field("X: a\x7fb"), ErrValue}, {field("X: a\x0bb"), ErrValue},
			{field("X: a\tb"), "\"a\tb\""},
		}},
		{"33 9110 5.5 obs-text is kept", []c{
			{field("X: \x80 \xfe\xff"), "\"\x80 \xfe\xff\""},
		}},
		{"34 9110 5.5 empty values", []c{
			{field("X:"), "field \"X\" \"\"\n"}, {field("X: "), "field \"X\" \"\"\n"},
		}},
		{"36 9110 5.1 unknown fields", []c{
			{field("X-Content-Length: 5"), "NoBody"}, {field("Content-Lengths: 5"), "NoBody"}, {field("ontent-Length: 5"), "NoBody"},
			{field("Content\rLength: 5"), ErrName}, {field("Content\x0dLength: 5"), ErrName},
		}},
		{"37 9110 5.3 all lines, in order", []c{
			{field("A: 1\r\nB: 2\r\na: 3"), "field \"A\" \"1\"\nfield \"B\" \"2\"\nfield \"a\" \"3\"\n"},
		}},
		{"38 9110 5.6.1.2 empty list elements", []c{
			{field("Connection: , close"), "false"}, {field("Connection: close,"), "false"}, {field("Connection:\r\nConnection: ,,close, ,"), "false"},
			// but for those of codings, where senders have no reason for them and readings differ
			{coding(",chunked"), ErrCoding}, {coding("chunked,"), ErrCoding}, {coding("chunked ,\t"), ErrCoding}, {coding(", ,\t, chunked , ,"), ErrCoding},
			{coding("chunked\r\nTransfer-Encoding:"), ErrCoding}, {coding("\r\nTransfer-Encoding: chunked"), ErrCoding}, {coding("gzip,,chunked"), ErrCoding},
			{coding(","), ErrCoding}, {coding(""), ErrCoding}, {coding(" \t"), ErrCoding}, {coding(",gzip"), ErrCoding},
		}},
		{"39 9112 7.1 chunked", []c{
			{chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), "body \"hello world\"\nend"},
			{chunked("0\r\n\r\n"), "body \"\"\nend"},
		}},
		{"40 9112 7 codings are case-insensitive", []c{
			{coding("CHUNKED") + "0\r\n\r\n", "Chunked"}, {coding("Chunked") + "0\r\n\r\n", "Chunked"},
		}},
		{"41 9112 6.1 Transfer-Encoding and Content-Length", []c{
			{field("Transfer-Encoding: chunked\r\nContent-Length: 5"), ErrBothFraming},
			{field("Content-Length: 0\r\nTransfer-Encoding: chunked"), ErrBothFraming},
			{field("Content-Length: 5\r\nTransfer-Encoding: identity"), ErrBothFraming},
		}},
		{"42 9112 6.1 other codings", []c{
			{coding("blorp"), ErrCodingOther}, {coding("xchunked"), ErrCodingOther}, {coding("chunk"), ErrCodingOther},
			{coding("\"chunked\""), ErrCodingOther}, {coding("identity"), ErrCodingOther}, {coding("gzip"), ErrCodingOther},
			{coding("gzip, chunked"), ErrCodingOther}, {field("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"), ErrCodingOther},
			{coding("chunkedchunked"), ErrCodingOther}, {coding("chunked\x80"), ErrCoding},
		}},
		{"43 9112 6.3 chunked is the last coding", []c{
			{coding("chunked, gzip"), ErrCoding}, {field("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip"), ErrCoding},
		}},
		{"44 9112 6.1 chunked twice", []c{
			{coding("chunked, chunked"), ErrCoding}, {field("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), ErrCoding},
		}},
		{"45 9112 7.1 parameters on chunked", []c{
			{coding("chunked;a=b"), ErrCoding}, {coding("chunked ;a"), ErrCoding}, {coding("chunked;"), ErrCoding}, {coding("chunked x"), ErrCoding},
		}},
		{"46 9112 6.1 Transfer-Encoding in 1.0", []c{
			{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", ErrCodingMinor},
		}},
		{"47 9112 6.2 a body of Content-Length", []c{
			{length("5") + "hello" + get("/b"), "body \"hello\"\nend 51\nrequest \"GET\" \"/b\""},
			{length("0") + get("/b"), "request \"GET\" \"/b\""},
			{length("00005") + "hello", "body \"hello\"\nend"},
		}},
		{"48 9110 8.6 Content-Length is digits", []c{
			{length(""), ErrLength}, {length("+5"), ErrLength}, {length("-5"), ErrLength}, {length("0x5"), ErrLength}, {length("5.0"), ErrLength},
			{length("5e0"), ErrLength}, {length("\"5\""), ErrLength}, {length("\xef\xbc\x95"), ErrLength}, {length("5;"), ErrLength}, {length("5 5"), ErrLength},
			{length("5a"), ErrLength}, {length("5_0"), ErrLength},
		}},
		{"49 9110 8.6 Content-Length twice", []c{
			{length("5\r\nContent-Length: 6"), ErrLengthTwice}, {length("5, 6"), ErrLength},
		}},
		{"50 9112 6.3 even the same one", []c{
			{length("5\r\ncontent-length: 5"), ErrLengthTwice}, {length("5, 5"), ErrLength},
		}},
		{"51 9110 8.6 no overflow", []c{
			{length("9223372036854775807"), "Sized 9223372036854775807"},
			{length("9223372036854775808"), ErrLength}, {length("18446744073709551621"), ErrLength}, {length("18446744073709551616"), ErrLength},
			{length(strings.Repeat("9", 23)), ErrLength}, {length(strings.Repeat("0", 50) + "5"), "Sized 5"},
		}},
		{"52 9112 6.3 neither", []c{
			{"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "NoBody 0"},
		}},
		{"53 9112 6.3, 8 incomplete", []c{
			{length("5") + "hell", unfinished}, {"GET / HTTP/1.1\r\nHost: a\r\n", unfinished},
			{chunked("5\r\nhello\r\n"), unfinished}, {chunked("5\r\nhel"), unfinished}, {chunked("0\r\n"), unfinished},
		}},
		{"54 9112 7.1 chunk-size is hex", []c{
			{chunked("A\r\n0123456789\r\n0\r\n\r\n"), "body \"0123456789\""}, {chunked("a\r\n0123456789\r\n0\r\n\r\n"), "body \"0123456789\""},
			{chunked("00000000000000000000a\r\n0123456789\r\n000\r\n\r\n"), "body \"0123456789\""},
			{chunked("g\r\n"), ErrChunkSize}, {chunked("-1\r\n"), ErrChunkSize}, {chunked("+1\r\n"), ErrChunkSize}, {chunked("0x1\r\n"), ErrChunkSize},
			{chunked("1_0\r\n"), ErrChunkSize}, {chunked("\r\n"), ErrChunkSize}, {chunked(";a\r\n"), ErrChunkSize}, {chunked("1.0\r\n"), ErrChunkSize},
		}},
		{"55 9112 7.1 no overflow", []c{
			{chunked("100000005\r\n"), unfinished}, {chunked("7fffffffffffffff\r\n"), unfinished}, {chunked("8000000000000000\r\n"), ErrChunkSize},
			{chunked("FFFFFFFFFFFFFFFF\r\n"), ErrChunkSize}, {chunked("10000000000000005\r\n"), ErrChunkSize}, {chunked("00000000000000005\r\nhello\r\n0\r\n\r\n"), nil},
		}},
		{"56 9112 7.1 CRLF and nothing else", []c{
			{chunked("5\r\nhello0\r\n\r\n"), ErrChunkEnd}, {chunked("5\r\nhello \r\n"), ErrChunkEnd}, {chunked("5\r\nhello\rx"), ErrChunkEnd},
			{chunked("5\r\nhello\r\r\n"), ErrChunkEnd}, {chunked("5\r\r\nhello"), ErrChunkEnd}, {chunked("5\rhello"), ErrChunkEnd},
			{chunked(" 5\r\n"), ErrChunkSize}, {chunked("5 \r\n"), ErrChunkExt}, {chunked("5\t\r\n"), ErrChunkExt}, {chunked("\r\n5\r\n"), ErrChunkSize},
			{chunked("5\r\nhello\r\n\r\n"), ErrChunkSize}, {chunked("5\r\nhelloX\r\n"), ErrChunkEnd}, {chunked("5\nhello\n"), ErrChunkEnd},
			{chunked("0\n\n"), ErrChunkEnd}, {chunked("0\r\n\n"), ErrName}, {chunked("0\r\n\r\r\n"), ErrLineEnd},
		}},
		{"57 9112 7.1.1 extensions are skipped", []c{
			{chunked("5;a\r\nhello\r\n0\r\n\r\n"), "body \"hello\""}, {chunked("5;a=b;c\r\nhello\r\n0;d\r\n\r\n"), "body \"hello\""},
			{chunked("5;a=\"b;\\\"\\\\\r\nhello"), ErrChunkExt},
			{chunked("5;a=\"b;\\\"\t\\\\\x80\"\r\nhello\r\n0\r\n\r\n"), "body \"hello\""},
			{chunked("5 ; a\t= \"b\" ;c\r\nhello\r\n0\r\n\r\n"), "body \"hello\""},
			{chunked("5;\r\n"), ErrChunkExt}, {chunked("5;a=\r\n"), ErrChunkExt}, {chunked("5;=b\r\n"), ErrChunkExt}, {chunked("5;a=b c\r\n"), ErrChunkExt},
			{chunked("5;a=\"b\"c\r\n"), ErrChunkExt}, {chunked("5;a=\"b\r\n"), ErrChunkExt}, {chunked("5;a \r\n"), ErrChunkExt}, {chunked("5;;a\r\n"), ErrChunkExt},
			{chunked("5;a\x00\r\n"), ErrChunkExt}, {chunked("5;a=\"\x7f\"\r\n"), ErrChunkExt}, {chunked("5;a=\"\\\x00\"\r\n"), ErrChunkExt}, {chunked("5;a b\r\n"), ErrChunkExt},
		}},
		{"58 9112 7.1.2 trailers have no effect", []c{
			{chunked("0\r\nContent-Length: 5\r\nHost: b\r\nTransfer-Encoding: x\r\n\r\n") + get("/b"), "body \"\"\nend 110\nrequest \"GET\" \"/b\""},
			{chunked("0\r\nA : b\r\n\r\n"), ErrName}, {chunked("0\r\nA: b\r\n c\r\n\r\n"), ErrFold}, {chunked("0\r\nA: \x00\r\n\r\n"), ErrValue},
			{chunked("0\r\nA\r\n\r\n"), ErrName}, {chunked("0\r\n: b\r\n\r\n"), ErrName},
		}},
		{"59 9112 7.1.2 the empty line ends it", []c{
			{chunked("0\r\n"), unfinished}, {chunked("0\r\n\r"), unfinished}, {chunked("0\r\nA: b\r\n"), unfinished}, {chunked("0\r\nA: b\r\n\r\n"), "end"},
		}},
		{"60 9112 9.3 1.1 persists", []c{
			{get("/"), "0truefalsefalse"}, {field("Connection: x"), "0truefalsefalse"},
		}},
		{"61 9112 9.6 close, anywhere and in any case", []c{
			{field("Connection: close"), "0falsefalsefalse"}, {field("Connection: CLOSE"), "0falsefalsefalse"}, {field("Connection: foo, close"), "0falsefalsefalse"},
			{field("Connection: foo\r\nConnection: close"), "0falsefalsefalse"}, {field("Connection: keep-alive, close"), "0falsefalsefalse"},
			{field("Connection: closed"), "0truefalsefalse"}, {field("Connection: clos"), "0truefalsefalse"},
		}},
		{"63 9112 9.3 1.0 closes unless keep-alive", []c{
			{"GET / HTTP/1.0\r\n\r\n", "0falsefalsefalse"}, {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "0truefalsefalse"},
			{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "0falsefalsefalse"},
		}},
		{"77 9110 10.1.1 Expect only in 1.1", []c{
			{field("Expect: 100-continue"), "0truefalsetrue"}, {"GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "0falsefalsefalse"},
		}},
		{"79 9110 7.8 Upgrade needs 1.1 and the option", []c{
			{field("Upgrade: x\r\nConnection: upgrade"), "0truetruefalse"}, {field("Upgrade: x\r\nConnection: a, Upgrade"), "0truetruefalse"},
			{field("Upgrade: x"), "0truefalsefalse"}, {field("Connection: upgrade"), "0truefalsefalse"},
			{"GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "0falsefalsefalse"},
		}},
	} {
		t.Run(rule.name, func(t *testing.T) {
			for _, c := range rule.cases {
				r := newReader()
				got := r.read([]byte(c.in))
				switch want := c.want.(type) {
				case nil:
					if r.err != nil || r.whole != r.heads || r.heads == 0 {
						t.Errorf("%.200q is not taken: %v\n%s", c.in, r.err, got)
					}
				case Error:
					if r.err != want {
						t.Errorf("%.200q: %v, not %v\n%s", c.in, r.err, want, got)
					}
				case string:
					if r.err != nil || !strings.Contains(got, want) {
						t.Errorf("%.200q: no %q in\n%s", c.in, want, got)
					}
				case unfinishedType:
					if r.err != nil || r.heads > r.whole+1 || r.heads > 0 && r.heads == r.whole {
						t.Errorf("%.200q is not unfinished: %v\n%s", c.in, r.err, got)
					}
				}
				splits(t, r, []byte(c.in))
			}
		})
	}
}

// targetCases has every byte in every part of a target that may hold any, in each form.
func targetCases(get, connect, first func(string) string) (cases []struct {
	in   string
	want any
}) {
	add := func(in string, want any) {
		cases = append(cases, struct {
			in   string
			want any
		}{in, want})
	}
	const pchar = "-._~!$&'()*+,;=:@%0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" // RFC 3986 3.3
	const browsers = "[]|{}^`\\"                                                                     // left as they are by the URL standard, in a path or a query
	for c := range 256 {
		s := string([]byte{byte(c)})
		for _, form := range []struct{ before, after, also string }{
			{"/x", "y", "/?"}, {"/x?", "y", "/?"}, {"/", "", "/?"}, {"/a-target-of-more-than-one-block-of-sixty-four-bytes-is-read-in-a-loop/", "z", "/?"},
			{"/?a=b&c=", "/this?one=has+the+byte+near+its+start", "/?"}, {"http://h/", "", "/?"}, {"http://h?x", "y", "/?"},
		} {
			in := get(form.before + s + form.after)
			switch {
			case c == ' ' || c == '\r':
				add(in, ErrVersion) // the target ends there
			case strings.Contains(pchar+browsers+form.also, s):
				add(in, form.before+s+form.after)
			default:
				add(in, ErrTarget)
			}
		}
		if c >= 0x80 || strings.Contains("\"<>#", s) {
			add(connect("h"+s+":80"), ErrTarget)
			add(first("OPTIONS *"+s+" HTTP/1.1"), ErrTarget)
			add(get("http://h"+s+"/"), ErrTarget)
		}
	}
	// An escape is for whoever decodes it: browsers send "%" as it is.
	for _, t := range []string{"/%", "/%4", "/%zz", "/?100%", "/%00", "/%2e%2E/", "http://h/%x"} {
		add(get(t), "request \"GET\" \""+t+"\"")
	}
	return cases
}

type unfinishedType struct{}

var unfinished unfinishedType

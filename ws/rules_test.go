// Rules of RFC 6455 and 7692 by section, over a socket: each input whole, and a
// byte at a time.

package ws

import (
	"slices"
	"strings"
	"testing"
)

var (
	k64   = strings.Repeat("0123456789abcdef", 4<<10)
	mixed = strings.Repeat("aé€𝄞", 1000)
)

// The connection ends after each case: with a close frame of the client's, if the
// case does not bring the end about.
var rules = []struct {
	rule    string
	in      [][]byte
	want    string // frames of the server until it ends the connection
	deflate string // an offer: then the server takes it
}{
	{"5.2 empty text", [][]byte{text("")}, `text ""`, ""},
	{"5.2 text", [][]byte{text("hello")}, `text "hello"`, ""},
	{"5.2 binary", [][]byte{bin("\x00\xff")}, `binary "\x00\xff"`, ""},
	{"5.2 lengths 125, 126, 127", [][]byte{bin(k64[:125]), bin(k64[:126]), bin(k64[:127])}, `binary of 125, binary of 126, binary of 127`, ""},
	{"5.2 lengths 65535, 65536", [][]byte{bin(k64[:65535]), bin(k64)}, `binary of 65535, binary of 65536`, ""},
	{"5.2 RSV1", [][]byte{frameOf(0xc1, "x")}, `close 1002`, ""},
	{"5.2 RSV2", [][]byte{frameOf(0xa1, "x")}, `close 1002`, ""},
	{"5.2 RSV3 of a ping", [][]byte{frameOf(0x99, "x")}, `close 1002`, ""},
	{"5.2 RSV1 behind a message", [][]byte{text("a"), frameOf(0xc1, "x"), ping("x")}, `text "a", close 1002`, ""},
	{"5.2 reserved opcode 3", [][]byte{frameOf(0x83, "x")}, `close 1002`, ""},
	{"5.2 reserved opcode 7", [][]byte{frameOf(0x87, "")}, `close 1002`, ""},
	{"5.2 reserved opcode 11", [][]byte{text("a"), frameOf(0x8b, "x"), ping("")}, `text "a", close 1002`, ""},
	{"5.2 reserved opcode 15", [][]byte{frameOf(0x8f, strings.Repeat("x", 126))}, `close 1002`, ""},
	{"5.2 length 5 in 16 bits", [][]byte{[]byte("\x81\xfe\x00\x05")}, `close 1002`, ""},
	{"5.2 length 300 in 64 bits", [][]byte{[]byte("\x81\xff\x00\x00\x00\x00\x00\x00\x01\x2c")}, `close 1002`, ""},
	{"5.2 length 2^63", [][]byte{[]byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00")}, `close 1002`, ""},
	{"10.4 length 2^62", [][]byte{[]byte("\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00mask")}, `close 1009`, ""},
	{"5.1 not masked", [][]byte{[]byte("\x81\x05hello")}, `close 1002`, ""},
	{"5.3 mask 0", [][]byte{[]byte("\x81\x85\x00\x00\x00\x00hello")}, `text "hello"`, ""},
	{"5.4 fragments", [][]byte{begin(Text, "a"), more("b"), more(""), end("c")}, `text "abc"`, ""},
	{"5.4 empty fragments", [][]byte{begin(Text, ""), more(""), end("")}, `text ""`, ""},
	{"5.4 ping between", [][]byte{begin(Text, "a"), ping("1"), more("b"), ping("2"), end("c")}, `pong "1", pong "2", text "abc"`, ""},
	{"5.4 pong between", [][]byte{begin(Text, "a"), pong("1"), end("c")}, `text "ac"`, ""},
	{"5.4 close between", [][]byte{begin(Text, "a"), bye(1000, "")}, `close 1000`, ""},
	{"5.4 text within text", [][]byte{begin(Text, "a"), text("b")}, `close 1002`, ""},
	{"5.4 continuation of nothing", [][]byte{end("a")}, `close 1002`, ""},
	{"5.4 continuation of nothing, FIN 0", [][]byte{more("a")}, `close 1002`, ""},
	{"5.4 continuation behind the end", [][]byte{begin(Text, "a"), end("b"), end("c")}, `text "ab", close 1002`, ""},
	{"5.5 ping", [][]byte{ping("")}, `pong ""`, ""},
	{"5.5 ping of 125", [][]byte{ping(k64[:125])}, `pong of 125`, ""},
	{"5.5 ping of 126", [][]byte{ping(k64[:126])}, `close 1002`, ""},
	{"5.5 ping that is binary", [][]byte{ping("\x00\xff\xfe")}, `pong "\x00\xff\xfe"`, ""},
	{"5.5 ping in fragments", [][]byte{begin(Ping, "a"), end("b")}, `close 1002`, ""},
	{"5.5 close in fragments", [][]byte{begin(Close, "\x03\xe8"), end("")}, `close 1002`, ""},
	{"5.5.2 pings in order", [][]byte{ping("1"), text("a"), ping("2"), text("b")}, `pong "1", text "a", pong "2", text "b"`, ""},
	{"5.5.3 pongs that nobody asked for", [][]byte{pong("x"), pong(""), ping("y")}, `pong "y"`, ""},
	{"5.5.1 close without a code", [][]byte{frameOf(0x88, "")}, `close ""`, ""},
	{"5.5.1 close of one byte", [][]byte{frameOf(0x88, "\x03")}, `close 1002`, ""},
	{"5.5.1 close with a reason", [][]byte{bye(1000, "aé€𝄞")}, `close 1000`, ""},
	{"5.5.1 reason of 123 bytes", [][]byte{bye(1000, k64[:123])}, `close 1000`, ""},
	{"5.5.1 reason of 124 bytes", [][]byte{bye(1000, k64[:124])}, `close 1002`, ""},
	{"5.5.1 reason that is not UTF-8", [][]byte{bye(1000, "\xff")}, `close 1007`, ""},
	{"5.5.1 reason that ends early", [][]byte{bye(1000, "\xe2\x82")}, `close 1007`, ""},
	{"5.5.1 what follows a close", [][]byte{bye(1000, ""), text("x"), ping("y"), []byte("\xff\xff\xff")}, `close 1000`, ""},
	{"7.4 code 3000", [][]byte{bye(3000, "")}, `close 3000`, ""},
	{"7.4 code 4999", [][]byte{bye(4999, "")}, `close 4999`, ""},
	{"7.4 code 1013", [][]byte{bye(1013, "")}, `close 1013`, ""},
	{"7.4 code 0", [][]byte{bye(0, "")}, `close 1002`, ""},
	{"7.4 code 999", [][]byte{bye(999, "")}, `close 1002`, ""},
	{"7.4 code 1004", [][]byte{bye(1004, "")}, `close 1002`, ""},
	{"7.4 code 1005", [][]byte{bye(1005, "")}, `close 1002`, ""},
	{"7.4 code 1006", [][]byte{bye(1006, "")}, `close 1002`, ""},
	{"7.4 code 1015", [][]byte{bye(1015, "x")}, `close 1002`, ""},
	{"7.4 code 1016", [][]byte{bye(1016, "")}, `close 1002`, ""},
	{"7.4 code 2999", [][]byte{bye(2999, "")}, `close 1002`, ""},
	{"7.4 code 5000", [][]byte{bye(5000, "")}, `close 1002`, ""},
	{"7.4 code 65535", [][]byte{bye(65535, "")}, `close 1002`, ""},
	{"8.1 texts", [][]byte{text(mixed)}, `text of 10000`, ""},
	{"8.1 a character over fragments", [][]byte{begin(Text, "\xf0"), more("\x9d"), ping(""), more("\x84"), end("\x9e")}, `pong "", text "𝄞"`, ""},
	{"8.1 U+FFFF, U+10FFFF", [][]byte{text("\uffff\U0010ffff\x00")}, `text "\uffff\U0010ffff\x00"`, ""},
	{"8.1 a byte that is none", [][]byte{text("a\xffb")}, `close 1007`, ""},
	{"8.1 fails before the end", [][]byte{begin(Text, "a\xce\xba"), more("\xed\xa0\x80")}, `close 1007`, ""},
	{"8.1 fails within a frame", [][]byte{frameOf(0x81, mixed[:1000]+"\xf4\x90"+mixed)[:1100]}, `close 1007`, ""},
	{"8.1 ends early", [][]byte{text("\xce")}, `close 1007`, ""},
	{"8.1 ends early over fragments", [][]byte{begin(Text, "\xce"), end("")}, `close 1007`, ""},
	{"8.1 binary may be anything", [][]byte{bin("\xff\xfe")}, `binary "\xff\xfe"`, ""},
	{"7.4.1 as much as is allowed, in fragments", [][]byte{begin(Text, k64[:60000]), end(k64[60000:])}, `text of 65536`, ""},
	{"7.4.1 one more", [][]byte{bin(k64 + "x")[:20]}, `close 1009`, ""},
	{"7.4.1 one more, in fragments", [][]byte{begin(Text, k64[:60000]), more(k64[60000:]), more("x")}, `close 1009`, ""},
	{"7.4.1 one more, by a head", [][]byte{begin(Text, k64[:60000]), frameOf(0, k64[:6000])[:8]}, `close 1009`, ""},

	{"7692 7.2 not compressed", [][]byte{text("hello")}, `text "hello"`, "permessage-deflate"},
	{"7692 7.2.3.1 one block", [][]byte{zip(Text, "\xf2\x48\xcd\xc9\xc9\x07\x00")}, `text "Hello"`, "permessage-deflate"},
	{"7692 7.2.3.2 fragments", [][]byte{frameOf(0x41, "\xf2\x48\xcd"), ping("p"), end("\xc9\xc9\x07\x00")}, `pong "p", text "Hello"`, "permessage-deflate"},
	{"7692 7.2.3.3 no compression", [][]byte{zip(Text, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00")}, `text "Hello"`, "permessage-deflate"},
	{"7692 7.2.3.4 BFINAL", [][]byte{zip(Text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, `text "Hello"`, "permessage-deflate"},
	{"7692 7.2.3.4 BFINAL, and nothing behind it", [][]byte{zip(Text, "\xf3\x48\xcd\xc9\xc9\x07\x00")}, `text "Hello"`, "permessage-deflate"},
	{"7692 7.2.3.4 BFINAL twice", [][]byte{zip(Text, "\xf3\x48\xcd\xc9\xc9\x07\x00\xf3\x48\xcd\xc9\xc9\x07\x00\x00")}, `text "HelloHello"`, "permessage-deflate"},
	{"7692 7.2.3.4 BFINAL without end", [][]byte{zip(Text, strings.Repeat("\x03\x00", 2000))}, `close 1007`, "permessage-deflate"},
	{"7692 7.2.3.5 two blocks", [][]byte{zip(Text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00")}, `text "Hello"`, "permessage-deflate"},
	{"7692 7.2.3.6 empty", [][]byte{zip(Text, "\x00"), zip(Binary, "\x02\x00")}, `text "", binary ""`, "permessage-deflate"},
	{"7692 7.2 large", [][]byte{zip(Text, squeeze(k64)), zip(Binary, squeeze(mixed))}, `zip text of 65536, zip binary of 10000`, "permessage-deflate"},
	{"7692 6 RSV1 of a continuation", [][]byte{frameOf(0x41, "\xf2\x48\xcd"), frameOf(0xc0, "\xc9\xc9\x07\x00")}, `close 1002`, "permessage-deflate"},
	{"7692 6 RSV1 of a ping", [][]byte{frameOf(0xc9, "")}, `close 1002`, "permessage-deflate"},
	{"7692 6 RSV1 of a close", [][]byte{frameOf(0xc8, "")}, `close 1002`, "permessage-deflate"},
	{"7692 7.2.2 no deflate at all", [][]byte{zip(Text, "hello, world")}, `close 1007`, "permessage-deflate"},
	{"7692 7.2.2 a block of type 3", [][]byte{zip(Text, "\x06")}, `close 1007`, "permessage-deflate"},
	{"7692 7.2.2 ends within a block", [][]byte{zip(Text, "\x00\x05\x00\xfa\xff\x48\x65")}, `close 1007`, "permessage-deflate"},
	{"7692 7.2.2 a distance to before the message", [][]byte{zip(Text, "\xf2\x48\xcd\xc9\xc9\x07\x00"), zip(Text, "\xf2\x00\x11\x00\x00")}, `text "Hello", close 1007`, "permessage-deflate"},
	{"8.1 compressed, not UTF-8", [][]byte{zip(Text, squeeze("a\xff"))}, `close 1007`, "permessage-deflate"},
	{"8.1 compressed, ends early", [][]byte{zip(Text, squeeze("a\xe2\x82"))}, `close 1007`, "permessage-deflate"},
	{"8.1 compressed binary", [][]byte{zip(Binary, squeeze("a\xff"))}, `binary "a\xff"`, "permessage-deflate"},
	{"7.4.1 compressed, as much as is allowed", [][]byte{zip(Binary, squeeze(k64))}, `zip binary of 65536`, "permessage-deflate"},
	{"7.4.1 compressed, one more", [][]byte{zip(Binary, squeeze(k64+"x"))}, `close 1009`, "permessage-deflate"},
	{"7.4.1 a bomb", [][]byte{zip(Binary, squeeze(strings.Repeat("\x00", 10<<20)))}, `close 1009`, "permessage-deflate"},
	{"7692 7.1.2.1 windows of 256 bytes", [][]byte{zip(Text, squeeze(k64))}, `zip text of 65536`, "permessage-deflate; server_max_window_bits=8"},
}

func TestRules(t *testing.T) {
	t.Parallel()
	plain := start(t, echo())
	h := echo()
	h.Deflate = &Deflate{}
	deflating := start(t, h)
	for _, c := range rules {
		in := slices.Concat(c.in...)
		want := c.want
		if !strings.Contains(want, "close") {
			in = append(in, bye(1000, "")...)
			want += ", close 1000"
		}
		s, lines := plain, []string(nil)
		if c.deflate != "" {
			s, lines = deflating, []string{"Sec-WebSocket-Extensions: " + c.deflate}
		}
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			p := s.dial(lines...)
			go p.Write(in)
			if got := p.all(); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
		t.Run(c.rule+", bytes", func(t *testing.T) {
			t.Parallel()
			if len(in) > 2000 {
				t.Skip("too long to send a byte at a time")
			}
			p := s.dial(lines...)
			go func() {
				for i := range in {
					if _, err := p.Write(in[i : i+1]); err != nil {
						return // the server has ended the connection
					}
				}
			}()
			if got := p.all(); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
		t.Run(c.rule+", with the request", func(t *testing.T) {
			t.Parallel()
			p := s.raw()
			go p.Write(append([]byte(request(lines...)), in...))
			if a := p.answer(); a.StatusCode != 101 {
				t.Fatal(a.Status)
			}
			if got := p.all(); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

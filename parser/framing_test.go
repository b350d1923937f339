package parser

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// TestDecimal holds the eight digits at once, and the loop, against strconv.
func TestDecimal(t *testing.T) {
	values := []string{"", "0", "7", "00", "007", "12345678", "123456789", "99999999", "100000000", fmt.Sprint(uint64(math.MaxInt64)),
		fmt.Sprint(uint64(math.MaxInt64) + 1), fmt.Sprint(uint64(math.MaxUint64)), "18446744073709551616", "000000000000000000000000001", "+1", "-1"}
	for n := range 10 {
		for k := range n {
			for _, c := range []string{"/", ":", " ", "\x7f", "\x80", "\xb0", "\xff", "a", "0", "9"} {
				values = append(values, strings.Repeat("5", k)+c+strings.Repeat("6", n-k-1))
			}
		}
	}
	for _, s := range values {
		buf := []byte("HTTP/1.1 200 OK\r\nContent-Length:9" + s)
		got, ok := decimal(buf, span(len(buf)-len(s), len(buf)))
		want, err := strconv.ParseInt(s, 10, 64)
		if wantOK := err == nil && s[0] != '+' && s[0] != '-'; ok != wantOK || ok && got != want {
			t.Errorf("%q: %d %t", s, got, ok)
		}
	}
}

// TestLoneOption: it knows two words in any case, and no other.
func TestLoneOption(t *testing.T) {
	lone := func(v string) uint8 {
		return loneOption([]byte(": "+v+"\r\n\r\n"), Field{next: uint32(len(": " + v + "\r\n"))})
	}
	for word, opt := range map[string]uint8{"close": optClose, "keep-alive": optKeepAlive} {
		if lone(strings.ToUpper(word)) != opt || lone(word) != opt {
			t.Errorf("%q is not known", word)
		}
		for i := range word {
			for c := 0x20; c < 256; c++ { // a value holds no control
				v := []byte(word)
				v[i] = byte(c)
				if got := lone(string(v)); got != 0 != equalFold(v, word) {
					t.Errorf("%q: %d", v, got)
				}
			}
		}
		for _, v := range []string{"", word[1:], word[:len(word)-1], word + "d", word + ",", word + word, "," + word, word + ", x", " " + word, word + " "} {
			if lone(v) != 0 {
				t.Errorf("%q is known", v)
			}
		}
	}
	if loneOption([]byte(":xclose\r\n\r\n"), Field{next: 9}) != 0 {
		t.Error("the byte before the value is not looked at")
	}
}

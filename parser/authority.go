// Authority: the host and port of a target or a Host field, with literal addresses.

package parser

import "math/bits"

// authority checks uri-host [ ":" port ] (RFC 9112 3.2, RFC 3986 3.2.2) and returns the index of
// the first byte that does not fit, or -1. With needPort, as for CONNECT, the port must be there
// and not be zero (RFC 9110 9.3.6).
//
//	uri-host   = IP-literal / reg-name     ; an IPv4address is a reg-name
//	IP-literal = "[" ( IPv6address / IPvFuture ) "]"
//	reg-name   = 1*( unreserved / pct-encoded / sub-delims )
//	port       = *DIGIT                    ; at most 65535
func authority(b []byte, needPort bool) int {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		for i < len(b) && b[i] != ']' {
			i++
		}
		if i == len(b) || !ipLiteral(b[1:i]) {
			return 0
		}
		i++
	} else {
		for i < len(b) && len(b) >= 8 {
			i = min(i, len(b)-8)
			if other := ^plainHost(load64(b, i)) & highs; other != 0 {
				i += bits.TrailingZeros64(other) / 8
				break
			}
			i += 8
		}
		for i < len(b) && is(b[i], isHost) {
			if b[i] == '%' && (i+2 >= len(b) || !is(b[i+1], isHex) || !is(b[i+2], isHex)) {
				return i
			}
			i++
		}
		if i == 0 {
			return 0
		}
	}
	if i == len(b) {
		if needPort {
			return i
		}
		return -1
	}
	if b[i] != ':' {
		return i
	}
	port := 0
	for i++; i < len(b); i++ {
		d := b[i] - '0'
		if d > 9 {
			return i
		}
		if port = port*10 + int(d); port > 65535 {
			return i
		}
	}
	if needPort && port == 0 {
		return i
	}
	return -1
}

// plainHost marks the bytes of x that are letters, digits, "-" or ".": what names of hosts are made of.
func plainHost(x uint64) uint64 {
	// In y no sum carries over: y+0x80-k has its high bit set if y is k or more.
	y := x &^ highs
	l := y | 0x20*ones
	letter := (l + (0x80-'a')*ones) &^ (l + (0x80-'z'-1)*ones)
	digit := (y + (0x80-'-')*ones) &^ (y + (0x80-'9'-1)*ones) & ((y ^ '/'*ones) + 0x7f*ones)
	return (letter | digit) &^ x
}

// ipLiteral checks what stands between the brackets.
func ipLiteral(b []byte) bool {
	if len(b) > 0 && b[0]|0x20 == 'v' {
		return ipFuture(b)
	}
	return ip6(b)
}

// ipFuture checks "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ).
func ipFuture(b []byte) bool {
	i := 1
	for i < len(b) && is(b[i], isHex) {
		i++
	}
	if i == 1 || i+1 >= len(b) || b[i] != '.' {
		return false
	}
	for _, c := range b[i+1:] {
		if c != ':' && (c == '%' || !is(c, isHost)) {
			return false
		}
	}
	return true
}

// ip6 checks an IPv6address: eight groups, or fewer with one "::"; the last two may be an IPv4
// address. A zone is not part of a URI in HTTP.
func ip6(b []byte) bool {
	groups, gap := 0, false
	if len(b) >= 2 && b[0] == ':' && b[1] == ':' {
		gap, b = true, b[2:]
	}
	for len(b) > 0 {
		n := 0
		for n < len(b) && is(b[n], isHex) {
			n++
		}
		if n < len(b) && b[n] == '.' {
			if !ip4(b) {
				return false
			}
			groups += 2
			break
		}
		if n == 0 || n > 4 {
			return false
		}
		groups++
		b = b[n:]
		if len(b) == 0 {
			break
		}
		if b[0] != ':' || len(b) == 1 {
			return false
		}
		b = b[1:]
		if b[0] == ':' {
			if gap {
				return false
			}
			gap, b = true, b[1:]
		}
	}
	if gap {
		return groups < 8 // "::" stands for one group at least
	}
	return groups == 8
}

// ip4 checks four decimal octets.
func ip4(b []byte) bool {
	for k := range 4 {
		n, v := 0, 0
		for n < len(b) && n < 3 && is(b[n], isDigit) {
			v = v*10 + int(b[n]-'0')
			n++
		}
		if n == 0 || v > 255 || n > 1 && b[0] == '0' {
			return false
		}
		b = b[n:]
		if k < 3 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
	}
	return len(b) == 0
}

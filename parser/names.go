// Known names: found while a head is parsed, and without a search afterwards.

package parser

import "encoding/binary"

// Known names get a number while the head is parsed, so that the fields which frame and route a
// message, and some sixty others, are found without a search.
const (
	_ = iota // an unknown name
	nameHost
	nameContentLength
	nameTransferEncoding
	nameConnection
	nameUpgrade
	nameExpect
)

// names are the known names, in lower case: of 2 to 31 letters and "-", at most 63 of them.
var names = [...]string{
	nameHost:             "host",
	nameContentLength:    "content-length",
	nameTransferEncoding: "transfer-encoding",
	nameConnection:       "connection",
	nameUpgrade:          "upgrade",
	nameExpect:           "expect",

	"accept", "accept-encoding", "accept-language", "accept-ranges", "access-control-allow-origin",
	"access-control-request-headers", "access-control-request-method", "age", "allow", "alt-svc",
	"authorization", "cache-control", "content-disposition", "content-encoding", "content-range",
	"content-security-policy", "content-type", "cookie", "date", "dnt", "etag", "expires", "forwarded",
	"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "keep-alive",
	"last-modified", "link", "location", "origin", "pragma", "priority", "range",
	"referer", "retry-after", "sec-ch-ua", "sec-ch-ua-mobile", "sec-ch-ua-platform", "sec-fetch-dest",
	"sec-fetch-mode", "sec-fetch-site", "sec-fetch-user", "sec-websocket-key", "server", "set-cookie",
	"strict-transport-security", "te", "upgrade-insecure-requests", "user-agent", "vary", "via",
	"x-forwarded-for", "x-request-id",
}

// The name's last four bytes and its length, in lower case and hashed, select the only known name it
// could be; a comparison confirms it. For a name of two or three bytes the four include the CRLF in front.
// nameFactor is one for which no two names share a slot (TestNamesHavePerfectHash finds another when
// names are added).
const (
	nameFactor = 0x440a4ac1
	maxName    = 31
	spaces     = 0x20202020
)

var (
	nameSlot [256]uint8     // hash -> known name
	nameWord [64][4]letters // known name -> its bytes and ":", eight at a time
)

// letters are eight bytes of a name, and the mask that makes one of their cases and drops what
// follows the colon.
type letters struct{ bytes, mask uint64 }

func init() {
	for id, name := range names {
		if name != "" {
			nameSlot[nameHash(lastFour(name), len(name))] = uint8(id)
			for i := range len(name) + 1 {
				c, mask := uint64(':'), uint64(0xff)
				if i < len(name) {
					c = uint64(name[i])
				}
				if is(uint8(c), isAlpha) {
					mask &^= 0x20
				}
				w, at := &nameWord[id][i/8], 8*(i%8)
				w.bytes |= c << at
				w.mask |= mask << at
			}
		}
	}
}

func nameHash(last4 uint32, n int) uint32 {
	return ((last4 | spaces) + 8*uint32(n)) * nameFactor >> 24
}

func lastFour(name string) (w uint32) {
	line := "\r\n"
	for i := range 4 {
		c := byte(0)
		if k := len(name) - 4 + i; k >= 0 {
			c = name[k]
		} else if k >= -2 {
			c = line[k+2]
		}
		w |= uint32(c) << (8 * i)
	}
	return w
}

// knownName returns the number of the name that begins a line at buf[start] and ends before the
// colon at buf[colon], or 0. A known name is a token.
func knownName(buf []byte, start, colon int) uint32 {
	n := colon - start
	if n < 2 || n > maxName {
		return 0
	}
	var last4 uint32
	if colon >= 4 {
		last4 = binary.LittleEndian.Uint32(buf[colon-4:])
	} else {
		last4 = lastFour(string(buf[start:colon]))
	}
	id := uint32(nameSlot[nameHash(last4, n)])
	line := buf[start:]
	if len(line) < n+8 {
		if !equalFold(line[:n], names[id]) {
			return 0
		}
		return id
	}
	var diff uint64
	for k := 0; k <= n; k += 8 {
		w := &nameWord[id%64][k/8%4]
		diff |= (load64(line, k) ^ w.bytes) & w.mask
	}
	if diff != 0 {
		return 0
	}
	return id
}

// knownString is knownName for a name that stands alone, in any case.
func knownString(name string) uint32 {
	n := len(name)
	if n < 2 || n > maxName {
		return 0
	}
	var last4 uint32
	if n >= 4 {
		s := name[n-4:]
		last4 = uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24 // one load
	} else {
		last4 = lastFour(name)
	}
	id := uint32(nameSlot[nameHash(last4, n)])
	known := names[id]
	if len(known) != n {
		return 0
	}
	if name == known {
		return id // as programs write it that know how we do
	}
	for i := range n {
		if lower(name[i]) != known[i] {
			return 0
		}
	}
	return id
}

// WebSocket frames: a generator, and a reference reader, slow and plain, one check
// for each rule of RFC 6455.

package fuzz

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A FrameReader is the reference for WebSocket frames (RFC 6455 5). It is given
// all bytes at once.
type FrameReader struct {
	FromServer bool // frames have no masks; else they have to have them
	Deflate    bool // RSV1 marks a compressed message (RFC 7692 6)
}

// A FrameEvent is a message, or a control frame, that is whole.
type FrameEvent struct {
	Op         byte
	Compressed bool
	Payload    string
}

// Read returns what is whole of the frames in wire, and the section of RFC 6455
// that the rest breaks, "" if none.
func (r FrameReader) Read(wire []byte) (events []FrameEvent, broken string) {
	var message *FrameEvent // that has begun
	for len(wire) > 0 {
		f, n, err := r.frame(wire, message != nil)
		if f.op&8 == 0 && err == nil { // what there is of a message
			if message == nil {
				message = &FrameEvent{Op: f.op, Compressed: f.rsv1}
			}
			message.Payload += f.payload
			if message.Op == 1 && !message.Compressed && !maybeText(message.Payload, f.whole && f.fin) {
				return events, "8.1"
			}
		}
		switch {
		case err != nil:
			return events, err.Error()
		case !f.whole:
			return events, ""
		case f.op&8 != 0:
			events = append(events, FrameEvent{Op: f.op, Payload: f.payload})
		case f.fin:
			events = append(events, *message)
			message = nil
		}
		wire = wire[n:]
	}
	return events, ""
}

type wireFrame struct {
	op               byte
	fin, rsv1, whole bool
	payload          string // as far as it is there
}

// frame reads one frame, or what there is of it.
func (r FrameReader) frame(b []byte, within bool) (f wireFrame, n int, err error) {
	f.op, f.fin, f.rsv1 = b[0]&15, b[0]&0x80 != 0, b[0]&0x40 != 0
	control := f.op >= 8
	switch {
	case b[0]&0x30 != 0 || f.rsv1 && (!r.Deflate || f.op != 1 && f.op != 2):
		return f, 0, errors.New("5.2")
	case f.op > 2 && f.op < 8 || f.op > 10:
		return f, 0, errors.New("5.2")
	case control && !f.fin:
		return f, 0, errors.New("5.5")
	case !control && (f.op == 0) != within:
		return f, 0, errors.New("5.4")
	case len(b) < 2:
		return f, 0, nil
	case (b[1]&0x80 != 0) == r.FromServer:
		return f, 0, errors.New("5.1")
	}
	length, n, err := frameLength(b)
	if err != nil || n == 0 {
		return f, 0, err
	}
	var mask [4]byte
	if !r.FromServer {
		if len(b) < n+4 {
			return f, 0, nil
		}
		n += copy(mask[:], b[n:])
	}
	payload := []byte(string(b[n:]))
	if f.whole = uint64(len(payload)) >= length; f.whole {
		payload = payload[:length]
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	f.payload = string(payload)
	if f.op == 8 {
		err = checkClose(f.payload, f.whole)
	}
	return f, n + len(payload), err
}

// frameLength reads the length of the payload, and returns it with that of what
// stands before the mask: 0 if not all of that is there.
func frameLength(b []byte) (length uint64, n int, err error) {
	length, n = uint64(b[1]&0x7f), 2
	switch op := b[0] & 15; {
	case op >= 8 && length > 125:
		return 0, 0, errors.New("5.5")
	case op == 8 && length == 1:
		return 0, 0, errors.New("5.5.1")
	case length < 126:
		return length, n, nil
	}
	more := map[uint64]int{126: 2, 127: 8}[length]
	digits := b[n:min(len(b), n+more)]
	switch {
	case more == 8 && len(digits) > 0 && digits[0] > 0x7f,
		more == 8 && strings.HasPrefix(string(digits), strings.Repeat("\x00", 6)): // 16 bits would have done
		return 0, 0, errors.New("5.2")
	case len(digits) < more:
		return 0, 0, nil
	}
	length = binary.BigEndian.Uint64(append(make([]byte, 8-more), digits...))
	if length < 126 {
		return 0, 0, errors.New("5.2")
	}
	return length, n + more, nil
}

// checkClose checks what there is of a close frame's payload (RFC 6455 7.4).
func checkClose(p string, whole bool) error {
	if len(p) == 1 && (p[0] < 3 || p[0] > 19) { // 1000 to 4999
		return errors.New("7.4")
	}
	if len(p) < 2 {
		return nil
	}
	switch code := int(p[0])<<8 | int(p[1]); {
	case code >= 3000 && code <= 4999:
	case code < 1000 || code > 1014 || code == 1004 || code == 1005 || code == 1006:
		return errors.New("7.4")
	}
	if !maybeText(p[2:], whole) {
		return errors.New("5.5.1")
	}
	return nil
}

// maybeText reports whether s is UTF-8, or may become so if it is not whole.
func maybeText(s string, whole bool) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n <= 1 {
			return !whole && beginsRune(s)
		}
		s = s[n:]
	}
	return true
}

// beginsRune tries what could complete the character that s breaks off in.
func beginsRune(s string) bool {
	for _, second := range []string{"", "\x80", "\x90", "\xa0"} {
		for _, rest := range []string{"", "\x80", "\x80\x80"} {
			if utf8.ValidString(s+second+rest) && len(s) < 4 {
				return true
			}
		}
	}
	return false
}

// Frames makes frames as clients send them, most of them right, and says in a
// comment what it did wrong.
func (g *Gen) Frames(n int) (wire []byte, what string) {
	within := false
	for range n {
		first := []byte{0x81, 0x82, 0x01, 0x02, 0x89, 0x8a}[g.rand.Intn(6)]
		if within {
			first = []byte{0x80, 0x00, 0x00, 0x89, 0x8a}[g.rand.Intn(5)]
		}
		payload := g.payload(first&8 != 0)
		if g.rand.Intn(12) == 0 {
			first, payload = 0x88, g.closePayload()
		}
		form := 0 // the shortest
		if g.rand.Intn(30) == 0 {
			switch g.rand.Intn(4) {
			case 0:
				first ^= 0x10 << g.rand.Intn(4)
				what += fmt.Sprintf("first byte %#x; ", first)
			case 1:
				first ^= 1 << g.rand.Intn(4)
				what += fmt.Sprintf("first byte %#x; ", first)
			case 2:
				form = 2 + 6*g.rand.Intn(2)
				what += "a long form; "
			case 3:
				wire = append(wire, byte(g.rand.Intn(256)))
				what += "a byte too many; "
			}
		}
		if first&8 == 0 {
			within = first&0x80 == 0
		}
		wire = g.appendFrame(wire, first, payload, form)
	}
	return wire, what
}

func (g *Gen) appendFrame(b []byte, first byte, payload string, form int) []byte {
	n := len(payload)
	switch {
	case form == 8 || n >= 1<<16:
		b = binary.BigEndian.AppendUint64(append(b, first, 0x80|127), uint64(n))
	case form == 2 || n >= 126:
		b = binary.BigEndian.AppendUint16(append(b, first, 0x80|126), uint16(n))
	default:
		b = append(b, first, 0x80|byte(n))
	}
	var mask [4]byte
	g.rand.Read(mask[:])
	b = append(b, mask[:]...)
	for i := range n {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// payload is text as a rule, in which now and then a byte is wrong.
func (g *Gen) payload(short bool) string {
	n := g.rand.Intn(30)
	if g.rand.Intn(8) == 0 && !short {
		if n = 40 + g.rand.Intn(60); g.rand.Intn(30) == 0 { // about 126 bytes, and 64 KiB
			n = 1<<15 + g.rand.Intn(2000)
		}
	}
	var b []byte
	for range n {
		b = utf8.AppendRune(b, []rune{'a', ' ', 'ü', 'я', '漢', '\uffff', '😀'}[g.rand.Intn(7)])
	}
	if len(b) > 0 && g.rand.Intn(20) == 0 {
		b[g.rand.Intn(len(b))] = byte(g.rand.Intn(256))
	}
	if len(b) > 0 && g.rand.Intn(6) == 0 { // in the middle of a character, perhaps
		b = b[:g.rand.Intn(len(b))]
	}
	if short {
		b = b[:min(len(b), 125)]
	}
	return string(b)
}

func (g *Gen) closePayload() string {
	if g.rand.Intn(4) == 0 {
		return ""
	}
	code := []int{1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999, 1004, 1005, 1006, 1015, 999, 0, 2999, 5000, 65535}[g.rand.Intn(17)]
	reason := g.payload(true)
	return string([]byte{byte(code >> 8), byte(code)}) + reason[:min(len(reason), 123)]
}

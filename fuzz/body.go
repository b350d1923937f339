// Bodies as concrete syntax: how they are framed, and the chunks with their extensions and trailers.

package fuzz

import (
	"fmt"
	"strings"

	gofuzz "github.com/google/gofuzz"
)

const ( // body.Framing
	absent = iota
	sized
	chunked
	untilClose // responses only
)

type body struct {
	Framing  uint8
	Data     payload // of a body that is not chunked
	Chunks   []chunk
	Last     chunk // without data
	Trailers []line
	LeadZero bool // before the digits of Content-Length
}

type chunk struct {
	Data  payload
	Zeros uint8 // before the size
	Upper bool
	Ext   []extension
}

type extension struct {
	A, B, C, D white
	Name       token
	Token      token
	Quoted     quoted
	Form       uint8 // no value, a token, a quoted-string
}

func (e extension) String() string {
	s := string(e.A) + ";" + string(e.B) + string(e.Name)
	switch e.Form % 3 {
	case 1:
		s += string(e.C) + "=" + string(e.D) + string(e.Token)
	case 2:
		s += string(e.C) + "=" + string(e.D) + string(e.Quoted)
	}
	return s
}

func (k chunk) line() string {
	size := fmt.Sprintf("%x", len(k.Data))
	if k.Upper {
		size = strings.ToUpper(size)
	}
	s := strings.Repeat("0", int(k.Zeros)) + size
	for _, e := range k.Ext {
		s += e.String()
	}
	return s + "\r\n"
}

func (b *body) settle(c gofuzz.Continue) {
	b.Framing = oneOf[uint8](c, absent, absent, sized, sized, chunked, chunked, chunked)
	b.Last.Data = ""
	if c.Intn(4) == 0 {
		b.Data = ""
	}
	if c.RandBool() {
		b.Trailers = nil
	}
	for _, k := range append([]*chunk{&b.Last}, pointers(b.Chunks)...) {
		k.Zeros %= 4
		if c.Intn(4) > 0 {
			k.Ext = nil
		}
	}
}

func pointers(chunks []chunk) (p []*chunk) {
	for i := range chunks {
		p = append(p, &chunks[i])
	}
	return p
}

// announce adds the line of the head that frames the body.
func (b *body) announce(c gofuzz.Continue, lines []line) []line {
	switch b.Framing {
	case sized:
		n := fmt.Sprint(len(b.Data))
		if b.LeadZero {
			n = "00" + n
		}
		return insert(c, lines, "Content-Length", n)
	case chunked:
		return insert(c, lines, "Transfer-Encoding", recase(c, "chunked"))
	}
	return lines
}

func (b *body) String() string {
	switch b.Framing {
	case absent:
		return ""
	case sized, untilClose:
		return string(b.Data)
	}
	var s strings.Builder
	for _, k := range b.Chunks {
		s.WriteString(k.line() + string(k.Data) + "\r\n")
	}
	s.WriteString(b.Last.line())
	for _, l := range b.Trailers {
		s.WriteString(l.String())
	}
	s.WriteString("\r\n")
	return s.String()
}

// tell writes what the body means into a reading.
func (b *body) tell(m *Message) {
	m.Length = -1
	switch b.Framing {
	case sized:
		m.Length = int64(len(b.Data))
		m.Body = string(b.Data)
	case untilClose:
		m.UntilClose = true
		m.Body = string(b.Data)
	case chunked:
		m.Chunked = true
		for _, k := range b.Chunks {
			m.Body += string(k.Data)
		}
		for _, l := range b.Trailers {
			m.Trailers = append(m.Trailers, Field{string(l.Name), string(l.Value)})
		}
	}
}

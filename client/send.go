// The request as it is sent: its head, and its body, framed as its head says.

package client

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/field"
)

// Lengths of a body, in place of one that is known.
const unknown = -1 // it is chunked

var (
	crlf      = []byte("\r\n")
	lastChunk = []byte("0\r\n")
)

// start writes the head. n is the length of the body, if it is known.
func (x *exchange) start(n int64) {
	x.send = streaming
	if x.declared < 0 {
		x.declared = n
	}
	x.set(x.options())
	wait := x.is(hasExpect) && x.expects()
	if wait && x.declared == 0 {
		wait = false
		x.fields = removeField(x.fields, "Expect") // RFC 9110 10.1.1: not without content
	}
	x.out = x.appendHead(x.out)
	if wait {
		x.send = holding
	}
}

// appendHead puts the head together.
func (x *exchange) appendHead(b []byte) []byte {
	if cap(b) == 0 { // a new exchange: not piece by piece
		const rest = len("  HTTP/1.1\r\nHost: \r\nTransfer-Encoding: chunked\r\n\r\n")
		b = make([]byte, 0, len(x.method)+len(x.target)+len(x.host)+len(x.fields)+rest)
	}
	b = append(append(b, x.method...), ' ')
	b = append(append(b, x.target...), " HTTP/1.1\r\n"...)
	if !x.is(hasHost) {
		b = appendField(b, "Host", x.host)
	}
	if x.more != nil && x.more.userinfo != "" && !hasField(x.fields, "Authorization") {
		b = appendField(b, "Authorization", x.more.userinfo)
	}
	b = append(b, x.fields...)
	switch {
	case x.declared > 0, x.declared == 0 && x.anticipates():
		b = append(b, "Content-Length: "...)
		b = append(strconv.AppendInt(b, x.declared, 10), "\r\n"...)
	case x.declared < 0:
		x.set(chunked)
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(b, "\r\n"...)
}

// anticipates reports whether a request with this method has a length said even
// if that is 0 (RFC 9110 8.6).
func (x *exchange) anticipates() bool {
	switch x.method {
	case "GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT":
		return false
	}
	return true
}

// options returns what the Connection fields say of the connection.
func (x *exchange) options() (f flags) {
	if !x.is(hasConnection) {
		return 0
	}
	for value := range values(x.fields, "Connection") {
		for option := range strings.SplitSeq(value, ",") {
			switch option = field.Trim(option); {
			case strings.EqualFold(option, "close"):
				f |= closes
			case strings.EqualFold(option, "upgrade") && x.is(hasUpgrade):
				f |= upgrades
			}
		}
	}
	return f
}

// expects reports whether the server is asked before it is sent the body.
func (x *exchange) expects() bool {
	for value := range values(x.fields, "Expect") {
		if strings.EqualFold(value, "100-continue") {
			return true
		}
	}
	return false
}

// write sends a part of the body.
func (x *exchange) write(p []byte) error {
	if x.send == composing {
		if x.mistake() != nil {
			return x.mistake()
		}
		x.start(unknown)
		if err := x.writeBody(p); err != nil {
			return err
		}
		x.launch()
		return nil
	}
	return x.writeBody(p)
}

func (x *exchange) writeBody(p []byte) error {
	switch {
	case x.send == stopped:
		return nil
	case x.is(ended):
		return errOver
	case len(p) == 0:
		return nil
	case x.is(chunked):
		x.written += int64(len(p))
		var line [18]byte
		return x.put(append(strconv.AppendInt(line[:0], int64(len(p)), 16), "\r\n"...), p, crlf)
	}
	if x.written += int64(len(p)); x.written > x.declared {
		return ErrLength // and so does End
	}
	return x.put(p, nil, nil)
}

// put gives bytes to the connection, or keeps them until there is one.
func (x *exchange) put(a, b, c []byte) error {
	if !x.waits() {
		x.given += len(a) + len(b) + len(c)
		x.keep(a, b, c)
		switch _, err := x.s.conn.Writev(a, b, c); {
		case err == conn.ErrBacklog:
			return ErrBacklog
		case err != nil: // the server takes no more: its answer may come all the same
			x.set(closes)
			x.stop()
			x.arm()
		}
		return nil
	}
	if x.more != nil && x.more.spoilt != nil {
		return x.more.spoilt
	}
	to := &x.out
	if x.send == holding {
		to = &x.extra().held
	}
	if len(*to)+len(b) > x.pool.limits.backlog {
		return x.spoil(&Error{Phase: Write, Err: ErrBacklog})
	}
	*to = append(append(append(*to, a...), b...), c...)
	if !x.weigh() {
		return x.spoil(&Error{Phase: x.phase(), Err: errMemory})
	}
	return nil
}

// spoil ends an exchange that the program cannot complete as it has begun it. If Do has not been called
// yet, its function gets the error then. spoil returns the cause.
func (x *exchange) spoil(e *Error) error {
	if x.asked != nil {
		x.fail(e)
		return e.Err
	}
	x.extra().spoilt, x.more.held = e.Err, nil
	x.forgetOut()
	return e.Err
}

// waits reports whether what is written cannot go to a connection now.
func (x *exchange) waits() bool { return x.s == nil || x.send == holding }

func (x *exchange) full() bool {
	switch {
	case x.send == stopped: // without a bound, a body that has no end would block the loop
		return x.pool.loop.Late()
	case x.send == holding:
		return true
	case x.s == nil:
		return len(x.out) >= conn.DefaultHigh || x.hasFiles()
	}
	return x.s.conn.Full()
}

// finish sends the last part and completes the request.
func (x *exchange) finish(body []byte) error {
	switch {
	case x.send == stopped:
		return nil
	case x.is(ended):
		return errOver
	case x.send == composing && x.mistake() != nil:
		return x.mistake()
	case x.send == composing && x.more != nil && len(x.more.trailer) > 0:
		x.start(unknown)
	case x.send == composing:
		if x.declared >= 0 && x.declared != int64(len(body)) {
			return x.short()
		}
		x.start(int64(len(body)))
	}
	if err := x.writeBody(body); err != nil {
		if err == ErrLength {
			return x.short()
		}
		return err
	}
	switch {
	case x.is(chunked):
		var trailer []byte
		if x.more != nil {
			trailer = x.more.trailer
		}
		if err := x.put(lastChunk, trailer, crlf); err != nil {
			return err
		}
	case x.written != x.declared:
		return x.short()
	}
	x.set(ended)
	if x.send == streaming {
		x.send = complete
	}
	if x.s != nil {
		x.arm()
	}
	x.launch()
	return nil
}

// short ends an exchange whose request cannot be completed as it was begun, so that the
// server does not take it for whole.
func (x *exchange) short() error {
	e := &Error{Phase: x.phase(), Err: ErrLength}
	if x.s == nil && x.asked != nil {
		x.failLater(e)
		return ErrLength
	}
	return x.spoil(e)
}

func (x *exchange) sendFile(f *os.File, off, n int64) error {
	if x.send == composing {
		if err := x.mistake(); err != nil {
			f.Close()
			return err
		}
		x.start(n)
		defer x.launch()
	}
	switch {
	case x.send == stopped || n == 0: // an empty chunk would be the last one
		return f.Close()
	case x.is(ended):
		f.Close()
		return errOver
	}
	x.written += n
	if !x.is(chunked) && x.written > x.declared {
		f.Close()
		return ErrLength // and so does End
	}
	if x.is(chunked) {
		if err := x.put([]byte(strconv.FormatInt(n, 16)), crlf, nil); err != nil {
			f.Close()
			return err
		}
		defer x.put(crlf, nil, nil)
	}
	if !x.waits() {
		x.forgetOut()
		x.given += int(min(n, 1<<30))
		return x.s.conn.SendFile(f, off, n)
	}
	more, at := x.extra(), len(x.out)
	if x.send == holding {
		at = len(more.held)
	}
	more.files = append(more.files, file{f, off, n, at})
	return nil
}

func appendField(b []byte, name, value string) []byte {
	b = append(append(b, name...), ": "...)
	return append(append(b, value...), "\r\n"...)
}

// removeField removes all lines with that name.
func removeField(lines []byte, name string) []byte {
	for at := 0; at < len(lines); {
		end := at + bytes.IndexByte(lines[at:], '\n') + 1
		if isLine(lines[at:end], name) {
			lines = append(lines[:at], lines[end:]...)
		} else {
			at = end
		}
	}
	return lines
}

func isLine(line []byte, name string) bool {
	n := len(name)
	return n < len(line) && line[n] == ':' && strings.EqualFold(text(line[:n]), name)
}

func hasField(lines []byte, name string) bool {
	for range values(lines, name) {
		return true
	}
	return false
}

// values ranges over the values of the lines with that name.
func values(lines []byte, name string) func(yield func(value string) bool) {
	return func(yield func(value string) bool) {
		for len(lines) > 0 {
			end := bytes.IndexByte(lines, '\n') + 1
			if isLine(lines[:end], name) && !yield(text(lines[len(name)+len(": "):end-len("\r\n")])) {
				return
			}
			lines = lines[end:]
		}
	}
}

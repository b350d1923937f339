// The properties that the parser is held to. Each is a function of some bytes, called by a fuzz
// target (targets_test.go) and by the seeded soak (soak_test.go) alike.

package fuzz

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/parser"
)

// reader is one kind of message, read by both.
type reader struct {
	parse     func(pieces [][]byte) outcome
	reference func(b []byte) (Message, int, error)
}

var requests = reader{driveRequest, ReadRequest}

func responses(method string, end bool) reader {
	return reader{
		func(pieces [][]byte) outcome { return driveResponse(pieces, method, end) },
		func(b []byte) (Message, int, error) { return ReadResponse(b, method, end) },
	}
}

// checkSplits: however the input is cut, the same events and the same error at the same byte.
func checkSplits(t testing.TB, r reader, wire []byte, cuts ...[][]byte) outcome {
	t.Helper()
	whole := r.parse([][]byte{wire})
	if whole.broken != "" {
		t.Fatalf("%s\n%.3000q", whole.broken, wire)
	}
	try := func(pieces [][]byte) {
		got := r.parse(pieces)
		if err := whole.same(&got); err != nil {
			t.Fatalf("whole and in pieces %q: %v\n%.3000q", lens(pieces), err, wire)
		}
	}
	for _, c := range cuts {
		try(c)
	}
	n := 0
	for pieces := range Splits(wire) {
		if n++; len(wire) > 200 && n > 2 { // long: bytewise, and in two at random
			break
		}
		try(pieces)
	}
	for range 4 {
		i := int((crc32.ChecksumIEEE(wire) + uint32(n*7919)) % uint32(len(wire)+1))
		try([][]byte{wire[:i:i], wire[i:]})
		n++
	}
	return whole
}

func lens(pieces [][]byte) string {
	var s []string
	for _, p := range pieces {
		s = append(s, fmt.Sprint(len(p)))
	}
	return strings.Join(s, "+")
}

// checkReference: the parser's reading is the reference's, its limits apart.
func checkReference(t testing.TB, r reader, wire []byte, got outcome) {
	t.Helper()
	want, n, err := r.reference(wire)
	var refusal *Refusal
	isLimit := errors.Is(got.err, io.ErrUnexpectedEOF) || limits[got.err]
	switch {
	case limits[got.err]:
		if why := unjustified(got, wire, &want); why != "" {
			t.Fatalf("%v: %s\n%.3000q", got.err, why, wire)
		}
	case err == nil && got.err == nil:
		want = asParserReports(want)
		if d := got.m.Diff(&want); d != "" {
			t.Fatalf("parser and reference: %s\n%.3000q", d, wire)
		}
		if got.used != n {
			t.Fatalf("parser used %d bytes, reference %d\n%.3000q", got.used, n, wire)
		}
	case err == nil:
		t.Fatalf("the reference takes what the parser does not: %v at %d\n%.3000q", got.err, got.at, wire)
	case errors.As(err, &refusal) && isLimit:
		// Some errors show only when the head ends. They must show then.
		if got := r.parse([][]byte{append(slices.Clone(wire), "\r\n\r\n\r\n"...)}); got.err == nil || got.err == io.ErrUnexpectedEOF && got.m.Head > 0 {
			t.Fatalf("the parser does not see, even at the head's end: %v\n%.3000q", err, wire)
		}
	case errors.As(err, &refusal) && got.err == nil:
		t.Fatalf("the parser takes what the reference refuses: %v\n%.3000q", err, wire)
	case !errors.As(err, &refusal) && got.err != io.ErrUnexpectedEOF:
		t.Fatalf("the reference asks for more, the parser: %v at %d\n%.3000q", got.err, got.at, wire)
	}
}

// asParserReports puts a reading into the words of parser.Head.
func asParserReports(m Message) Message {
	m.Minor = min(m.Minor, 1)
	bodiless := m.Status != 0 && (m.Method == "HEAD" || m.Status/100 == 1 || m.Status == 204 || m.Status == 304 ||
		m.Method == "CONNECT" && m.Status/100 == 2)
	switch {
	case bodiless:
		m.Chunked, m.Length = false, max(m.Length, 0)
	case m.Length < 0 && !m.Chunked && !m.UntilClose:
		m.Length = 0
	}
	return m
}

// limits are the errors for what is too much rather than wrong.
var limits = map[error]bool{
	parser.ErrMethodLong: true, parser.ErrTargetLong: true, parser.ErrEmptyLines: true, parser.ErrFields: true,
	parser.ErrHeadLarge: true, parser.ErrChunkOverhead: true, parser.ErrTrailerLarge: true,
}

// unjustified says why a limit's error is wrong, or "". want is as far as the reference came.
func unjustified(got outcome, wire []byte, want *Message) string {
	head := wire
	if want.Head > 0 {
		head = wire[:want.Head]
	}
	lines := strings.Count(string(head), "\n")
	switch {
	case got.err == parser.ErrMethodLong && !all((strings.TrimLeft(string(wire), "\r\n") + strings.Repeat(" ", 33))[:33], isTchar):
		return "the method is not long"
	case got.err == parser.ErrEmptyLines && !strings.HasPrefix(string(wire), strings.Repeat("\r\n", 8)):
		return "there are not many empty lines"
	case (got.err == parser.ErrHeadLarge || got.err == parser.ErrTargetLong) && len(head) < parser.DefaultMaxSize:
		return "the head is not large"
	case got.err == parser.ErrFields && lines < maxFields && strings.Count(string(wire[len(head):]), "\n") < maxFields:
		return "there are not many fields"
	case got.err == parser.ErrChunkOverhead && len(wire)-want.Head < 16000:
		return "there is not much framing"
	case got.err == parser.ErrTrailerLarge && len(wire)-want.Head < parser.DefaultMaxSize:
		return "the trailer section is not large"
	}
	return ""
}

// checkSerialised: what a reading says, written down in the plainest way, reads the same again.
func checkSerialised(t testing.TB, r reader, got outcome) {
	t.Helper()
	if got.err != nil {
		return
	}
	wire := serialise(&got.m)
	again := r.parse([][]byte{wire})
	again.m.Head, again.at, again.used = got.m.Head, got.at, got.used
	if err := got.same(&again); err != nil {
		t.Fatalf("serialised: %v\n%.3000q", err, wire)
	}
}

func serialise(m *Message) []byte {
	var b strings.Builder
	if m.Status != 0 || m.Reason != "" || m.Target == "" {
		fmt.Fprintf(&b, "HTTP/1.%d %03d %s\r\n", m.Minor, m.Status, m.Reason)
	} else {
		fmt.Fprintf(&b, "%s %s HTTP/1.%d\r\n", m.Method, m.Target, m.Minor)
	}
	fields := func(fields []Field) {
		for _, f := range fields {
			fmt.Fprintf(&b, "%s: %s\r\n", f.Name, f.Value)
		}
		b.WriteString("\r\n")
	}
	fields(m.Fields)
	switch {
	case !m.Chunked:
		b.WriteString(m.Body)
	case m.Body != "":
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(m.Body), m.Body)
		fallthrough
	default:
		b.WriteString("0\r\n")
		fields(m.Trailers)
	}
	return []byte(b.String())
}

// checkNetHTTP: what the parser takes, net/http reads in the same way or refuses. (Its leniency on
// what the parser refuses is no concern here.)
func checkNetHTTP(t testing.TB, wire []byte, got outcome) {
	t.Helper()
	if got.err != nil || got.m.Minor == 1 && strings.Contains(string(wire[:got.m.Head]), " HTTP/1.") && !strings.Contains(string(wire[:got.m.Head]), " HTTP/1.1\r\n") {
		return // a higher minor version, of which the parser says no more than net/http wants to know
	}
	theirs, err := readWithNetHTTP([]byte(strings.TrimLeft(string(wire[:got.m.Head]), "\r\n")), wire[got.m.Head:got.used])
	if err != nil {
		return
	}
	if d := diffHTTP(&got.m, theirs); d != "" && knownReading(&got.m, theirs) == "" {
		t.Fatalf("parser and net/http: %s\n%.3000q", d, wire)
	}
}

// knownReading names the requests that both take and read in different ways, or is "".
func knownReading(ours, theirs *Message) string { return "" }

// checkRequest is all of them for bytes that may be a request.
func checkRequest(t testing.TB, wire []byte, cuts ...[][]byte) outcome {
	t.Helper()
	got := checkSplits(t, requests, wire, cuts...)
	checkReference(t, requests, wire, got)
	checkSerialised(t, requests, got)
	checkNetHTTP(t, wire, got)
	return got
}

func checkResponse(t testing.TB, wire []byte, method string, end bool, cuts ...[][]byte) outcome {
	t.Helper()
	r := responses(method, end)
	got := checkSplits(t, r, wire, cuts...)
	checkReference(t, r, wire, got)
	if !got.m.UntilClose || end {
		checkSerialised(t, r, got)
	}
	return got
}

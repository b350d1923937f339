package parser

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The corpora are records from the test suites of other parsers. They are read from
// LURCHER_CORPORA, or from beside the project, and are not part of it.
func corpus(t testing.TB, name string) io.Reader {
	dir, set := os.LookupEnv("LURCHER_CORPORA")
	if !set {
		dir = filepath.Join("..", "..", "shared", "corpora")
	}
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil && !set {
		t.Skipf("the corpora are not here (LURCHER_CORPORA is not set): %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if !strings.HasSuffix(name, ".gz") {
		return f
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

type record struct {
	Source, Name, Kind, Mode string
	Input                    []byte `json:"input_base64"`
	SkipBody                 bool   `json:"skip_body"`
	Generate                 *struct {
		ChunkLen   int `json:"chunk_len"`
		ChunkCount int `json:"chunk_count"`
		Ext, Data  string
		End        string
	}
	Expect struct {
		OK          *bool
		Outcome     string
		AtEOF       string `json:"at_eof"`
		Consumed    *int
		HeaderCount int     `json:"header_count"`
		Rest        *int    `json:"rest_offset"`
		RestLen     *int    `json:"rest_len"`
		Body        *[]byte `json:"body_base64"`
		expectedHead
		Messages  []expectedMessage
		ChunkSize *uint64 `json:"chunk_size"`
	}
}

type expectedHead struct {
	Method, Target, Version, Reason string
	Status                          int
	Headers                         [][2]*string
}

type expectedMessage struct {
	expectedHead
	HeadersComplete bool `json:"headers_complete"`
	Complete        bool
	Body            []byte `json:"body_base64"`
	KeepAlive       *bool
}

func records(t testing.TB, name string) (all []record) {
	lines := bufio.NewReader(corpus(t, name))
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var r record
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatalf("%s, record %d: %v", name, len(all)+1, err)
			}
			all = append(all, r)
		}
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// latin1 returns the bytes of a string of the records, which has a code point for each.
func latin1(s string) []byte {
	var b []byte
	for _, c := range s {
		b = append(b, byte(c))
	}
	return b
}

// TestCorpora reads every record whole, byte by byte and split at every position, and holds the
// reading against what the record expects. Where RFC 9112 is stricter than the record's dialect,
// the table stricter names the record and the error that refuses it.
func TestCorpora(t *testing.T) {
	names := []string{"llhttp_request", "llhttp_response", "picohttpparser", "httparse"}
	read, used := 0, map[string]bool{}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			var agree, stricterHere, hostless int
			for _, rec := range records(t, name+".jsonl") {
				key := rec.Source + ": " + rec.Name
				if rec.Mode != "strict" && rec.Mode != "default" && rec.Source != "picohttpparser" {
					key += " [" + rec.Mode + "]"
				}
				r, err := check(rec)
				if err != nil && r.err == nil {
					r.err = errLooser
				}
				if r.missed {
					hostless++
				}
				want, listed := stricter[key]
				used[key] = true
				switch {
				case err == nil && !listed:
					agree++
				case err == nil:
					t.Errorf("%q: agrees, and is in the table as %q", key, want)
				case !listed:
					t.Logf("TABLE %q|%v", key, func() any {
						if r == nil {
							return err
						}
						return r.err
					}())
					t.Errorf("%q: %v\n%q", key, err, rec.Input)
				case r.err != want:
					t.Errorf("%q: %v, and in the table as %q", key, err, want)
				default:
					stricterHere++
				}
				if rec.Kind == "request" || rec.Kind == "response" {
					splits(t, r, rec.Input)
				}
			}
			t.Logf("%d records agree (%d of them once their missing Host is overlooked), %d are refused by a stricter rule",
				agree, hostless, stricterHere)
			read++
		})
	}
	if read == len(names) { // not where the corpora are absent, or only one is asked for
		for key := range stricter {
			if !used[key] {
				t.Errorf("%q is in the table, and in no corpus", key)
			}
		}
	}
}

// splits reads in in pieces, and compares.
func splits(t *testing.T, r *reader, in []byte) {
	t.Helper()
	whole := r.read(in)
	step := 1
	if len(in) > 1500 {
		step = 1 + len(in)/300
	}
	for cut := 0; cut < len(in); cut += step {
		if got := r.read(in, cut); got != whole {
			t.Errorf("split at %d:\n%s\nwhole:\n%s\ninput: %.300q", cut, got, whole, in)
			return
		}
	}
	for _, n := range []int{1, 2, 3, 7, 64} {
		if got := r.drip(in, n); got != whole {
			t.Errorf("%d bytes at a time:\n%s\nwhole:\n%s\ninput: %.300q", n, got, whole, in)
			return
		}
	}
}

// check reads one record and says how the reading differs from what the record expects. The reader
// is set up for the record, and its err says what the input was refused for.
func check(rec record) (*reader, error) {
	r := newReader()
	r.noHost = true
	r.skipBody = rec.SkipBody
	switch rec.Kind {
	case "response":
		r.response = true
		fallthrough
	case "request":
		r.headOnly = rec.Source != "llhttp"
		return r, r.compare(rec)
	case "header-section":
		return r, r.section(rec)
	case "chunked-body", "chunked-body-generated":
		return r, r.chunkedRecord(rec)
	case "chunk-size-line":
		return r, r.sizeLine(rec)
	}
	return nil, fmt.Errorf("a kind of record that is not known: %q", rec.Kind)
}

// compare reads a request or a response.
func (r *reader) compare(rec record) error {
	got := r.read(rec.Input)
	e := &rec.Expect
	if e.OK == nil {
		return nil // anything goes, as long as it is the same however split
	}
	if !*e.OK {
		if r.err != nil || r.stopped && r.at < len(rec.Input) {
			return nil
		}
		if r.heads == 0 { // what is wrong with a head as a whole shows when it is whole
			if r.read(append(rec.Input[:len(rec.Input):len(rec.Input)], "\r\n\r\n"...)); r.err != nil {
				return nil
			}
		}
		r.err = errLooser
		return fmt.Errorf("not refused:\n%s", got)
	}
	if r.err != nil {
		return fmt.Errorf("refused: %s", got)
	}
	want := newReader()
	want.response = r.response
	if r.headOnly {
		if e.Outcome != "complete" {
			if r.heads > 0 {
				return fmt.Errorf("whole, not %s", e.Outcome)
			}
			return nil
		}
		if r.heads != 1 || e.Consumed != nil && *e.Consumed != r.at {
			return fmt.Errorf("ends at %d", r.at)
		}
		want.expectHead(&e.expectedHead)
	} else {
		if (r.untilEOF && e.AtEOF != "complete") || (e.Rest != nil && *e.Rest != r.at) {
			return fmt.Errorf("ends at %d, until close: %v", r.at, r.untilEOF)
		}
		heads, whole := 0, 0
		for _, m := range e.Messages {
			if !m.HeadersComplete {
				continue
			}
			heads++
			want.expectHead(&m.expectedHead)
			if m.Complete {
				whole++
			}
			if len(m.Body) > 0 {
				want.content = m.Body
				want.logBody()
			}
		}
		if r.stopped && r.heads < heads {
			r.err = errAfterClose
			return r.err
		}
		if heads != r.heads || whole != r.whole {
			return fmt.Errorf("%d heads, %d messages:\n%s", r.heads, r.whole, got)
		}
		if last := e.Messages[len(e.Messages)-1]; last.HeadersComplete && last.KeepAlive != nil && *last.KeepAlive != r.keepAlive {
			return fmt.Errorf("keep-alive is %v", r.keepAlive)
		}
	}
	if e.Version == "" && r.headOnly { // the record counts, and does not name
		if n := len(r.current().Fields); n != e.HeaderCount {
			return fmt.Errorf("%d fields", n)
		}
		return nil
	}
	if e.Headers == nil && r.headOnly {
		got, _, _ = strings.Cut(got, "field") // the record does not say them
	}
	if essence(got) != string(want.log) {
		return fmt.Errorf("read:\n%s\nexpected:\n%s", essence(got), want.log)
	}
	return nil
}

// essence returns a reading without what the records do not say.
func essence(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "path") && !strings.HasPrefix(line, "means") &&
			!strings.HasPrefix(line, "end") && line != "body \"\"\n" {
			b.WriteString(line)
		}
	}
	return b.String()
}

func (r *reader) expectHead(h *expectedHead) {
	if r.response {
		r.log = fmt.Appendf(r.log, "status %d", h.Status)
		r.quoted(latin1(h.Reason))
	} else {
		r.log = append(r.log, "request"...)
		r.quoted(latin1(h.Method))
		r.quoted(latin1(h.Target))
	}
	r.log = append(r.log, '\n')
	for _, f := range h.Headers {
		r.log = append(r.log, "field"...)
		for _, s := range f {
			if s == nil { // a folded line
				s = new(string)
			}
			r.quoted(latin1(*s))
		}
		r.log = append(r.log, '\n')
	}
}

// section reads field lines alone, as a trailer section.
func (r *reader) section(rec record) error {
	read := func(cuts ...int) (n int, err error) {
		t := Trailer{Fields: make([]Field, 0, 16)}
		r.log = r.log[:0]
		for _, have := range append(cuts, len(rec.Input)) {
			if n, err = t.Parse(rec.Input[:have]); n > 0 || err != nil {
				break
			}
		}
		if n > 0 {
			r.logFields(t.Fields, rec.Input)
		}
		r.log = fmt.Appendln(r.log, n, err, t.ErrorOffset())
		return n, err
	}
	n, err := read()
	whole := string(r.log)
	for cut := range rec.Input {
		if read(cut); string(r.log) != whole {
			return fmt.Errorf("split at %d: %s, whole: %s", cut, r.log, whole)
		}
	}
	r.err = err
	if ok := err == nil; ok != *rec.Expect.OK || (n > 0) != (rec.Expect.Outcome == "complete") {
		return fmt.Errorf("%d, %v", n, err)
	}
	if n > 0 {
		want := newReader()
		want.expectHead(&rec.Expect.expectedHead)
		_, fields, _ := strings.Cut(string(want.log), "\n")
		if n != *rec.Expect.Consumed || !strings.HasPrefix(whole, fields) {
			return fmt.Errorf("%d %s", n, whole)
		}
	}
	return nil
}

// TestSeeds reads inputs that fuzzers found in other programs: no crash, and one reading.
func TestSeeds(t *testing.T) {
	n := 0
	for _, rec := range records(t, "fuzz_seeds.jsonl.gz") {
		r := newReader()
		r.noHost = n%2 == 0 // go farther with every other one
		r.response = rec.Kind == "response"
		r.keep = n%3 == 0
		splits(t, r, rec.Input)
		n++
	}
	t.Logf("%d seeds read the same however they were split", cmp.Or(n, 0))
}

// Differences that are not refusals.
var (
	errAfterClose = errors.New("nothing is read behind a message that closes the connection (RFC 9112 9.6)")
	errLooser     = errors.New("the record's rule is its project's own, not the RFC's")
)

// The reference parser on every record of every corpus. Other parsers are looser: testdata/strict.txt
// names each record to which the strict answer is another one, and the rule that makes it so.

package fuzz

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/strict.txt anew")

const strictFile = "testdata/strict.txt"

func TestReferenceOnCorpora(t *testing.T) {
	var differences strings.Builder
	count := 0
	for _, file := range []string{"picohttpparser.jsonl", "httparse.jsonl", "llhttp_request.jsonl", "llhttp_response.jsonl"} {
		for _, r := range corpus(t, file) {
			count++
			if d := r.difference(); d != "" {
				fmt.Fprintf(&differences, "%s\t%s\t%s\n", strings.TrimSuffix(file, ".jsonl"), r.Name, d)
			}
		}
	}
	if *update {
		if err := os.WriteFile(strictFile, []byte(differences.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	known, err := os.ReadFile(strictFile)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for l := range strings.Lines(string(known)) {
		listed[l] = true
	}
	for l := range strings.Lines(differences.String()) {
		if !listed[l] {
			t.Errorf("not in %s: %s", strictFile, l)
		}
		delete(listed, l)
	}
	for l := range listed {
		t.Errorf("%s lists what is no difference: %s", strictFile, l)
	}
	t.Logf("%d records, %d of them read in another way, each for the rule listed", count, strings.Count(differences.String(), "\n"))
}

// difference says how the reference's answer is not the record's, or "".
func (r *record) difference() string {
	if r.Kind == "request" || r.Kind == "response" {
		got, end := r.read(r.Input)
		if strings.HasSuffix(end, "no Host") { // the rule is checked; and now what would be without it
			got, end = r.read(withHosts(r.Input))
		}
		return r.judge(got, end)
	}
	return r.judgePart()
}

// read reads messages for as long as the connection lasts: end is "complete", "incomplete" or
// the rule that is broken.
func (r *record) read(b []byte) (messages []Message, end string) {
	for {
		var m Message
		var n int
		var err error
		if r.Kind == "request" {
			m, n, err = ReadRequest(b)
		} else {
			method := "GET"
			if r.SkipBody {
				method = "HEAD"
			}
			m, n, err = ReadResponse(b, method, r.Expect.AtEOF == "complete")
		}
		if err == nil || m.Head > 0 {
			messages = append(messages, m)
		}
		var refusal *Refusal
		switch {
		case errors.As(err, &refusal):
			return messages, refusal.Rule
		case err != nil:
			return messages, "incomplete"
		}
		b = b[n:]
		if len(strings.Trim(string(b), "\r\n")) == 0 || !m.KeepAlive || m.Upgrade || m.Method == "CONNECT" {
			return messages, "complete"
		}
	}
}

// withHosts adds the Host that most records of other suites do without, after each request line.
func withHosts(b []byte) []byte {
	var out strings.Builder
	for line := range strings.SplitAfterSeq(string(b), "\n") {
		out.WriteString(line)
		if strings.HasSuffix(line, " HTTP/1.1\r\n") {
			out.WriteString("Host: added\r\n")
		}
	}
	return []byte(out.String())
}

func (r *record) judge(got []Message, end string) string {
	e := &r.Expect
	if end != "complete" && end != "incomplete" {
		if e.OK != nil && !*e.OK {
			return ""
		}
		return end
	}
	want := e.Messages
	if want == nil && e.Outcome == "complete" {
		want = []expected{e.expected}
	}
	for i := range want {
		switch {
		case want[i].Complete != nil && !*want[i].Complete:
		case i >= len(got):
			return fmt.Sprintf("%s after %d messages of %d", end, len(got), len(want))
		default:
			if d := want[i].differs(&got[i]); d != "" {
				return d
			}
		}
	}
	switch {
	case e.OK != nil && !*e.OK:
		return "taken: " + end
	case e.AtEOF == "complete" && end == "complete", r.headOnly() && e.Outcome == "complete" && got[0].Head > 0:
	case e.Outcome != end:
		return end + ", and not " + e.Outcome
	}
	return ""
}

// headOnly reports whether the record is of a suite whose parser knows no bodies.
func (r *record) headOnly() bool { return r.Expect.Messages == nil }

func (e *expected) differs(m *Message) string {
	var fields []Field
	for _, h := range e.Headers {
		if h[0] != nil && h[1] != nil {
			fields = append(fields, Field{latin1(*h[0]), latin1(*h[1])})
		}
	}
	var got []Field
	for _, f := range append(m.Fields, m.Trailers...) { // llhttp reports trailers as headers
		if f != (Field{"Host", "added"}) {
			got = append(got, f)
		}
	}
	if e.Headers == nil {
		got = nil
	}
	want := Message{Method: latin1(e.Method), Target: latin1(e.Target), Status: e.Status, Reason: latin1(e.Reason), Fields: fields}
	have := Message{Method: m.Method, Target: m.Target, Status: m.Status, Reason: m.Reason, Fields: got}
	if m.Status != 0 || e.Method == "" {
		have.Method, want.Method = "", ""
	}
	if e.Method == "" {
		have.Target = ""
	}
	if e.Body != nil {
		want.Body, have.Body = string(*e.Body), m.Body
	}
	if e.KeepAlive != nil {
		want.KeepAlive, have.KeepAlive = *e.KeepAlive, m.KeepAlive
	}
	if e.Version != "" && e.Version != fmt.Sprintf("1.%d", m.Minor) {
		return fmt.Sprintf("version: %s and 1.%d", e.Version, m.Minor)
	}
	return want.Diff(&have)
}

// judgePart is for the kinds of records that are parts of messages.
func (r *record) judgePart() string {
	var body, want string
	var err error
	switch r.Kind {
	case "header-section":
		_, _, err = ReadRequest([]byte("GET / HTTP/1.0\r\n" + string(r.Input)))
	case "chunked-body-generated":
		g := r.Generate
		want = strings.Repeat(g.Data, g.ChunkLen*g.ChunkCount)
		chunk := fmt.Sprintf("%x%s\r\n%s\r\n", g.ChunkLen, g.Ext, want[:g.ChunkLen])
		body, _, _, err = ReadChunked([]byte(strings.Repeat(chunk, g.ChunkCount) + g.End))
	default:
		body, _, _, err = ReadChunked(r.Input)
		if r.Expect.Body != nil {
			want = string(*r.Expect.Body)
		}
		if n := r.Expect.ChunkSize; n != nil && *n != 0 {
			err = pretendDone(err)
		}
	}
	end := "complete"
	var refusal *Refusal
	if errors.As(err, &refusal) {
		end = refusal.Rule
	} else if err != nil {
		end = "incomplete"
	}
	ok := r.Expect.OK != nil && *r.Expect.OK
	switch {
	case end != "complete" && end != "incomplete" && !ok:
	case end != r.Expect.Outcome && end == "incomplete" && r.Mode == "consume_trailer=0" && strings.HasSuffix(string(r.Input), "\r\n0\r\n"):
		// This mode leaves the trailer section and its empty line to others.
	case end != r.Expect.Outcome:
		return end + ", and not " + r.Expect.Outcome
	case ok && body != want:
		return fmt.Sprintf("body: %q", body)
	}
	return ""
}

// pretendDone is for a record that is a chunk-size line alone: the data may be missing.
func pretendDone(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

package parser

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// chunkedRecord reads a chunked body alone. picohttpparser's decoder stops after the last chunk's
// line, unless it was told to consume the trailer section.
func (r *reader) chunkedRecord(rec record) error {
	in := rec.Input
	if g := rec.Generate; g != nil {
		var b bytes.Buffer
		for range g.ChunkCount {
			fmt.Fprintf(&b, "%x%s\r\n%s\r\n", g.ChunkLen, g.Ext, strings.Repeat(g.Data, g.ChunkLen))
		}
		b.WriteString(g.End)
		in = b.Bytes()
	}
	type result struct {
		body string
		n    int
		err  error
	}
	body := make([]byte, 0, len(in))
	read := func(cuts ...int) (res result) {
		b := Body{state: bodyChunked}
		if rec.Mode == "consume_trailer=0" {
			b.KeepTrailer()
		}
		cuts = append(cuts, len(in))
		body = body[:0]
		for _, have := range cuts {
			for res.n < have && res.err == nil {
				data, n, err := b.Next(in[res.n:have])
				body = append(body, data...)
				res.n += n
				res.err = err
			}
		}
		if int(b.Offset()) != res.n {
			panic("Body.Offset is not what was used up")
		}
		res.body = string(body)
		return res
	}
	whole := read()
	r.err = whole.err
	if rec.Generate == nil {
		bytewise := make([]int, len(in))
		for i := range in {
			bytewise[i] = i
			if got := read(i); got != whole {
				return fmt.Errorf("split at %d: %v, whole: %v", i, got, whole)
			}
		}
		if got := read(bytewise...); got != whole {
			return fmt.Errorf("bytewise: %v, whole: %v", got, whole)
		}
	}
	outcome := "incomplete"
	switch {
	case whole.err == io.EOF || whole.err == ErrTrailer:
		outcome = "complete"
	case whole.err != nil:
		outcome = "error"
	}
	e := &rec.Expect
	if outcome != e.Outcome {
		return fmt.Errorf("%s: %.100q after %d bytes, %v", outcome, whole.body, whole.n, whole.err)
	}
	if e.Body != nil && string(*e.Body) != whole.body {
		return fmt.Errorf("body %q", whole.body)
	}
	if e.RestLen != nil && *e.RestLen != len(in)-whole.n {
		return fmt.Errorf("rest is %d", len(in)-whole.n)
	}
	return nil
}

// sizeLine reads a chunk-size line alone.
func (r *reader) sizeLine(rec record) error {
	read := func(cut int) (n int, size int64, err error) {
		b := Body{state: bodyChunked}
		for _, have := range []int{cut, len(rec.Input)} {
			for n < have && err == nil && b.state != bodyData && b.state != bodyTrailer {
				var k int
				_, k, err = b.Next(rec.Input[n : n+1]) // no farther than the line
				n += k
			}
		}
		if b.state != bodyData && b.state != bodyTrailer {
			n = -1
		}
		return n, b.left, err
	}
	n, size, err := read(0)
	r.err = err
	for cut := range rec.Input {
		if n2, size2, err2 := read(cut); n != n2 || size != size2 || !errors.Is(err2, err) {
			return fmt.Errorf("split at %d: %d %d %v", cut, n2, size2, err2)
		}
	}
	e := &rec.Expect
	switch {
	case *e.OK != (err == nil):
		return fmt.Errorf("%d %d %v", n, size, err)
	case *e.OK && e.Outcome == "complete" && (n != *e.Consumed || uint64(size) != *e.ChunkSize):
		return fmt.Errorf("%d bytes, size %d", n, size)
	case e.Outcome == "incomplete" && n >= 0:
		return fmt.Errorf("whole after %d bytes", n)
	}
	return nil
}

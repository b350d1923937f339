// Explain has to see what it is for, and to let pass what servers may do.

package fuzz

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	const (
		get   = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
		last  = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
		old   = "GET /a HTTP/1.0\r\n\r\n"
		post  = "POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
		wrong = "GET /a HTTP/1.1\r\n\r\n"
		ok    = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
		end   = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
		bad   = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
		go100 = "HTTP/1.1 100 Continue\r\n\r\n"
	)
	for _, c := range []struct {
		name, sent, received string
		fault                string // a part of the error
	}{
		{"one each", get + get, ok + ok, ""},
		{"nothing for nothing", "", "", ""},
		{"a body is not a request", post + "GET", ok, ""},
		{"the server ends it", get + get, end, ""},
		{"malformed, refused", get + wrong, ok + bad, ""},
		{"malformed, closed", get + wrong, ok, ""},
		{"cut off in the head", get + "GET /", ok, ""},
		{"cut off in the body, answered", post + "a", ok, ""},
		{"cut off in the body, answered in part", post + "a", ok[:len(ok)-1], ""},
		{"cut off in the body, not answered", post + "a", "", ""},
		{"interim", post + "abc", go100 + ok, ""},
		{"CONNECT agreed to", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nxxx", "HTTP/1.1 200 OK\r\n\r\nyyy", ""},

		{"too few answers", get + get, ok, "no answer"},
		{"too many answers", get, ok + ok, "an answer to nothing"},
		{"an answer to a body", post + "GET", ok + bad, "an answer to nothing"},
		{"an answer behind the last request", last + get, end + ok, "which was to be the last"},
		{"an answer behind the server's end", get + get, end + ok, "which was to be the last"},
		{"an answer behind HTTP/1.0", old + get, ok + ok, "which was to be the last"},
		{"malformed, served", wrong, ok, "RFC 9112 §3.2: no Host"},
		{"malformed, and then served", wrong + get, bad + ok, "after answer 1"},
		{"half a head served", "GET /", ok, "what was cut off"},
		{"half an answer", get, ok[:len(ok)-1], "the answer is malformed"},
		{"interim to HTTP/1.0", old, go100 + ok, "an interim answer"},
		{"the wrong answer", get, ok, "not what was meant"},
	} {
		check := func(request, answer Message) error {
			if c.name == "the wrong answer" {
				return errors.New("not what was meant")
			}
			return nil
		}
		err := Explain([]byte(c.sent), []byte(c.received), check)
		if got := fmt.Sprint(err); c.fault == "" && err != nil || c.fault != "" && !strings.Contains(got, c.fault) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

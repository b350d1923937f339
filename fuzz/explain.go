// The test of request smuggling: is there one reading of the bytes that were sent which explains
// each answer that came back?

package fuzz

import (
	"errors"
	"fmt"
	"io"
)

// Explain checks all that a server said on a connection, to its end, against all that was sent. The
// reference parser's reading of sent has to explain it: an answer for each request, in order,
// well formed, and none for anything else; nothing after a request or an answer that ends the
// connection; for malformed bytes at most one answer, an error, and the end. check, if not nil,
// is called with each request and its answer, to compare what the server echoes with what was meant.
//
// A request that is cut off by the end of sent may be answered or not, or in part. After CONNECT or an upgrade
// that the server agreed to, nothing more is asked.
func Explain(sent, received []byte, check func(request, answer Message) error) error {
	for i := 1; ; i++ {
		if len(sent) == 0 {
			if len(received) > 0 {
				return fmt.Errorf("an answer to nothing: %.200q", received)
			}
			return nil
		}
		request, n, err := ReadRequest(sent)
		if err != nil {
			return explainEnd(i, request, received, err)
		}
		answer, rest, err := finalAnswer(received, request)
		if err != nil {
			return fmt.Errorf("request %d, %s %s: %w", i, request.Method, request.Target, err)
		}
		if check != nil {
			if err := check(request, answer); err != nil {
				return fmt.Errorf("request %d, %s %s: %w", i, request.Method, request.Target, err)
			}
		}
		tunnel := answer.Status == 101 || request.Method == "CONNECT" && answer.Status/100 == 2
		switch {
		case tunnel:
			return nil
		case !request.KeepAlive || !answer.KeepAlive:
			if len(rest) > 0 {
				return fmt.Errorf("after request %d, which was to be the last: %.200q", i, rest)
			}
			return nil
		}
		sent, received = sent[n:], rest
	}
}

// explainEnd is for what is left when no whole request is: a part of one, or what is none.
func explainEnd(i int, request Message, received []byte, err error) error {
	if len(received) == 0 {
		return nil
	}
	var refusal *Refusal
	what := "what was cut off"
	if errors.As(err, &refusal) {
		what = "what is malformed (" + refusal.Error() + ")"
	}
	answer, rest, err := finalAnswer(received, request)
	if request.Head == 0 && request.Method == "HEAD" && (err != nil || len(rest) > 0) {
		request.Method = "" // what is malformed is no HEAD request, and may be answered with content
		answer, rest, err = finalAnswer(received, request)
	}
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && request.Head > 0 && answer.Head > 0:
		return nil // begun before the request broke off, and broken off in turn
	case err != nil:
		return fmt.Errorf("answer %d, to %s: %w", i, what, err)
	case len(rest) > 0:
		return fmt.Errorf("after answer %d, to %s: %.200q", i, what, rest)
	case request.Head == 0 && answer.Status < 400:
		return fmt.Errorf("answer %d, to %s: %d", i, what, answer.Status)
	}
	return nil
}

// finalAnswer reads an answer, and the interim ones before it.
func finalAnswer(received []byte, request Message) (answer Message, rest []byte, err error) {
	for {
		if len(received) == 0 {
			return answer, nil, errors.New("no answer")
		}
		answer, n, err := ReadResponse(received, request.Method, true)
		if err != nil {
			return answer, nil, fmt.Errorf("the answer is malformed: %w: %.200q", err, received)
		}
		received = received[n:]
		if answer.Status/100 != 1 || answer.Status == 101 {
			return answer, received, nil
		}
		if request.Minor == 0 {
			return answer, nil, fmt.Errorf("an interim answer, %d, to HTTP/1.0", answer.Status)
		}
	}
}

// Two servers with one handler: ours and net/http's. The answer echoes what the server understood.

package sockets

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/fuzz"
	"github.com/lurcher-net/lurcher/server"
)

const maxBody = 1 << 20

// echo returns the answer's body: one line that says what request this was.
func echo(method, target string, body []byte) string {
	return fmt.Sprintf("%q %q %d bytes %08x\n", method, target, len(body), crc32.ChecksumIEEE(body))
}

// echoes is the check for fuzz.Explain: a 200 holds the request as the reference reads it, and an
// answer has what answers must have.
func echoes(request, answer fuzz.Message) error {
	dates := 0
	for _, f := range answer.Fields {
		if strings.EqualFold(f.Name, "Date") {
			if _, err := http.ParseTime(f.Value); err != nil {
				return err
			}
			dates++
		}
	}
	want := echo(request.Method, request.Target, []byte(request.Body))
	switch {
	case dates != 1:
		return fmt.Errorf("RFC 9110 §6.6.1: %d Date fields", dates)
	case answer.Minor != 1:
		return fmt.Errorf("RFC 9110 §6.2: answered as HTTP/1.%d", answer.Minor)
	case request.Minor == 0 && answer.Chunked:
		return errors.New("RFC 9112 §6.1: chunked to HTTP/1.0")
	case answer.Status != 200 || request.Method == "HEAD":
		return nil
	case request.Target == "*" && answer.Body == "":
		return nil // the server's own answer to OPTIONS *: no handler has seen it
	case answer.Body != want:
		return fmt.Errorf("meant %q, understood %q", want, answer.Body)
	}
	return nil
}

// handle is the echo.
func handle(w server.Response, r server.Request) {
	method, target := string(r.Method()), string(r.Target())
	r.Body(maxBody, func(body []byte) { w.End(echo(method, target, body)) })
}

// startOurs serves with a server of this module until the test ends.
func startOurs(t testing.TB, s *server.Server) (addr string) {
	a, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a.String()
}

// startTheirs serves it with net/http.
func startTheirs(t testing.TB) (addr string) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "CONNECT" {
			w.WriteHeader(501)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			w.Header().Set("Connection", "close")
			http.Error(w, "no body", http.StatusBadRequest)
			return
		}
		io.WriteString(w, echo(r.Method, r.RequestURI, body))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.DisableGeneralOptionsHandler = true // or it answers OPTIONS * itself
	s.Config.ReadTimeout = 5 * time.Second
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// understood lists the echoes of the 200s in what was received.
func understood(received []byte) (echoes []string) {
	for _, part := range bytes.SplitAfter(received, []byte("\n")) {
		if line := string(part); strings.HasPrefix(line, `"`) && strings.Contains(line, " bytes ") &&
			!strings.HasPrefix(line, `"OPTIONS" "*" `) { // ours has no handler see that
			echoes = append(echoes, line)
		}
	}
	return echoes
}

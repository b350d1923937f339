package load

import (
	"strings"
	"testing"
	"time"
)

const wrkOutput = `Running 2s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   535.12us  120.01us   4.12ms   91.02%
    Req/Sec   118.01k     5.50k  125.12k    80.00%
  Latency Distribution
     50%  520.00us
     75%  560.00us
     90%  610.00us
     99%    1.02ms
  236100 requests in 2.01s, 30.10MB read
Requests/sec: 117462.69
Transfer/sec:     14.98MB
`

func TestWrkOutput(t *testing.T) {
	r, err := parseWrk(wrkOutput)
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	want := Result{Requests: 236100, All: 236100, Elapsed: 2010 * time.Millisecond, P50: 520 * time.Microsecond,
		P99: 1020 * time.Microsecond, Max: 4120 * time.Microsecond, Generator: "wrk"}
	if r != want {
		t.Errorf("%+v\nwant %+v", r, want)
	}
}

func TestWrkFailuresAreErrors(t *testing.T) {
	wantErrors(t, parseWrk, map[string]string{
		"sockets":    strings.Replace(wrkOutput, "Requests/sec", "  Socket errors: connect 0, read 3, write 0, timeout 1\nRequests/sec", 1),
		"statuses":   strings.Replace(wrkOutput, "Requests/sec", "  Non-2xx or 3xx responses: 7\nRequests/sec", 1),
		"no answers": strings.Replace(wrkOutput, "236100 requests", "0 requests", 1),
		"nonsense":   "unable to connect to 127.0.0.1:8000 Connection refused",
	})
}

// wantErrors has parse read outputs that are to be errors, be it as a Result.
func wantErrors(t *testing.T, parse func(string) (Result, error), outputs map[string]string) {
	t.Helper()
	for what, out := range outputs {
		if r, err := parse(out); err == nil && r.Err() == nil {
			t.Errorf("%s: no error: %+v", what, r)
		}
	}
}

func TestAnswerLength(t *testing.T) {
	const sized = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
	for _, whole := range []string{sized, chunked} {
		for n := range len(whole) {
			if got, err := answerLength([]byte(whole[:n])); got != 0 || err != nil {
				t.Fatalf("%q: %d, %v", whole[:n], got, err)
			}
		}
		if got, err := answerLength([]byte(whole + "HTTP")); got != len(whole) || err != nil {
			t.Errorf("%q: %d, %v", whole, got, err)
		}
	}
	for _, bad := range []string{"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n"} {
		if _, err := answerLength([]byte(bad)); err == nil {
			t.Errorf("%q passes for an answer", bad)
		}
	}
}

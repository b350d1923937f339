package load

import (
	"strings"
	"testing"
	"time"
)

const h2loadOutput = `progress: 93% of clients started
Warm-up phase is over for thread #0.
Application protocol: http/1.1

finished in 2.00s, 1697920.00 req/s, 142.50MB/s
requests: 3395840 total, 3396864 started, 3395840 done, 3395839 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 3395840 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 284.99MB (298833920) total, 158.71MB (166419680) headers (space savings 0.00%), 38.87MB (40755840) data
                     min         max         mean         sd        +/- sd
time for request:      283us      2.69ms       622us       121us    76.33%
time for connect:        9us       479us       236us       130us    64.06%
`

func TestH2loadOutput(t *testing.T) {
	r, err := parseH2load(h2loadOutput)
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	want := Result{Requests: 3395839, All: 3395840, Elapsed: 2 * time.Second, Max: 2690 * time.Microsecond,
		Mean: 622 * time.Microsecond, Generator: "h2load"}
	if r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
}

func TestH2loadFailuresAreErrors(t *testing.T) {
	wantErrors(t, parseH2load, map[string]string{
		"failed":     strings.Replace(h2loadOutput, "0 failed", "3 failed", 1),
		"errored":    strings.Replace(h2loadOutput, "0 errored", "1 errored", 1),
		"no answers": strings.Replace(h2loadOutput, "3395839 succeeded", "0 succeeded", 1),
		"nonsense":   "",
	})
}

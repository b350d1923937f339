// The generator h2load.

package load

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// H2load puts a load on an address with h2load, over HTTP/1.1: conns connections for whole seconds, each
// with pipeline requests in flight. It tells the mean time of a request, and no quantiles.
func (r Runner) H2load(ctx context.Context, url string, conns, pipeline, seconds int) (Result, error) {
	return r.tool(ctx, conns, seconds, parseH2load, "h2load", "--h1", "-t1",
		fmt.Sprintf("-c%d", conns), fmt.Sprintf("-m%d", max(pipeline, 1)), fmt.Sprintf("-D%d", seconds), url)
}

var (
	h2loadTotal = regexp.MustCompile(`(?m)^finished in ([\d.]+\w+),`)
	h2loadDone  = regexp.MustCompile(`(?m)^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout`)
	h2loadMean  = regexp.MustCompile(`(?m)^time for request: +\S+ +([\d.]+\w+) +([\d.]+\w+)`)
)

// parseH2load reads what h2load prints. Answers that are not 2xx or 3xx count as failed.
func parseH2load(out string) (Result, error) {
	res := Result{Generator: "h2load"}
	total, done, mean := h2loadTotal.FindStringSubmatch(out), h2loadDone.FindStringSubmatch(out), h2loadMean.FindStringSubmatch(out)
	if total == nil || done == nil || mean == nil {
		return res, fmt.Errorf("h2load printed something else: %.400q", out)
	}
	res.Requests, _ = strconv.Atoi(done[2])
	res.All, _ = strconv.Atoi(done[1])
	for _, n := range done[3:] {
		k, _ := strconv.Atoi(n)
		res.Errors += k
	}
	if res.Errors > 0 {
		res.Error = done[0]
	}
	var err1, err2, err3 error
	res.Elapsed, err1 = time.ParseDuration(total[1])
	res.Max, err2 = time.ParseDuration(mean[1])
	res.Mean, err3 = time.ParseDuration(mean[2])
	if err := firstOf(err1, err2, err3); err != nil {
		return res, err
	}
	if res.Requests == 0 {
		return res, errors.New("h2load got no answer")
	}
	return res, nil
}

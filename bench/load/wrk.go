// The generator wrk.

package load

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Wrk puts a load on an address with wrk: conns connections for whole seconds, each with one request in
// flight. script is wrk's Lua, a file's name or nothing.
func (r Runner) Wrk(ctx context.Context, url string, conns, seconds int, script string, header ...string) (Result, error) {
	args := []string{"wrk", fmt.Sprintf("-t%d", max(r.Threads, 1)), fmt.Sprintf("-c%d", conns), fmt.Sprintf("-d%ds", seconds), "--latency"}
	for _, h := range header {
		args = append(args, "-H", h)
	}
	if script != "" {
		args = append(args, "-s", script)
	}
	return r.tool(ctx, conns, seconds, parseWrk, append(args, url)...)
}

var (
	wrkTotal   = regexp.MustCompile(`(?m)^\s+(\d+) requests in ([\d.]+\w+),`)
	wrkQuant   = regexp.MustCompile(`(?m)^\s+(50|99)%\s+([\d.]+\w+)`)
	wrkMax     = regexp.MustCompile(`(?m)^\s+Latency\s+\S+\s+\S+\s+([\d.]+\w+)`)
	wrkSockets = regexp.MustCompile(`Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)`)
	wrkStatus  = regexp.MustCompile(`Non-2xx or 3xx responses: (\d+)`)
)

// parseWrk reads what wrk prints with --latency.
func parseWrk(out string) (Result, error) {
	res := Result{Generator: "wrk"}
	m := wrkTotal.FindStringSubmatch(out)
	if m == nil {
		return res, fmt.Errorf("wrk printed something else: %.200q", out)
	}
	res.Requests, _ = strconv.Atoi(m[1])
	res.All = res.Requests
	var err error
	if res.Elapsed, err = wrkTime(m[2]); err != nil {
		return res, err
	}
	if m := wrkMax.FindStringSubmatch(out); m != nil {
		if res.Max, err = wrkTime(m[1]); err != nil {
			return res, err
		}
	}
	for _, m := range wrkQuant.FindAllStringSubmatch(out, -1) {
		d, err := wrkTime(m[2])
		if err != nil {
			return res, err
		}
		if m[1] == "50" {
			res.P50 = d
		} else {
			res.P99 = d
		}
	}
	if m := wrkSockets.FindStringSubmatch(out); m != nil {
		res.Error = strings.TrimSpace(m[0])
		for _, n := range m[1:] {
			k, _ := strconv.Atoi(n)
			res.Errors += k
		}
	}
	if m := wrkStatus.FindStringSubmatch(out); m != nil {
		n, _ := strconv.Atoi(m[1])
		res.Errors += n
		res.Error = strings.TrimSpace(res.Error + " " + m[0])
	}
	if res.Requests == 0 {
		return res, errors.New("wrk got no answer")
	}
	return res, nil
}

// wrkTime reads a time as wrk writes it, which is as Go does but for minutes and hours.
func wrkTime(s string) (time.Duration, error) { return time.ParseDuration(s) }

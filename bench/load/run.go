// How generators are run, on a core of their own.

package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Subcommand is the argument that makes this program a generator: see Generate.
const Subcommand = "generate"

// A Runner starts generators on a core of their own.
type Runner struct {
	Pin []string          // what to put before a command line, "taskset -c 1" say
	Log func(line string) // gets every command line

	Threads int // of wrk; 0 is 1
}

// Nice is the same, with its generators at another priority: see nice(1).
func (r Runner) Nice(by int) Runner {
	if Has("nice") {
		r.Pin = append(slices.Clone(r.Pin), "nice", "-n", strconv.Itoa(by))
	}
	return r
}

func (r Runner) command(ctx context.Context, args ...string) *exec.Cmd {
	args = append(append([]string{}, r.Pin...), args...)
	r.Log(strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// Has tells whether a program that makes load is there.
func Has(program string) bool { _, err := exec.LookPath(program); return err == nil }

// tool runs a program that opens conns connections and makes load for that many seconds, and parses what it prints.
func (r Runner) tool(ctx context.Context, conns, seconds int, parse func(string) (Result, error), args ...string) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+30*time.Second)
	defer cancel()
	cmd := r.command(ctx, args...)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return Result{}, fmt.Errorf("%s: %w: %s", args[0], err, out.Bytes())
	}
	res, err := parse(out.String())
	if err != nil {
		return res, err
	}
	res.Open = conns
	res.Busy = float64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()) / float64(res.Elapsed)
	return res, res.Err()
}

// Run does a job and returns when it is done.
func (r Runner) Run(ctx context.Context, job Job) (Result, error) {
	res, done, err := r.Start(ctx, job)
	done()
	return res, err
}

// Start does a job, and returns when its result is there; with Hold the connections stay open until
// done is called, which it has to be.
func (r Runner) Start(ctx context.Context, job Job) (res Result, done func(), err error) {
	done = func() {}
	ctx, cancel := context.WithTimeout(ctx, job.Warm+job.For+time.Duration(job.Waves)*2*job.Delay+time.Minute)
	arg, err := json.Marshal(job)
	if err != nil {
		cancel()
		return res, done, err
	}
	self, err := os.Executable()
	if err != nil {
		cancel()
		return res, done, err
	}
	cmd := r.command(ctx, self, Subcommand, string(arg))
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		cancel()
		return res, done, fmt.Errorf("load: %w", firstOf(err1, err2))
	}
	if err := cmd.Start(); err != nil {
		cancel()
		return res, done, err
	}
	done = func() {
		stdin.Close()
		io.Copy(io.Discard, stdout)
		cmd.Wait()
		cancel()
	}
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		return res, done, fmt.Errorf("load: the generator said nothing: %w", firstOf(ctx.Err(), err))
	}
	if err := json.Unmarshal(line, &res); err != nil {
		return res, done, err
	}
	return res, done, res.Err()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Package ask is what the programs have in common that are measured as clients: what they are told to do,
// how answers are counted, and what they print. A client asks on so many connections at a time, each for
// the next thing when an answer has come; it is measured from within, by getrusage(2).
package ask

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Job is what a client does. With Idle it makes one request on each connection, all at a time, and then
// waits: what is measured is what they hold.
type Job struct {
	Addr     string
	Path     string
	Kind     string // which of its clients, for a program that has several
	Conns    int
	Pipeline int
	Warm     time.Duration
	For      time.Duration
	Idle     bool
}

// URL is what to ask for.
func (j Job) URL() string { return "http://" + j.Addr + j.Path }

// A Result is what a client prints.
type Result struct {
	Requests     int
	Elapsed      time.Duration
	User, System time.Duration // of the process, for those requests
	RSS          int64         // with Idle: bytes that were added
	Error        string        `json:",omitempty"`
}

// A Meter counts answers. Its methods may be called from any goroutine.
type Meter struct {
	answers atomic.Int64
	over    atomic.Bool
	once    sync.Once
	idle    chan struct{}
	want    int64
	err     atomic.Pointer[error]
}

// Answer counts one, and reports whether there is to be another request.
func (m *Meter) Answer() bool {
	n := m.answers.Add(1)
	if m.want > 0 {
		if n >= m.want {
			m.once.Do(func() { close(m.idle) })
		}
		return false
	}
	return !m.over.Load()
}

// Fail notes that a request failed, which ends the measurement.
func (m *Meter) Fail(err error) {
	if !m.over.Load() {
		m.err.CompareAndSwap(nil, &err)
	}
}

// Main reads the flags, has start begin to ask, on goroutines of its own, and prints what was measured.
func Main(start func(j Job, m *Meter) error) {
	var j Job
	flag.StringVar(&j.Addr, "addr", "127.0.0.1:8000", "the server")
	flag.StringVar(&j.Path, "path", "/", "what to ask for")
	flag.StringVar(&j.Kind, "kind", "", "which client")
	flag.IntVar(&j.Conns, "conns", 64, "connections")
	flag.IntVar(&j.Pipeline, "pipeline", 1, "requests on the way on each")
	flag.DurationVar(&j.Warm, "warm", 200*time.Millisecond, "before counting")
	flag.DurationVar(&j.For, "for", time.Second, "counted")
	flag.BoolVar(&j.Idle, "idle", false, "measure what idle connections hold")
	flag.Parse()
	r := measure(j, start)
	json.NewEncoder(os.Stdout).Encode(r)
	if r.Error != "" {
		os.Exit(1)
	}
}

func measure(j Job, start func(j Job, m *Meter) error) (r Result) {
	m := &Meter{idle: make(chan struct{})}
	before := resident()
	if j.Idle {
		m.want = int64(j.Conns)
	}
	if err := start(j, m); err != nil {
		return Result{Error: err.Error()}
	}
	if j.Idle {
		select {
		case <-m.idle:
		case <-time.After(time.Minute):
			r.Error = fmt.Sprintf("%d of %d connections have had an answer", m.answers.Load(), j.Conns)
		}
		runtime.GC()
		time.Sleep(500 * time.Millisecond)
		r.RSS = resident() - before
	} else {
		time.Sleep(j.Warm)
		n, cpu, at := m.answers.Load(), used(), time.Now()
		time.Sleep(j.For)
		end := used()
		r.Requests, r.Elapsed = int(m.answers.Load()-n), time.Since(at)
		r.User, r.System = end[0]-cpu[0], end[1]-cpu[1]
	}
	m.over.Store(true)
	if err := m.err.Load(); err != nil {
		r.Error = (*err).Error()
	}
	if !j.Idle && r.Requests == 0 && r.Error == "" {
		r.Error = "no answer has come"
	}
	return r
}

// used is the user and system time that the process has spent.
func used() [2]time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return [2]time.Duration{time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())}
}

// resident is the process's resident set, in bytes.
func resident() int64 {
	b, _ := os.ReadFile("/proc/self/statm")
	f := bytes.Fields(b)
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(string(f[1]), 10, 64)
	return pages * int64(os.Getpagesize())
}

// Blocking asks on so many goroutines by a function that returns when an answer has come.
func Blocking(j Job, m *Meter, get func() error) error {
	for range j.Conns * max(j.Pipeline, 1) {
		go func() {
			for {
				if err := get(); err != nil {
					m.Fail(err)
					return
				}
				if !m.Answer() {
					return
				}
			}
		}()
	}
	return nil
}

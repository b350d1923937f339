// Package contender knows who is measured: how each server is built or found, started, asked for what
// it has used, and ended. A program that is missing is told by name, and is no error.
package contender

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// What a contender may be asked to do beyond a plain hello. Each is an ability that Lacks may name.
const (
	JSON  = "json"
	Large = "large"
	Post  = "post"
	Delay = "delay"
	Echo  = "echo"
	HTTP  = "http"
	WS    = "ws"   // an echo of WebSocket messages
	Cast  = "cast" // a message of one to all
	Proxy = "proxy"

	Upload = "upload" // a body of 20 MB
	Pieces = "pieces" // a request that comes in parts
	API    = "api"    // JSON that is encoded for each request

	TLS     = "tls"
	Burn    = "burn"    // an answer that takes computing
	Endless = "endless" // an answer without end
	Hub     = "hub"     // an answer that gets what others say
	File    = "file"    // files
	Timers  = "timers"  // timers that wait beside
)

// few are the abilities that only those have whose Does names them, and why others have them not.
var few = map[string]string{
	Burn:    "it has no such handler",
	Endless: "it has no such handler",
	Timers:  "it has no such handler",
	Hub:     "it has no broadcast",
	File:    "it serves no files here",
	API:     "it encodes no JSON here",
}

// A Contender is a server that is measured.
type Contender struct {
	Name  string
	Note  string            // what has to be known of it: above all, what it does not do
	Less  bool              // it does less than HTTP asks for, and Note says what
	Lacks map[string]string // abilities that it has not, and why
	Conns int               // the most connections that it takes with 20,000 descriptors; 0: as many as there are
	Why   string            // it takes no more
	Go    bool              // it tells its heap
	WS    bool              // it does WS and Cast
	Does  []string          // abilities that few have: see few

	program string // what to look for in PATH, or
	pkg     string // what to build, in peers/, or
	path    string // a package elsewhere: its directory from this module's, and its path there
	version []string
	args    func(e *Env, prog, addr, mode string) ([]string, error)
}

// Can is the reason why c does not do what, or "".
func (c *Contender) Can(what string) string {
	if (what == WS || what == Cast) && !c.WS {
		return "it does no WebSocket"
	}
	if why, ok := few[what]; ok && !slices.Contains(c.Does, what) {
		return why
	}
	return c.Lacks[what]
}

// An Env is where contenders are built and run.
type Env struct {
	Dir   string   // of scratch: programs, configurations, files to serve
	Cache string   // of what compilers made for this machine, kept between runs
	Bench string   // the directory of this module
	Pin   []string // what to put before a server's command line, "taskset -c 0" say
	Procs string   // GOMAXPROCS of the servers
	Log   func(line string)
	Build []string // flags for go build

	Upstream string // of proxies, host:port
	built    map[string]string
	skipped  map[string]string
}

// NewEnv prepares a directory with the files that file servers serve.
func NewEnv(dir, bench string, pin []string, log func(string)) (*Env, error) {
	e := &Env{Dir: dir, Cache: cache(dir), Bench: bench, Pin: pin, Procs: "1", Log: log, built: map[string]string{}, skipped: map[string]string{}}
	www := e.www()
	if err := os.MkdirAll(filepath.Join(www, peer.StaticPath), 0o755); err != nil {
		return nil, err
	}
	files := map[string]string{"index.html": peer.Hello, "json": peer.JSON, "large": peer.Large, "large.bin": peer.Large}
	paths, sizes := peer.Statics()
	for i, path := range paths {
		files[path] = peer.Large[:sizes[i]]
	}
	for name, body := range files {
		if err := os.WriteFile(filepath.Join(www, name), []byte(body), 0o644); err != nil {
			return nil, err
		}
	}
	return e, errors.Join(e.makeCert(), sparse(filepath.Join(www, "huge.bin"), 1<<30))
}

// www is the directory of files that are served.
func (e *Env) www() string { return filepath.Join(e.Dir, "www") }

// sparse makes a file of zeros that has no blocks.
func sparse(name string, size int64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// cache is a directory of the user's for this machine, or one in dir if there can be none.
func cache(dir string) string {
	host, _ := os.Hostname()
	if base, err := os.UserCacheDir(); err == nil {
		kept := filepath.Join(base, "lurcher-bench", host)
		if os.MkdirAll(kept, 0o755) == nil {
			return kept
		}
	}
	return dir
}

// Find builds c, or looks it up, once. The error says why there is none.
func (e *Env) Find(ctx context.Context, c *Contender) (string, error) {
	key := c.program + c.pkg + c.path
	if why, ok := e.skipped[key]; ok {
		return "", fmt.Errorf("%s", why)
	}
	if prog, ok := e.built[key]; ok {
		return prog, nil
	}
	prog, err := e.find(ctx, c)
	if err != nil {
		e.skipped[key] = err.Error()
		return "", err
	}
	e.built[key] = prog
	return prog, nil
}

func (e *Env) find(ctx context.Context, c *Contender) (string, error) {
	if c.program != "" {
		prog, err := exec.LookPath(c.program)
		if err != nil {
			return "", fmt.Errorf("%s is not installed", c.program)
		}
		return prog, nil
	}
	if dir, pkg, ok := strings.Cut(c.path, ":"); ok {
		return e.goBuild(ctx, filepath.Join(e.Bench, dir), pkg, filepath.Base(pkg))
	}
	return e.GoBuild(ctx, filepath.Join("peers", c.pkg), c.pkg)
}

// On is the same, with its servers on another processor.
func (e *Env) On(pin []string) *Env {
	other := *e
	other.Pin = pin
	return &other
}

// GoBuild builds a package of this module as a program of that name.
func (e *Env) GoBuild(ctx context.Context, pkg, name string, flags ...string) (string, error) {
	return e.goBuild(ctx, e.Bench, pkg, name, flags...)
}

func (e *Env) goBuild(ctx context.Context, dir, pkg, name string, flags ...string) (string, error) {
	out := filepath.Join(e.Dir, "bin", name)
	args := slices.Concat([]string{"go", "build"}, e.Build, flags, []string{"-o", out, "./" + pkg})
	e.Log(strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not build here: %s", lastLine(string(msg)))
	}
	return out, nil
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Select is those of all whose names are listed, all of them if none is. A name that nobody has is an error.
func Select(all []*Contender, names []string) ([]*Contender, error) {
	if len(names) == 0 {
		return all, nil
	}
	var out []*Contender
	for _, name := range names {
		i := slices.IndexFunc(all, func(c *Contender) bool { return c.Name == name })
		if i < 0 {
			var known []string
			for _, c := range all {
				known = append(known, c.Name)
			}
			return nil, fmt.Errorf("no contender %q: there are %s", name, strings.Join(known, ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

// The clients that are measured.

package contender

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
)

// A Client is a program that is measured while it asks.
type Client struct {
	Name string
	Note string
	Less bool // it does less than a client has to

	Pipelines bool   // it can have more than one request on a connection
	Idle      string // why it has no idle connections to measure; empty: it has
	pkg       string // what to build, in clients/, or
	node      string // what to tell clients/node/ask.js
	kind      string // of the clients that the program has
	needs     string // an npm package
}

// Clients are those that are measured.
func Clients() []*Client {
	return []*Client{
		{Name: "lurcher", pkg: "lurcher", Pipelines: true, Note: "package client on one loop, answers streamed; Client.Pipeline where they are pipelined"},
		{Name: "lurcher Transport", pkg: "lurcher", kind: "nethttp", Note: "net/http's Client over nethttp.Transport"},
		{Name: "floor", pkg: "floor", Less: true, Pipelines: true, Note: "conn and parser alone: a request that was made before, no pool, no deadlines"},
		{Name: "net", pkg: "net", Note: "net/http's Client and Transport"},
		{Name: "fasthttp", pkg: "fasthttp", Note: "HostClient, no timeouts by default"},
		{Name: "fasthttp pipeline", pkg: "fasthttp", kind: "pipeline", Pipelines: true, Idle: "it closes them", Note: "PipelineClient"},
		{Name: "hertz", pkg: "hertz", Note: "its client, on netpoll"},
		{Name: "undici", node: "undici", needs: "undici", Note: "a Pool, in node"},
		{Name: "node", node: "http", Note: "node's http module with a keep-alive Agent"},
	}
}

// FindClient builds c, or finds node, and returns the command line to add flags to.
func (e *Env) FindClient(ctx context.Context, c *Client) ([]string, error) {
	if c.pkg != "" {
		prog, err := e.GoBuild(ctx, filepath.Join("clients", c.pkg), "client-"+c.pkg)
		return []string{prog, "-kind", c.kind}, err
	}
	prog, err := exec.LookPath("node")
	if err != nil {
		return nil, fmt.Errorf("node is not installed")
	}
	if c.needs != "" {
		dir := filepath.Join(e.Bench, "peers/node")
		if _, err := os.Stat(filepath.Join(dir, "node_modules", c.needs)); err != nil {
			return nil, fmt.Errorf("the npm package %s is missing: npm ci in %s", c.needs, dir)
		}
	}
	return []string{prog, filepath.Join(e.Bench, "peers/node/ask.js"), c.node}, nil
}

// Ask runs a client, pinned as servers are, and returns what it has measured.
func (e *Env) Ask(ctx context.Context, line []string, j ask.Job) (r ask.Result, err error) {
	line = slices.Concat(e.Pin, line, []string{"-addr", j.Addr, "-path", j.Path, "-conns", fmt.Sprint(j.Conns),
		"-pipeline", fmt.Sprint(max(j.Pipeline, 1)), "-warm", j.Warm.String(), "-for", j.For.String()})
	if j.Idle {
		line = append(line, "-idle")
	}
	e.Log(strings.Join(line, " "))
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+e.Procs)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	errs := new(tail)
	cmd.Stderr = errs
	out, err := cmd.Output()
	if jerr := json.Unmarshal(out, &r); jerr != nil {
		return r, fmt.Errorf("it printed no result: %v %s", err, errs)
	}
	if r.Error != "" {
		return r, fmt.Errorf("%s", r.Error)
	}
	return r, nil
}

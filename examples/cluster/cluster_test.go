package main

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/examples/internal/group"
	"github.com/lurcher-net/lurcher/internal/program"
)

func TestMain(m *testing.M) { program.Main(m) }

// TestCluster asks until every process has answered, kills one, and asks until
// the one that took its place has answered.
func TestCluster(t *testing.T) {
	cmd := program.Command("-addr", "127.0.0.1:0", "-n", "3")
	p := group.Run(t, cmd)
	var url string
	var n int
	p.Scan(t, "%s by %d processes", &url, &n)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	seen := map[int]bool{}
	ask := func() error {
		r, err := client.Get(url)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
		seen[pid] = true
		return err
	}
	for end := time.Now().Add(time.Minute); len(seen) < 3; {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(end) {
			t.Fatalf("of 3 processes these answered: %v", seen)
		}
	}
	for pid := range seen {
		syscall.Kill(pid, syscall.SIGKILL)
		break
	}
	failed := 0
	for end := time.Now().Add(time.Minute); len(seen) < 4; {
		if ask() != nil {
			failed++ // what was in the queue of the one that was killed
		}
		if time.Now().After(end) {
			t.Fatalf("nobody took the place of the one that was killed: %v", seen)
		}
	}
	t.Logf("when one of 3 processes was killed %d requests failed", failed)
	cmd.Process.Signal(syscall.SIGTERM)
	cmd.Wait()
	if err := ask(); err == nil {
		t.Error("a process is left")
	}
}

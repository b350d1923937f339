// Processes: cast as it is started, killed and started again.

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cast-test")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "cast")
	out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	rc := m.Run()
	if bin, err := build(); err == nil {
		os.RemoveAll(filepath.Dir(bin))
	}
	os.Exit(rc)
}

// A process is a running cast.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	base string // http://HOST:PORT
	args []string
	log  *bytes.Buffer
}

// start runs cast and waits until it serves.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, args: args, log: new(bytes.Buffer)}
	p.cmd = exec.Command(bin, args...)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("cast %v said\n%s", args, p.log)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.cmd.Wait()
		t.Fatalf("cast %v did not start: %v\n%s", args, err, p.log)
	}
	p.base = strings.TrimSuffix(strings.TrimSpace(line[strings.Index(line, "http://"):]), "/")
	return p
}

// kill ends the process as a power cut does.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// port returns an address that nobody uses, and that no system gives to a connection by itself: it is free also
// when the process that had it has ended.
func port(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		ln.Close()
		if _, taken := ports.LoadOrStore(addr, true); !taken {
			return addr
		}
	}
	t.Fatal("there is no free port")
	return ""
}

var ports sync.Map // those that a test has been given

// say sends a message and returns its id.
func (p *process) say(room, name, text, key string) (id string, err error) {
	body, _ := json.Marshal(map[string]string{"room": room, "name": name, "text": text, "key": key})
	resp, err := http.Post(p.base+"/send", "application/json", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		return "", fmt.Errorf("%s %s %w", resp.Status, b, err)
	}
	var a struct{ ID string }
	return a.ID, json.Unmarshal(b, &a)
}

// poll asks once for what came after id.
func (p *process) poll(room, name, token, id string) (events []map[string]any, err error) {
	resp, err := http.Get(fmt.Sprintf("%s/wait?room=%s&name=%s&token=%s&id=%s", p.base, room, name, token, id))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return events, json.NewDecoder(resp.Body).Decode(&events)
}

// Messages that were acknowledged are there after kill -9, under the same ids; one
// that is sent again is there once.
func TestKilledProcessLosesNothing(t *testing.T) {
	t.Parallel()
	dir, addr := t.TempDir(), port(t)
	p := start(t, "-data", dir, "-addr", addr, "-rate", "1e6", "-burst", "1000")
	ids := make(map[string]string)
	for i := range 100 {
		id, err := p.say("r", "ann", fmt.Sprint("text ", i), fmt.Sprint("key", i))
		if err != nil {
			t.Fatal(err)
		}
		ids[fmt.Sprint("text ", i)] = id
	}
	p.kill()
	p = start(t, "-data", dir, "-addr", addr, "-rate", "1e6", "-burst", "1000", "-history", "1000")
	if id, err := p.say("r", "ann", "text 99", "key99"); err != nil || id != ids["text 99"] {
		t.Errorf("sent again, a message has id %q, not %q (%v)", id, ids["text 99"], err)
	}
	events, err := p.poll("r", "ben", "b", "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range events {
		if text, ok := e["text"].(string); ok {
			n++
			if e["id"] != ids[text] {
				t.Errorf("%q has id %v, had %q", text, e["id"], ids[text])
			}
		}
	}
	if n != 100 {
		t.Errorf("%d messages of 100", n)
	}
}

// SIGHUP: the next process takes over; whoever asks meanwhile is answered.
func TestReplacedProcess(t *testing.T) {
	t.Parallel()
	dir, pid := t.TempDir(), filepath.Join(t.TempDir(), "pid")
	p := start(t, "-data", dir, "-addr", port(t), "-pid", pid, "-rate", "1e6", "-burst", "1000")
	last := ""
	for i := range 60 {
		if i == 20 || i == 40 {
			hangUp(t, pid)
		}
		id, err := p.say("r", "ann", fmt.Sprint(i), fmt.Sprint("k", i))
		for late := time.Now().Add(time.Minute); err != nil && time.Now().Before(late); { // a kept connection may end: the key makes it safe
			time.Sleep(20 * time.Millisecond)
			id, err = p.say("r", "ann", fmt.Sprint(i), fmt.Sprint("k", i))
		}
		if err != nil {
			t.Fatal(err)
		}
		if last != "" && !after(id, last) {
			t.Fatalf("id %s came after %s", id, last)
		}
		last = id
	}
	hangUp(t, pid) // the last process is not ours: see that it ends
	stopPid(t, pid)
}

// A lobby brings two together; in a broadcast only the speaker may send.
func TestLobbyBringsTwoTogether(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "rooms.json")
	if err := os.WriteFile(config, []byte(`{"meet": {"mode": "random"}, "help": {"mode": "queue", "key": "agent"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-addr", "127.0.0.1:0", "-config", config, "-room", "news=broadcast:s", "-room", "quiz=room")
	moved := func(room, token string) string {
		id := "" // with it a poll waits
		for late := time.Now().Add(2 * time.Minute); time.Now().Before(late); {
			events, err := p.poll(room, token, token, id)
			if err != nil {
				t.Error(err)
				return ""
			}
			for _, e := range events {
				if to, ok := e["move"].(string); ok {
					return to
				}
				if last, ok := e["id"].(string); ok {
					id = last
				}
			}
		}
		t.Error("nobody came")
		return ""
	}
	rooms := make(chan string, 2)
	go func() { rooms <- moved("meet", "ann") }()
	go func() { rooms <- moved("meet", "ben") }()
	if a, b := <-rooms, <-rooms; a != b || !strings.HasPrefix(a, "meet.") {
		t.Errorf("moved to %q and %q", a, b)
	}
	if _, err := p.say("meet", "ann", "hello", "k"); err == nil {
		t.Error("something was said in a lobby")
	}
	if _, err := p.say("news", "ann", "hello", "k"); err == nil {
		t.Error("somebody without the key spoke in a broadcast")
	}
}

func after(a, b string) bool {
	ea, na, _ := strings.Cut(a, "-")
	eb, nb, _ := strings.Cut(b, "-")
	return ea == eb && (len(na) > len(nb) || len(na) == len(nb) && na > nb)
}

// until waits for something of the process.
func (p *process) until(what string, is func() bool) {
	p.t.Helper()
	for late := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(late) {
			p.t.Fatal("not in a minute: ", what)
		}
	}
}

// metrics returns the page of /metrics; empty if it cannot be had.
func (p *process) metrics() string {
	resp, err := http.Get(p.base + "/metrics")
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return string(b)
}

// metric returns a number of that page; 0 if it is not there.
func (p *process) metric(name string) (v float64) {
	for line := range strings.Lines(p.metrics()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			fmt.Sscan(value, &v)
		}
	}
	return v
}

// Package docs_test holds the documents to what they say: their Go is formatted
// and compiles, their programs print what is shown after them, the names, the
// defaults and the errors that they tell of are those of the code, their links
// lead somewhere, and the configurations are ones that nginx and haproxy take.
package docs_test

import (
	"bytes"
	"context"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const module = "github.com/lurcher-net/lurcher"

// A block is a fenced block of a document.
type block struct {
	file   string // as it is reached from here
	line   int    // of its first line
	lang   string
	text   string
	output *string // of a program: what the block of "output" after it says
	from   string  // the file that it is copied from, of a comment above it
}

func (b block) String() string { return fmt.Sprintf("%s:%d", b.file, b.line) }

// documents are all that are read by people.
func documents(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	above, err := filepath.Glob("../*.md")
	if err != nil {
		t.Fatal(err)
	}
	files = append(files, above...)
	return append(files, "../fuzz/README.md", "../bench/README.md")
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var copied = regexp.MustCompile(`^<!-- from (\S+) -->$`)

// blocks cuts the fenced blocks out of a document.
func blocks(file, text string) (all []block) {
	var b *block
	var from string
	for i, line := range strings.SplitAfter(text, "\n") {
		word := strings.TrimSpace(line)
		switch {
		case b == nil && strings.HasPrefix(line, "```"):
			b = &block{file: file, line: i + 2, lang: strings.TrimPrefix(word, "```"), from: from}
		case b == nil:
			from = ""
			if m := copied.FindStringSubmatch(word); m != nil {
				from = m[1]
			}
		case word == "```":
			if n := len(all); b.lang == "output" && n > 0 {
				all[n-1].output = &b.text
			} else {
				all = append(all, *b)
			}
			b, from = nil, ""
		default:
			b.text += line
		}
	}
	return all
}

// imports are the packages that a fragment may use without saying so.
var imports = []string{
	"bytes", "cmp", "context", "crypto/tls", "errors", "expvar", "fmt", "io", "log", "log/slog", "net", "net/http", "net/netip",
	"net/http/httptest", "os", "os/signal", "net/url", "path/filepath", "runtime", "strconv", "strings", "sync", "syscall", "testing", "time",
	module + "/client", module + "/conn", module + "/fuzz", module + "/nethttp", module + "/parser", module + "/poller", module + "/server", module + "/servertest", module + "/ws",
}

// prelude declares what fragments speak of without declaring it.
const prelude = `package main

import (
	"` + module + `/client"
	"` + module + `/conn"
	"` + module + `/server"
)

var (
	w   server.Response
	r   server.Request
	h   server.Handler
	hub server.Hub
	srv server.Server
	c   *conn.Conn
	l   *conn.Loop
	p   *client.Pool
	q   client.Request
)
`

// program returns the file that a block is compiled as. A fragment imports what it
// uses, and is put into a function unless it consists of declarations.
func (b block) program() (text string, fragment bool) {
	mark := fmt.Sprintf("//line %s:%d\n", filepath.Base(b.file), b.line)
	if strings.HasPrefix(b.text, "package ") || strings.Contains(b.text, "\npackage ") {
		return mark + b.text, false
	}
	body := mark + b.text + "\nfunc main() {}\n"
	f, err := parser.ParseFile(token.NewFileSet(), "", "package main\n"+body, 0)
	if err != nil {
		body = "func main() {\n" + mark + b.text + "}\n"
		f, err = parser.ParseFile(token.NewFileSet(), "", "package main\n"+body, 0)
	}
	if err != nil {
		return "package main\n" + body, true // the compiler will tell
	}
	used := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok {
				used[x.Name] = true
			}
		}
		return true
	})
	head := "package main\n"
	for _, path := range imports {
		if used[filepath.Base(path)] {
			head += fmt.Sprintf("import %q\n", path)
		}
	}
	return head + body, true
}

// workspace returns a module beside this one, that uses it as it is here.
func workspace(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := strings.Replace(read(t, "../go.mod"), "module "+module, "module documents", 1) +
		fmt.Sprintf("\nrequire %s v0.0.0\n\nreplace %s => %s\n", module, module, root)
	for name, text := range map[string]string{"go.mod": mod, "go.sum": read(t, "../go.sum")} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// goTool runs the go command in a workspace.
func goTool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// check compiles and vets blocks, and runs those whose output is known.
func check(t *testing.T, dir string, all []block) (complaints []string) {
	t.Helper()
	complain := func(b block, what string, args ...any) {
		complaints = append(complaints, fmt.Sprintf("%v: %s", b, fmt.Sprintf(what, args...)))
	}
	var run []string
	expected := make(map[string]block)
	for i, b := range all {
		name := fmt.Sprintf("b%d", i)
		text, fragment := b.program()
		if formatted, err := format.Source([]byte(b.text)); err != nil {
			complain(b, "%v", err)
			continue
		} else if !bytes.Equal(formatted, []byte(b.text)) {
			complain(b, "gofmt would have it\n%s", formatted)
		}
		file := "main.go"
		if strings.Contains(b.text, "testing.T)") {
			file = "main_test.go"
		}
		files := map[string]string{file: text}
		if fragment {
			files["prelude.go"] = prelude
		}
		for file, text := range files {
			file = filepath.Join(dir, name, file)
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if b.output != nil {
			run = append(run, name)
			expected[name] = b
		}
	}
	if out, err := goTool(t, dir, "vet", "./..."); err != nil {
		return append(complaints, fmt.Sprintf("go vet: %v\n%s", err, out))
	}
	for _, name := range run {
		b := expected[name]
		if out, err := goTool(t, dir, "run", "./"+name); err != nil || out != *b.output {
			complain(b, "%v, it printed\n%s", err, out)
		}
	}
	return complaints
}

func TestGo(t *testing.T) {
	t.Parallel()
	var all []block
	for _, file := range documents(t) {
		n := 0
		for _, b := range blocks(file, read(t, file)) {
			if b.from != "" && !strings.Contains(read(t, filepath.Join(filepath.Dir(file), b.from)), b.text) {
				t.Errorf("%v: %s does not have this any more", b, b.from)
			}
			if b.lang == "go" {
				n++
				if b.from == "" {
					all = append(all, b)
				}
			}
		}
		if file == "../README.md" && n < 4 {
			t.Errorf("README.md has %d blocks of Go: one for each layer was expected", n)
		}
	}
	for _, complaint := range check(t, workspace(t), all) {
		t.Error(complaint)
	}
}

// TestNotices shows that what TestGo promises, it would notice.
func TestNotices(t *testing.T) {
	t.Parallel()
	printed := "something else\n"
	for name, c := range map[string]struct {
		b    block
		want string
	}{
		"a name that is not there": {block{text: "w.Finish()\n"}, "mistake.md:7: w.Finish undefined"},
		"what vet finds":           {block{text: "fmt.Printf(\"%d\\n\", \"a\")\n"}, "wrong type"},
		"what gofmt would change":  {block{text: "w.End( \"\" )\n"}, "gofmt would have it"},
		"another output": {block{text: "package main\n\nfunc main() { println(1) }\n", output: &printed},
			"mistake.md:7: <nil>, it printed\n1\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.b.file, c.b.line = "mistake.md", 7
			all := strings.Join(check(t, workspace(t), []block{c.b}), "\n")
			if !strings.Contains(all, c.want) {
				t.Errorf("no %q in %q", c.want, all)
			}
		})
	}
}

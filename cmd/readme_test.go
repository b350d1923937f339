// Package cmd_test holds README.md to what it says: its Go is formatted, and it
// compiles.
package cmd_test

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// imports are the packages that the README may use without saying so.
var imports = []string{
	"context", "fmt", "log", "os", "path/filepath", "time",
	"github.com/lurcher-net/lurcher/conn",
	"github.com/lurcher-net/lurcher/parser",
	"github.com/lurcher-net/lurcher/poller",
	"github.com/lurcher-net/lurcher/server",
}

func TestREADME(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(readme, -1)
	if len(blocks) < 4 {
		t.Errorf("%d blocks of Go: one for each layer was expected", len(blocks))
	}
	for i, b := range blocks {
		code := b[1]
		t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
			t.Parallel()
			if formatted, err := format.Source(code); err != nil || !bytes.Equal(formatted, code) {
				t.Errorf("gofmt: %v\n%s", err, formatted)
			}
			var program strings.Builder
			program.WriteString("package main\n")
			for _, path := range imports {
				name := regexp.MustCompile(`\b` + filepath.Base(path) + `\.`)
				if name.Match(code) {
					fmt.Fprintf(&program, "import %q\n", path)
				}
			}
			fmt.Fprintf(&program, "func main() {\n%s}\n", code)
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte(program.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("go", "vet", file).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, code)
			}
		})
	}
}

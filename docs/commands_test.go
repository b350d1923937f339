// Commands: the tests, targets and files that the documents name are there.

package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	goTest   = regexp.MustCompile(`go test [^\n` + "`" + `]*-run '?([\w|]+)'?[^\n` + "`" + `]*? \./([\w/]+)`)
	makeWhat = regexp.MustCompile(`(?:^|[^\w])make ([a-z]+)`)
	sources  = regexp.MustCompile("`((?:\\w+/)+[\\w.]+\\.(?:go|s|txt))`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

// tests returns the names of a package's tests.
func tests(t *testing.T, pkg string) string {
	t.Helper()
	files, err := filepath.Glob("../" + pkg + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		for _, m := range testFunc.FindAllStringSubmatch(read(t, file), -1) {
			all.WriteString(m[1] + "\n")
		}
	}
	return all.String()
}

func TestCommands(t *testing.T) {
	t.Parallel()
	makefile := read(t, "../Makefile")
	n := 0
	for _, file := range documents(t) {
		text := strings.ReplaceAll(read(t, file), `\|`, "|") // within tables
		for _, m := range goTest.FindAllStringSubmatch(text, -1) {
			n++
			all := tests(t, m[2])
			for one := range strings.SplitSeq(m[1], "|") {
				if !regexp.MustCompile(one).MatchString(all) {
					t.Errorf("%s: %s: no test of ./%s is called %s", file, m[0], m[2], one)
				}
			}
		}
		for _, code := range append(inline.FindAllStringSubmatch(text, -1), fence.FindAllStringSubmatch(text, -1)...) {
			for _, m := range makeWhat.FindAllStringSubmatch(code[0], -1) {
				n++
				if !strings.Contains(makefile, "\n"+m[1]+":") {
					t.Errorf("%s: Makefile has no target %s", file, m[1])
				}
			}
		}
		for _, m := range sources.FindAllStringSubmatch(text, -1) {
			n++
			if strings.Contains(m[1], "NAME") {
				continue // of a file to be
			}
			_, fromRoot := os.Stat("../" + m[1])
			_, fromHere := os.Stat(filepath.Join(filepath.Dir(file), m[1]))
			if fromRoot != nil && fromHere != nil {
				t.Errorf("%s: %v", file, fromRoot)
			}
		}
	}
	if n < 20 {
		t.Errorf("%d commands and files were found: what finds them is broken", n)
	}
}

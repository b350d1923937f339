package docs_test

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Tests name a duty as "row 61", in server's tables as {61, "..."}, and in parser's as "61 9112 9.6 ...".
var namesRow = regexp.MustCompile(`\brow (\d+)\b|^\t+\{(\d+), "|^\t+\{"(\d+) (?:9112|9110|RFC) `)

// TestRows: the rows that tests name are in rfc9112.md, which numbers them without a gap.
func TestRows(t *testing.T) {
	t.Parallel()
	rows := 0
	for line := range strings.Lines(read(t, "rfc9112.md")) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
		if n, err := strconv.Atoi(cell); err == nil {
			if rows++; n != rows {
				t.Fatalf("row %d where %d should be", n, rows)
			}
		}
	}
	named := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		dir := filepath.Base(filepath.Dir(file))
		if dir != "parser" && dir != "server" && dir != "nethttp" && dir != "client" {
			return nil
		}
		for line := range strings.Lines(read(t, file)) {
			for _, m := range namesRow.FindAllStringSubmatch(line, -1) {
				n, _ := strconv.Atoi(m[1] + m[2] + m[3])
				if m[2] != "" && filepath.Base(file) != "rfc_test.go" {
					continue
				}
				if named++; n < 1 || n > rows {
					t.Errorf("%s names row %d, of %d", file, n, rows)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if named < 150 {
		t.Errorf("%d names of rows found", named)
	}
	t.Logf("%d rows, named %d times", rows, named)
}

// Sizes: a file is read in one sitting, and a function fits a screen. make lint runs this.

//go:build lint

package docs_test

import (
	"go/ast"
	goparser "go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mostLines    = 450 // of a file
	mostTests    = 500 // of a file of tests
	mostFunction = 60  // of a function
	mostTest     = 80  // of a function in a test file, without the rows of its tables
)

// TestSizes: every file of Go in the tree, and every function. A test is read once, from
// above, and may be longer; its tables do not count.
func TestSizes(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go"):
			return nil
		}
		set := token.NewFileSet()
		f, err := goparser.ParseFile(set, file, nil, 0)
		if err != nil {
			return err
		}
		files++
		name := strings.TrimPrefix(filepath.ToSlash(file), "../")
		length, most := mostLines, mostFunction
		test := strings.HasSuffix(name, "_test.go")
		if test {
			length, most = mostTests, mostTest
		}
		if n := set.File(f.Pos()).LineCount() - 1; n > length { // the last line ends with the file
			t.Errorf("%s has %d lines, %d at most: it may have two subjects", name, n, length)
		}
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := lines(set, fn)
			if test {
				n -= rows(set, fn)
			}
			if n > most {
				t.Errorf("%s: %s has %d lines, %d at most", name, fn.Name.Name, n, most)
			}
		}
		return nil
	})
	if err != nil || files < 100 {
		t.Errorf("%d files, %v", files, err)
	}
}

// lines returns how many lines a node takes.
func lines(set *token.FileSet, n ast.Node) int {
	return set.Position(n.End()).Line - set.Position(n.Pos()).Line + 1
}

// rows returns how many lines the rows of tables take: of slices, arrays and maps that
// are written out.
func rows(set *token.FileSet, fn ast.Node) (n int) {
	ast.Inspect(fn, func(node ast.Node) bool {
		lit, ok := node.(*ast.CompositeLit)
		if !ok {
			return true
		}
		switch lit.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			n += max(lines(set, lit)-2, 0)
			return false
		}
		return true
	})
	return n
}

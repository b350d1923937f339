// The rules of the reference parser, as its own source names them.

package fuzz

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// requestRules returns the string literals "RFC ..." in the functions that read requests.
func requestRules(t *testing.T) (rules []string) {
	responses := map[string]bool{"statusLine": true, "endOfResponseHead": true}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), "reference") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(gotoken.NewFileSet(), f.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			if fn, ok := n.(*ast.FuncDecl); ok && responses[fn.Name.Name] {
				return false
			}
			if lit, ok := n.(*ast.BasicLit); ok && strings.HasPrefix(lit.Value, `"RFC`) {
				rule, _ := strconv.Unquote(lit.Value)
				rules = append(rules, rule)
			}
			return true
		})
	}
	if len(rules) < 30 {
		t.Fatalf("%d rules found", len(rules))
	}
	return rules
}

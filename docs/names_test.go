// Names and numbers: what the documents say of the code is looked up there.

package docs_test

import (
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/lurcher-net/lurcher/server"
)

var packages = []string{"client", "conn", "fuzz", "nethttp", "parser", "poller", "server", "servertest", "ws"}

// declared holds "server.Response", "server.Response.End", and the same less the
// package: "Response", "Response.End".
func declared(t *testing.T) map[string]bool {
	t.Helper()
	all := make(map[string]bool)
	for _, pkg := range packages {
		enter := func(names ...string) {
			if name := strings.Join(names, "."); name != "" {
				all[pkg+"."+name], all[name] = true, true
			}
		}
		files, err := filepath.Glob("../" + pkg + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("no files of package %s: %v", pkg, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			f, err := goparser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Recv == nil {
						enter(d.Name.Name)
					} else {
						enter(receiver(d.Recv.List[0].Type), d.Name.Name)
					}
				case *ast.GenDecl:
					for _, spec := range d.Specs {
						enterSpec(spec, enter)
					}
				}
			}
		}
	}
	// What is promoted from an embedded struct.
	for name := range all {
		if member, ok := strings.CutPrefix(name, "Head."); ok {
			all["Request."+member], all["Response."+member] = true, true
		}
	}
	return all
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

func enterSpec(spec ast.Spec, enter func(...string)) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range s.Names {
			enter(id.Name)
		}
	case *ast.TypeSpec:
		enter(s.Name.Name)
		var members *ast.FieldList
		switch t := s.Type.(type) {
		case *ast.StructType:
			members = t.Fields
		case *ast.InterfaceType:
			members = t.Methods
		default:
			return
		}
		for _, m := range members.List {
			for _, id := range m.Names {
				enter(s.Name.Name, id.Name)
			}
		}
	}
}

var (
	inline = regexp.MustCompile("`([^`\n]+)`")
	dotted = regexp.MustCompile(`(?:^|[^\w./])((?:\w+\.)+\w+)`)
	isFile = regexp.MustCompile(`\.(go|md|txt|sock)$`)
)

// TestNames looks up what stands in backquotes and begins with a package or a
// type of ours: `server.Hub`, `Response.End`.
func TestNames(t *testing.T) {
	t.Parallel()
	all := declared(t)
	n := 0
	for _, file := range documents(t) {
		for _, code := range inline.FindAllStringSubmatch(fence.ReplaceAllString(read(t, file), ""), -1) {
			for _, m := range dotted.FindAllStringSubmatch(code[1], -1) {
				name := m[1]
				first, _, _ := strings.Cut(name, ".")
				switch {
				case !all[first] && !slices.Contains(packages, first), isFile.MatchString(name):
					continue // of somebody else
				case !ast.IsExported(first) && !slices.Contains(packages, first) && file != "architecture.md":
					continue // only there is the inside spoken of
				}
				n++
				if !all[name] {
					t.Errorf("%s: there is no %s", file, name)
				}
			}
		}
	}
	if n == 0 {
		t.Error("no names were found: what finds them is broken")
	}
}

// TestErrors holds the table of refusals in security.md to parser/error.go: each
// error with its status, its words, and the RFC's section that its comment has.
func TestErrors(t *testing.T) {
	t.Parallel()
	text := read(t, "security.md")
	f, err := goparser.ParseFile(token.NewFileSet(), "../parser/error.go", nil, goparser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, decl := range f.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.CONST {
			continue
		}
		for i, spec := range d.Specs {
			s := spec.(*ast.ValueSpec)
			if !strings.HasPrefix(s.Names[0].Name, "Err") || s.Names[0].Name == "ErrTrailer" { // which refuses nothing
				continue
			}
			n++
			e := parser.Error(i)
			section, _, _ := strings.Cut(s.Comment.Text(), ":")
			row := fmt.Sprintf("| `%s` | %d | %s | %s |", s.Names[0].Name, e.Status(), e.Reason(), section)
			if !strings.Contains(text, row) {
				t.Errorf("security.md lacks\n%s", row)
			}
		}
	}
	if n == 0 {
		t.Error("no errors were found: what finds them is broken")
	}
}

// TestDefaults holds the tables of limits to the defaults that a server and a
// connection have.
func TestDefaults(t *testing.T) {
	t.Parallel()
	s := &server.Server{Handler: func(server.Response, server.Request) {}}
	if _, err := s.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := map[string]string{
		"High": bytesOf(conn.DefaultHigh), "Max": bytesOf(conn.DefaultMax),
		"Hold": bytesOf(conn.DefaultHold), "Stall": seconds(conn.DefaultStall),
	}
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch {
		case strings.HasSuffix(name, "Timeout"):
			want[name] = seconds(v.Field(i).Interface().(time.Duration))
		case name == "MaxHead" || name == "MaxBody" || name == "MaxBacklog":
			want[name] = bytesOf(int(v.Field(i).Int()))
		case strings.HasPrefix(name, "Max"):
			want[name] = fmt.Sprint(v.Field(i).Int())
		}
	}
	if len(want) < 14 {
		t.Errorf("%d settings were found: more were expected", len(want))
	}
	text := read(t, "security.md")
	for name, value := range want {
		row := fmt.Sprintf("| `%s` | %s |", name, value)
		if !strings.Contains(text, row) {
			t.Errorf("security.md lacks\n%s", row)
		}
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%d s", int(d.Seconds())) }

func bytesOf(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

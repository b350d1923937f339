package stack

import (
	"runtime"
	"strings"
	"testing"
)

func failing(how string) {
	var s []int
	switch how {
	case "panic":
		panic(how)
	case "value":
		panic(any(how).(int))
	case "index":
		s[len(how)]++
	case "nil":
		*(*int)(nil)++
	case "Goexit":
		runtime.Goexit()
	}
}

// recovering returns what Panicked says in a deferred function.
func recovering(how string) (line string) {
	done := make(chan bool)
	go func() {
		defer close(done)
		defer func() {
			recover()
			line = Panicked()
		}()
		failing(how)
	}()
	<-done
	return line
}

// TestPanicked: the line begins where the program failed, whatever failed.
func TestPanicked(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"panic", "value", "index", "nil", "Goexit"} {
		line := recovering(how)
		first, rest, _ := strings.Cut(line, " < ")
		if !strings.Contains(first, "stack.failing ") || !strings.Contains(first, "stack_test.go:") || !strings.Contains(rest, "stack.recovering.func1 ") {
			t.Errorf("%s: %s", how, line)
		}
	}
	if line := recovering(""); !strings.HasPrefix(line, "github.com/lurcher-net/lurcher/internal/stack.recovering.func1.1 ") {
		t.Errorf("no panic: %s", line)
	}
}

// TestPanickedDeep: a long stack is cut.
func TestPanickedDeep(t *testing.T) {
	t.Parallel()
	var line string
	var deep func(n int)
	deep = func(n int) {
		if n == 0 {
			defer func() { recover(); line = Panicked() }()
			panic("deep")
		}
		deep(n - 1)
	}
	deep(1000)
	if n := strings.Count(line, " < "); n != most || !strings.HasSuffix(line, " < ...") {
		t.Errorf("%d functions: %s", n, line)
	}
}

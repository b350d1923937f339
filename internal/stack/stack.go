// Package stack writes the stack of a callback as one line of a log: logs are read by
// line, and slog quotes the many that debug.Stack returns.
package stack

import (
	"fmt"
	"runtime"
	"strings"
)

// most is how many functions are written at most. An endless recursion has many more.
const most = 32

// Panicked returns where a panic or a runtime.Goexit began: the functions from the
// innermost to the one that the loop called, as "name file:line", with " < " between
// them. The deferred function that recovers calls it. Without a panic it begins at the
// caller.
func Panicked() string {
	var pcs [4 * most]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var list []string
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic", f.Function == "runtime.Goexit":
			list = list[:0] // what was above is what recovers
		case len(list) == 0 && strings.HasPrefix(f.Function, "runtime."):
			// how the runtime came to panic: sigpanic, goPanicIndex and the like
		case IsTurn(f.Function):
			return Line(list)
		case len(list) == most:
			return Line(append(list, "..."))
		case f.Function != "":
			list = append(list, fmt.Sprintf("%s %s:%d", f.Function, f.File, f.Line))
		}
		if !more {
			return Line(list)
		}
	}
}

// IsTurn reports whether a function is one by which a loop makes its callbacks: what it
// calls is what the program wants to see.
func IsTurn(function string) bool {
	_, method, _ := strings.Cut(function, "/conn.(*Loop).")
	return method == "event" || method == "handOut" || method == "turn"
}

// Line writes functions, innermost first, as one line.
func Line(functions []string) string { return strings.Join(functions, " < ") }

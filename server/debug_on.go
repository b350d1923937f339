//go:build race || lurcherdebug

// Checks in debug builds: a body that was lent to a callback is overwritten when the
// callback returns (package conn does so for its buffers), and methods that belong
// to a loop panic on other goroutines.

package server

import (
	"go/token"
	"runtime"
	"strings"
)

func poison(p []byte) {
	for n := copy(p, "\xDB"); n > 0 && n < len(p); n *= 2 {
		copy(p[n:], p[:n]) // the race detector makes a store of each byte slow
	}
}

const debugging = true

// own panics if the method that calls valid is not called on the loop's goroutine.
func (s *session) own() {
	if s == nil {
		return
	}
	s.worker.loop.Own(called)
}

// called returns the method of a handle that the program has called.
func called() string {
	for skip := 1; ; skip++ {
		pc, _, _, ok := runtime.Caller(skip)
		if !ok {
			return "a method of a handle"
		}
		name := runtime.FuncForPC(pc).Name()
		name = name[strings.LastIndexByte(name, '/')+1:]
		if pkg, _, _ := strings.Cut(name, "."); pkg != "conn" && token.IsExported(name[strings.LastIndexByte(name, '.')+1:]) {
			return name
		}
	}
}

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
	l := s.worker.loop
	if l.Here() {
		return
	}
	for skip := 2; ; skip++ { // find the method that the program has called
		pc, _, _, ok := runtime.Caller(skip)
		if !ok {
			l.Own("a method of a handle")
			return
		}
		name := runtime.FuncForPC(pc).Name()
		name = name[strings.LastIndexByte(name, '/')+1:]
		if token.IsExported(name[strings.LastIndexByte(name, '.')+1:]) {
			l.Own(name)
			return
		}
	}
}

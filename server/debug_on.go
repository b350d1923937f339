//go:build race || lurcherdebug

// What these builds look after: a body that was lent is overwritten when the loan
// is over (what lies in the connection's buffer package conn overwrites), and
// methods that belong to a loop panic elsewhere.

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

// own panics if the method that calls valid is called on another goroutine than the
// loop's.
func (s *session) own() {
	if s == nil {
		return
	}
	l := s.worker.loop
	if l.Here() {
		return
	}
	for skip := 2; ; skip++ { // the method that the program has called
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

// Mistakes of the program. The method returns an error, which the program may
// ignore; so Server.Log gets it too, once for each place in the source.

package server

import (
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// mostMistakes is how many places are remembered. Few programs have as many calls,
// unless they generate code.
const mostMistakes = 1024

type mistakes struct {
	mu    sync.Mutex
	known map[uintptr]bool // return addresses
}

// mistake logs err, if it is one of the program's own making, and returns it.
func (s *session) mistake(err error) error {
	srv := s.worker.server
	if srv.Log == nil {
		return err
	}
	switch err {
	case ErrHeadSent, ErrField, ErrStatus, ErrLength, ErrNoBody, ErrEnded, ErrTrailer, ErrInterim, ErrBodyTaken, ErrHijack:
		if at := srv.mistakes.place(); at != "" {
			srv.Log.Warn("server: a mistake of the program, which is told once for each place", "error", err, "at", at)
		}
	}
	return err
}

// place returns the place in the program that called into the library, or "" if it
// has been reported already.
func (m *mistakes) place() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		if !inLibrary(f.Function) || strings.HasSuffix(f.File, "_test.go") {
			m.mu.Lock()
			defer m.mu.Unlock()
			if m.known[f.PC] || len(m.known) == mostMistakes {
				return ""
			}
			if m.known == nil {
				m.known = make(map[uintptr]bool)
			}
			m.known[f.PC] = true
			return f.Function + " " + f.File + ":" + strconv.Itoa(f.Line)
		}
		if !more {
			return ""
		}
	}
}

// inLibrary reports whether a function is one of lurcher's packages, and not the
// program's.
func inLibrary(function string) bool {
	name, ok := strings.CutPrefix(function, "github.com/lurcher-net/lurcher/")
	pkg, _, _ := strings.Cut(name, ".")
	return ok && (pkg == "server" || pkg == "conn" || pkg == "ws" || pkg == "nethttp" || pkg == "client")
}

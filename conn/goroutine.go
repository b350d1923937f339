// Which goroutine is a loop's. The runtime shows a goroutine's number only in the
// stacks that it prints.

package conn

import (
	"bytes"
	"runtime"
	"strconv"
)

// Here reports whether it is called on the loop's goroutine, as from a handler. It may
// be called from any goroutine, and takes a microsecond. It is for functions that must
// not wait for the loop on the loop, and for checks in debug builds.
func (l *Loop) Here() bool { return l.goroutine.Load() == goroutine() }

// Own panics in debug builds, if the loop runs and the call is made on another
// goroutine: for packages above this one, whose handles belong to a loop too. name
// is called then, and returns what was called. Not each call is looked at.
func (l *Loop) Own(name func() string) { l.owns(name) }

// goroutine returns the number of the calling goroutine, which is never 0. A stack
// begins with "goroutine 7 [running]:".
func goroutine() uint64 {
	var b [64]byte
	line := bytes.TrimPrefix(b[:runtime.Stack(b[:], false)], []byte("goroutine "))
	digits, _, _ := bytes.Cut(line, []byte(" "))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil {
		panic("conn: a stack that begins with " + string(b[:]))
	}
	return n
}

// Which goroutine is a loop's: the runtime keeps that to itself, but for what it
// prints.

package conn

import (
	"bytes"
	"runtime"
	"strconv"
)

// Here reports whether it is called on the loop's goroutine, as from a handler.
// It may be called from any, and costs a microsecond: it is for what must not wait
// for the loop there, and for checks in debug builds.
func (l *Loop) Here() bool { return l.goroutine.Load() == goroutine() }

// Own panics in debug builds, if the loop runs and call is made on another
// goroutine: for packages above this one, whose handles belong to a loop too.
func (l *Loop) Own(call string) { l.own(call) }

// goroutine is the number of the one that calls it, never 0. A stack begins with
// "goroutine 7 [running]:".
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

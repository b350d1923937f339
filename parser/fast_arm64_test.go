//go:build !purego

package parser

import (
	"strings"
	"testing"
)

// TestFastIsTaken: of the heads that are measured, and their like, all lines are read by fastLines, and of one
// that came in part those that are whole.
func TestFastIsTaken(t *testing.T) {
	for _, s := range append(benchmarkHeads(), diverse[4:6]...) {
		buf := append(make([]byte, 0, len(s)+fastSlack), s...)
		line := strings.Index(s, "\r\n") + 2
		end := strings.Index(s, "\r\n\r\n") + 4
		sec := section{pos: uint32(line), state: atLine}
		fields := sec.fastLines(buf, make([]Field, 0, 64))
		if sec.state != atEnd || int(sec.pos) != end || len(fields) != strings.Count(s[line:end-2], "\r\n") {
			t.Errorf("%q: came to %d of %d, %d fields, state %d", s, sec.pos, end, len(fields), sec.state)
		}
		at := len(s) - len(s)/3
		if end < 200 || at < line {
			continue
		}
		sec = section{pos: uint32(line), state: atLine}
		sec.fastLines(buf[:at], make([]Field, 0, 64))
		if want := strings.LastIndex(s[:at], "\r\n") + 2; sec.state != atLine || int(sec.pos) != want {
			t.Errorf("%q up to %d: came to %d of %d, state %d", s, at, sec.pos, want, sec.state)
		}
	}
}

//go:build !amd64 || purego

// Where there is no assembly.

package parser

// There is no fast path here: lines and line do all the work.
const (
	hasFast   = false
	fastAgain = 0
)

func (s *section) fastLines(_ []byte, fields []Field) []Field { return fields }

func (r *Request) fast([]byte) bool { return false }

func (r *Response) fast([]byte) bool { return false }

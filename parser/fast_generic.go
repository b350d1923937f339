//go:build (!amd64 && !arm64) || purego

// Where there is no assembly.

package parser

// There is no fast path here: lines and line do all the work.
const (
	hasFast   = false
	fastAgain = 0
	ofRequest = 0
)

func fastHead(*section, *[]Field, []byte, uint8) int { return -1 }

func (s *section) fastLines(_ []byte, fields []Field) []Field { return fields }

func (h *Head) fastStart([]byte) bool { return false }

func (r *Request) fastRest([]byte, int) bool { return false }

func (r *Response) fast([]byte) bool { return false }

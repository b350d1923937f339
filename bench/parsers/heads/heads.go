// Package heads makes files of the request heads that parsers are measured with: the same bytes for all,
// and for the benchmarks of package parser.
package heads

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lurcher-net/lurcher/internal/heads"
)

// A Set is a number of heads that are parsed in an order that is drawn at random.
type Set struct {
	Name, Title string
	Heads       [][]byte
}

// Bytes is their length together.
func (s Set) Bytes() (n int) {
	for _, h := range s.Heads {
		n += len(h)
	}
	return n
}

// All are the sets, from small to large, and last the mix.
//
// A set of one head has it many times, as much as the smallest first-level caches hold half of: so it is not always
// at the same place. Where a head's bytes have the lower 12 bits of the addresses to which a parser writes, its loads
// wait for these stores. That doubles the time of a short head for some places in a page, of any parser.
func All() []Set {
	one := func(name, title, head string) Set {
		s := Set{Name: name, Title: fmt.Sprintf("%s, %d bytes", title, len(head))}
		for range min(64, max(1, 16<<10/len(head))) {
			s.Heads = append(s.Heads, []byte(head))
		}
		return s
	}
	mix := Set{Name: "mix"}
	for _, h := range heads.Mixed(512) {
		mix.Heads = append(mix.Heads, []byte(h))
	}
	mix.Title = fmt.Sprintf("%d different ones drawn at random, of %d bytes in the mean", len(mix.Heads), mix.Bytes()/len(mix.Heads))
	return []Set{
		one("curl", "curl's", heads.Curl),
		one("plain", "TechEmpower's", heads.TechEmpower),
		one("nine", "nine fields", heads.NineFields),
		one("browser", "a browser's", heads.Chrome),
		one("cookie", "with a large cookie", heads.Cookie),
		mix,
	}
}

// Write writes a set to a file in dir: its count, then each head behind its length, as 32-bit
// little-endian numbers.
func (s Set) Write(dir string) (string, error) {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(s.Heads)))
	for _, h := range s.Heads {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(h))), h...)
	}
	file := filepath.Join(dir, s.Name+".heads")
	return file, os.WriteFile(file, b, 0o644)
}

// Read reads such a file.
func Read(file string) ([][]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	next := func() int {
		if len(b) < 4 {
			return -1
		}
		n := int(binary.LittleEndian.Uint32(b))
		b = b[4:]
		return n
	}
	heads := make([][]byte, max(next(), 0))
	for i := range heads {
		n := next()
		if n < 0 || n > len(b) {
			return nil, fmt.Errorf("heads: %s is cut off", file)
		}
		heads[i], b = append([]byte(nil), b[:n]...), b[n:]
	}
	return heads, nil
}

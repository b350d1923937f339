package heads

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/parser"
)

func TestEveryHeadIsOneThatAllHaveToTake(t *testing.T) {
	for _, s := range All() {
		for _, h := range s.Heads {
			if _, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(h))); err != nil {
				t.Errorf("%s: net/http: %v: %q", s.Name, err, h)
			}
			r := parser.NewRequest(64)
			if n, err := r.Parse(h); n != len(h) || err != nil {
				t.Errorf("%s: lurcher: %d of %d, %v: %q", s.Name, n, len(h), err, h)
			}
		}
	}
}

func TestTheMixIsDifferentHeadsAndTheSameEachTime(t *testing.T) {
	a, b := All(), All()
	mix, again := a[len(a)-1].Heads, b[len(b)-1].Heads
	seen := map[string]bool{}
	for i := range mix {
		if !bytes.Equal(mix[i], again[i]) {
			t.Fatalf("head %d differs from one call to the next", i)
		}
		seen[string(mix[i])] = true
	}
	if len(seen) != len(mix) {
		t.Errorf("%d of %d are different", len(seen), len(mix))
	}
}

func TestServe(t *testing.T) {
	s := Set{Name: "x", Heads: [][]byte{[]byte("one"), []byte(""), []byte("three")}}
	file, err := s.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	passes := 0
	var first Draw
	ps := []Parser{
		{"good", func(hs [][]byte, draw *Draw) error {
			if *draw == 1 { // to warm up, and the first that counts
				passes, first = 0, first+1
			}
			draw.Below(len(hs))
			if passes++; len(hs) != 3 || string(hs[2]) != "three" {
				return fmt.Errorf("it got %q", hs)
			}
			return nil
		}},
		{"bad", func([][]byte, *Draw) error { return errors.New("refused") }},
	}
	var out strings.Builder
	if err := Serve(ps, []string{file}, strings.NewReader("0 0 5 1\n1 0 1 1\n2 0 1 1\nnonsense\n"), &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "good\tbad" || passes != 5 {
		t.Errorf("%q, %d passes", lines[0], passes)
	}
	if first != 2 {
		t.Errorf("it began from the seed %d times", first)
	}
	if _, err := strconv.Atoi(lines[1]); err != nil {
		t.Error(err)
	}
	if lines[2] != "error refused" || !strings.HasPrefix(lines[3], "error") || !strings.HasPrefix(lines[4], "error") {
		t.Errorf("%q", lines)
	}
}

// The test suites of other parsers, read from ../shared/corpora or $LURCHER_CORPORA.

package fuzz

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// record is one case of a corpus; its README says what the fields mean.
type record struct {
	Name, Kind, Mode string
	Input            []byte `json:"input_base64"`
	Expect           struct {
		OK       *bool
		Outcome  string
		AtEOF    string `json:"at_eof"`
		Messages []expected
		expected
	}
	SkipBody bool `json:"skip_body"`
	Generate *struct {
		ChunkLen   int `json:"chunk_len"`
		ChunkCount int `json:"chunk_count"`
		Ext, Data  string
		End        string
	}
}

// expected is a message as a corpus describes it; strings are Latin-1 views of bytes.
type expected struct {
	Method, Target, Version string
	Reason                  string
	Status                  int
	Headers                 [][]*string
	Body                    *[]byte `json:"body_base64"`
	Complete                *bool
	KeepAlive               *bool
	ChunkSize               *uint64 `json:"chunk_size"`
}

func corporaPath() string {
	if dir := os.Getenv("LURCHER_CORPORA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "..", "shared", "corpora")
}

func corporaDir(t testing.TB) string {
	dir := corporaPath()
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no corpora: %v (LURCHER_CORPORA says where they are)", err)
	}
	return dir
}

// corpus reads the records of one file, gzipped or not.
func corpus(t testing.TB, file string) (records []record) {
	f, err := os.Open(filepath.Join(corporaDir(t), file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewReaderSize(in, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var r record
			if err := json.Unmarshal(line, &r); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			records = append(records, r)
		}
		if err == io.EOF {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// otherSeeds returns the inputs of other projects' fuzzing, where they are at hand.
func otherSeeds(t testing.TB) (seeds [][]byte) {
	if _, err := os.Stat(corporaPath()); err != nil {
		t.Logf("without the seeds of other projects: %v", err)
		return nil
	}
	for _, r := range corpus(t, "fuzz_seeds.jsonl.gz") {
		seeds = append(seeds, r.Input)
	}
	return seeds
}

// latin1 gives the bytes that a string of the corpora stands for.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, c := range s {
		b = append(b, byte(c))
	}
	return string(b)
}

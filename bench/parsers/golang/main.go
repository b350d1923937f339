// The Go parsers, each behind a function that parses a set of heads as its own server would: with its
// objects reused, and from memory. See heads.Serve for how they are driven.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/cloudwego/hertz/pkg/common/test/mock"
	"github.com/cloudwego/hertz/pkg/protocol"
	"github.com/cloudwego/hertz/pkg/protocol/http1/req"
	"github.com/lesismal/nbio/nbhttp"
	"github.com/lurcher-net/lurcher/bench/parsers/heads"
	"github.com/lurcher-net/lurcher/parser"
	"github.com/valyala/fasthttp"
)

func main() {
	all := []heads.Parser{
		{Name: "lurcher", Pass: lurcher()},
		{Name: "floor: memcpy (Go)", Pass: memcpy()},
		{Name: "floor: search (Go)", Pass: search()},
		{Name: "fasthttp", Pass: fast()},
		{Name: "hertz", Pass: hertz()},
		{Name: "nbio", Pass: nbio()},
		{Name: "net/http", Pass: std()},
	}
	if err := heads.Serve(all, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

var errShort = errors.New("it did not take the whole head")

func lurcher() func([][]byte, *heads.Draw) error {
	r := parser.NewRequest(64)
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			h := all[draw.Below(len(all))]
			r.Reset()
			n, err := r.Parse(h)
			if err != nil {
				return err
			}
			if n != len(h) {
				return errShort
			}
		}
		return nil
	}
}

func memcpy() func([][]byte, *heads.Draw) error {
	dst := make([]byte, 64<<10)
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			h := all[draw.Below(len(all))]
			copy(dst, h)
		}
		return nil
	}
}

func search() func([][]byte, *heads.Draw) error {
	end := []byte("\r\n\r\n")
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			h := all[draw.Below(len(all))]
			if bytes.Index(h, end) != len(h)-len(end) {
				return errShort
			}
		}
		return nil
	}
}

func fast() func([][]byte, *heads.Draw) error {
	var h fasthttp.RequestHeader
	src := bytes.NewReader(nil)
	br := bufio.NewReaderSize(src, 16<<10)
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			p := all[draw.Below(len(all))]
			src.Reset(p)
			br.Reset(src)
			if err := h.Read(br); err != nil {
				return err
			}
		}
		return nil
	}
}

func hertz() func([][]byte, *heads.Draw) error {
	var h protocol.RequestHeader
	src := bytes.NewReader(nil)
	r := mock.ZeroCopyReader{Reader: bufio.NewReaderSize(src, 16<<10)}
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			p := all[draw.Below(len(all))]
			src.Reset(p)
			r.Reader.Reset(src)
			h.ResetSkipNormalize()
			if err := req.ReadHeader(&h, r); err != nil {
				return err
			}
		}
		return nil
	}
}

// nbio's parser calls a Processor back; its empty one does nothing, so that only the parsing counts.
func nbio() func([][]byte, *heads.Draw) error {
	p := nbhttp.NewParser(nil, nbhttp.NewEngine(nbhttp.Config{}), nil, false, nil)
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			h := all[draw.Below(len(all))]
			if err := p.Parse(h); err != nil {
				return err
			}
		}
		return nil
	}
}

func std() func([][]byte, *heads.Draw) error {
	src := bytes.NewReader(nil)
	br := bufio.NewReaderSize(src, 16<<10)
	return func(all [][]byte, draw *heads.Draw) error {
		for range all {
			p := all[draw.Below(len(all))]
			src.Reset(p)
			br.Reset(src)
			if _, err := http.ReadRequest(br); err != nil {
				return err
			}
		}
		return nil
	}
}

package parser_test

import (
	"fmt"
	"io"

	"github.com/lurcher-net/lurcher/parser"
)

func ExampleRequest() {
	r := parser.NewRequest(64)
	buf := []byte("GET /hello?x=1 HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\n\r\n")

	n, err := r.Parse(buf[:20]) // as much as came first
	fmt.Println(n, err)
	n, err = r.Parse(buf) // and the rest after it
	fmt.Println(n == len(buf), err)

	fmt.Printf("%s %s %s\n", r.Method.Of(buf), r.Path.Of(buf), r.Query.Of(buf))
	for _, f := range r.Fields {
		fmt.Printf("%s = %s\n", f.Name(buf), f.Value(buf))
	}
	fmt.Println(r.Framing, r.KeepAlive)
	// Output:
	// 0 <nil>
	// true <nil>
	// GET /hello x=1
	// Host = example.org
	// Accept = */*
	// NoBody true
}

func ExampleRequest_errors() {
	r := parser.NewRequest(64)
	_, err := r.Parse([]byte("GET / HTTP/1.1\r\nHost : example.org\r\n\r\n"))
	if e, ok := err.(parser.Error); ok {
		fmt.Println(e.Status(), e, "at byte", r.ErrorOffset())
	}
	// Output: 400 parser: malformed field name at byte 20
}

func ExampleResponse() {
	r := parser.NewResponse(64)
	r.Method = "GET" // what was asked
	buf := []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: lurcher\r\n\r\nhello")
	n, err := r.Parse(buf)
	fmt.Println(err, r.Status, string(r.Reason.Of(buf)))
	fmt.Println(r.Framing, r.Length, string(r.Get(buf, "server")))
	b := r.Body()
	data, _, err := b.Next(buf[n:])
	fmt.Println(string(data), err)
	// Output:
	// <nil> 200 OK
	// Sized 5 lurcher
	// hello EOF
}

func ExampleBody() {
	r := parser.NewRequest(64)
	in := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"6\r\nHello,\r\n7;x=y\r\n world!\r\n0\r\n\r\nGET /next")
	n, _ := r.Parse(in)
	b := r.Body()
	for in = in[n:]; ; {
		data, n, err := b.Next(in)
		fmt.Printf("%q\n", data)
		in = in[n:]
		if err == io.EOF {
			break
		}
		if err != nil || len(in) == 0 {
			fmt.Println("malformed, or not all there", err)
			return
		}
	}
	fmt.Printf("then: %s\n", in)
	// Output:
	// "Hello,"
	// " world!"
	// then: GET /next
}

// The trailer fields of a response, which came in two pieces.
func ExampleTrailer_response() {
	r := parser.NewResponse(64)
	in := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n" +
		"5\r\nhello\r\n0\r\nDigest: abc\r\n\r\n")
	n, _ := r.Parse(in)
	b := r.Body()
	b.KeepTrailer()
	var err error
	for err == nil {
		var data []byte
		data, used, e := b.Next(in[n:])
		fmt.Printf("%q\n", data)
		n, err = n+used, e
	}
	fmt.Println(err)
	t := parser.NewTrailer(8)
	section := in[n:]
	fmt.Println(t.Parse(section[:7])) // not all of it is there
	fmt.Println(t.Parse(section))
	fmt.Println(string(t.Get(section, "digest")))
	// Output:
	// "hello"
	// ""
	// parser: the trailer section follows
	// 0 <nil>
	// 15 <nil>
	// abc
}

// A body that ends with the connection.
func ExampleBody_End() {
	r := parser.NewResponse(64)
	in := []byte("HTTP/1.0 200 OK\r\n\r\nhello")
	n, _ := r.Parse(in)
	b := r.Body()
	data, _, err := b.Next(in[n:])
	fmt.Println(r.Framing, string(data), err)
	fmt.Println(b.End()) // the peer has closed
	// Output:
	// UntilClose hello <nil>
	// <nil>
}

func ExampleTrailer() {
	r := parser.NewRequest(64)
	in := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"5\r\nhello\r\n0\r\nDigest: abc\r\n\r\n")
	n, _ := r.Parse(in)
	b := r.Body()
	b.KeepTrailer()
	for in = in[n:]; ; {
		_, n, err := b.Next(in)
		in = in[n:]
		if err == parser.ErrTrailer {
			break
		}
	}
	t := parser.NewTrailer(8)
	_, err := t.Parse(in)
	fmt.Println(string(t.Get(in, "digest")), err)
	// Output: abc <nil>
}

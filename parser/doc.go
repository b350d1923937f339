// Package parser reads HTTP/1.x messages as bytes: no I/O, no goroutine, no allocation.
//
// A Request or Response is fed a buffer that grows until the head is whole:
//
//	r := parser.NewRequest(64) // with room for 64 fields
//	for {
//		n, err := r.Parse(buf) // buf: all that was read of this message so far
//		if err != nil {
//			return err // a parser.Error; its Status is what to answer
//		}
//		if n > 0 {
//			break // the head is buf[:n]
//		}
//		buf = readMore(buf) // the same bytes, followed by more
//	}
//	path, agent := r.Path.Of(buf), r.Get(buf, "User-Agent")
//
// then a Body finds the body's bytes in whatever comes next, without copying them:
//
//	b := r.Body()
//	for {
//		data, used, err := b.Next(unread)
//		use(data)
//		unread = unread[used:]
//		if err == io.EOF {
//			break // unread is where the next message starts: r.Reset()
//		}
//		...
//	}
//
// # One reading
//
// Each message has one reading: the same bytes give the same result, or the same Error at the same
// offset, however they were split, and on every path through the code. The package accepts RFC 9112 and
// nothing looser, with two exceptions:
//
//   - A target may hold what RFC 3986 allows in one, and besides "[", "]", "|", "{", "}", "^", "`" and "\",
//     which the URL standard has browsers send as they are in a path or a query. Bytes from 0x80 on, '"',
//     "<", ">" and "#" are refused (400). Escapes are not decoded; "%" is taken also where no two
//     hexadecimal digits follow, since browsers send it so: whoever decodes a path has to expect that.
//   - In a status line without a reason the space after the status may be missing (RFC 9112 2.2).
//
// There is no lenient mode, but for Response.Repair: it repairs what RFC 9112 has the recipient of a response repair.
// These are refused in requests, although the RFCs let a recipient take them:
//
//   - a bare LF as the end of a line (9112 2.2), more than one space within the first line (3, 4);
//   - two Content-Length lines that agree, or a list of equal values (6.3; Repair takes them in a response);
//   - Content-Length beside Transfer-Encoding (6.1, 6.3), transfer coding other than chunked (6.1);
//   - whitespace after a chunk's size (7.1; Repair takes it in a response).
//
// And a recipient MUST take, or repair, these, which are refused too; where software that needs them has to
// be talked to, put something in between that repairs them:
//
//   - obs-fold in a response, without Repair: a user agent or proxy replaces it by spaces (9112 5.2);
//   - whitespace before the colon in a response: a proxy removes it (5.1);
//   - empty elements in the list of transfer codings, such as "chunked," (9110 5.6.1.2). In Connection
//     they are ignored.
//
// A response without a body by its status or its request's method has none, whatever its fields say
// (9112 6.3): see Response.Parse.
//
// # Costs
//
// Parsing is linear: what was looked at is not looked at again because more came. Limits are on by default, and a
// negative number stands for none: Head.MaxSize, the capacity of Head.Fields, the overhead of chunks, the size of
// a trailer section.
//
// There are two paths through a head. On amd64 with AVX2 and BMI, and on arm64, an assembly routine reads whole
// lines of the common form (fast_amd64.s explains how). All else it leaves to the portable path, which decides
// and finds the errors. Elsewhere, and with the build tag purego, the portable path does all the work. Both
// give the same results, and tests compare them. The routine of arm64 has run under emulation only.
//
// # Lifetime of bytes
//
// Spans and Fields are offsets into the buffer that was given to Parse: they are true for as long
// as the buffer holds those bytes, wherever it moved. The slices that Of, Name, Value, Get and
// Next return are parts of the caller's buffer.
package parser

// The source, in the order in which a message goes through it. Parse is in request.go and response.go: it reads the
// first line, then the fields, and then finds out by framing.go what they mean. body.go goes on from there.
//
// There are three ways through a head, which give the same results. A faster one leaves what it is not made for to the
// one above it:
//
//	section.go         a byte at a time, and it stops and goes on anywhere: this one is complete, and finds all errors
//	straight.go        lines that are in the buffer as a whole, eight bytes at a time
//	fast_*.s           heads of the common form, 64 bytes at a time: fast_amd64.s explains how
//
// names.go recognises known names for all three; scan.go, class.go and authority.go say what may stand where.

// Package parser reads HTTP/1.x messages as bytes: no I/O, no goroutine, no allocation.
//
// A Request or Response is fed a buffer that grows until the head is whole:
//
//	r := parser.Request{Head: parser.Head{Fields: make([]parser.Field, 0, 64)}}
//	for {
//		n, err := r.Parse(buf) // buf: all that was read of this message so far
//		if err != nil {
//			return err // a parser.Error; its Status is what to answer
//		}
//		if n > 0 {
//			break // the head is buf[:n]
//		}
//		buf = readMore(buf) // the same bytes, and more behind them
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
// The package accepts RFC 9112 and nothing looser: no bare LF, no folded lines, no space before a
// colon, one Host, one Content-Length, no Content-Length beside Transfer-Encoding, no transfer
// coding but chunked. Each message has one reading: the same bytes give the same result, or the
// same Error at the same offset, however they were split, and on every path through the code.
//
// # Costs
//
// Parsing is linear: what was looked at is not looked at again because more came. Limits are on by
// default: Head.MaxSize, the capacity of Head.Fields, the overhead of chunks, the size of a trailer
// section.
//
// There are two paths through a head. On amd64 with AVX2 and BMI an assembly routine reads the lines
// that are whole (fast_amd64.s tells how); it takes what is common, and leaves all else as it was to
// the portable path, which decides and finds the errors. Elsewhere, and with the build tag purego,
// the portable path does all the work. Results are the same, and tests hold one against the other.
//
// # Lifetime of bytes
//
// Spans and Fields are offsets into the buffer that was given to Parse: they are true for as long
// as the buffer holds those bytes, wherever it moved. The slices that Of, Name, Value, Get and
// Next return are parts of the caller's buffer.
package parser

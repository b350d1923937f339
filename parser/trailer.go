// Trailer: the fields behind a chunked body.

package parser

// Trailer is the trailer section of a chunked body: its fields, kept apart from the head's
// (RFC 9110 6.5.1). Nothing in it frames or routes a message. The zero value with storage for
// Fields is ready for use. See Body.KeepTrailer.
type Trailer struct {
	// Fields are the field lines in the order they came, in the caller's storage, whose capacity is
	// the limit.
	Fields []Field
	// MaxSize is the most bytes the section may have; 0 stands for DefaultMaxSize.
	MaxSize int

	section
}

// Parse reads a trailer section, its empty line included, with the contract of Request.Parse.
func (t *Trailer) Parse(buf []byte) (n int, err error) {
	if t.state == atStart {
		t.state = atLine
	}
	if t.state < atEnd {
		limit := min(t.MaxSize, sizeLimit)
		if limit <= 0 {
			limit = DefaultMaxSize
		}
		in := buf[:min(len(buf), limit)]
		t.Fields = t.lines(in, t.Fields)
		if t.state < atEnd && len(in) == limit {
			t.fail(ErrTrailerLarge, limit)
		}
	}
	return t.result()
}

// Get returns the first value of the field called name, or nil. See Head.Get.
func (t *Trailer) Get(buf []byte, name string) []byte { return t.get(buf, t.Fields, name) }

// ErrorOffset is the offset in the section of the byte that was refused.
func (t *Trailer) ErrorOffset() int { return int(t.errOff) }

// Reset makes t ready for the next section. The storage of Fields and MaxSize are kept.
func (t *Trailer) Reset() {
	t.Fields = t.Fields[:0]
	t.section = section{}
}

// Trailer: the fields after a chunked body.

package parser

// Trailer is the trailer section of a chunked body: its fields, kept apart from the head's
// (RFC 9110 6.5.1). Nothing in it frames or routes a message. It is ready for use as NewTrailer
// returns it and after each Reset, by one goroutine at a time. See Body.KeepTrailer.
type Trailer struct {
	// Fields are the field lines in the order they came, in the caller's storage, whose capacity is
	// the limit.
	Fields []Field
	// MaxSize is the most bytes that the section may have: 0 stands for DefaultMaxSize, a negative
	// number for no limit but that of the offsets, 1 GiB.
	MaxSize int
	// Repair makes Parse join folded lines: see Response.Repair.
	Repair bool

	section
}

// NewTrailer returns a Trailer with room for that many fields.
func NewTrailer(fields int) *Trailer { return &Trailer{Fields: make([]Field, 0, fields)} }

// Parse reads a trailer section, its empty line included, with the contract of Request.Parse.
func (t *Trailer) Parse(buf []byte) (n int, err error) {
	if t.state == atStart {
		t.state, t.repair = atLine, t.Repair
	}
	if in, full, ok := t.goOn(buf, t.MaxSize); ok {
		if t.Fields = t.lines(in, t.Fields); full && t.state < atEnd {
			t.fail(ErrTrailerLarge, len(in))
		}
	}
	return t.result()
}

// Get returns the first value of the field called name, or nil. See Head.Get.
func (t *Trailer) Get(buf []byte, name string) []byte { return t.get(buf, t.Fields, name) }

// ErrorOffset returns the offset in the section of the byte that was refused.
func (t *Trailer) ErrorOffset() int { return int(t.errOff) }

// Reset makes t ready for the next section. The storage of Fields, MaxSize and Repair are kept.
func (t *Trailer) Reset() {
	t.Fields = t.Fields[:0]
	t.section = section{}
}

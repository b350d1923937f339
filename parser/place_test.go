package parser

import (
	"testing"
	"unsafe"
)

// BenchmarkPlaces says what it costs where in their pages a Request and its fields lie, if the
// input begins with a page. The processor takes a load for dependent on an earlier store if the
// low 12 bits of their addresses are equal, and what lies across the border of two pages takes
// several loads. package server has them apart.
func BenchmarkPlaces(b *testing.B) {
	const page = 4096
	place := func(p unsafe.Pointer) int { return int(uintptr(p) % page) }
	requests := make([]Request, page/8) // one for each place that a Request may have
	fields := make([]Field, 3*page/unsafe.Sizeof(Field{}))
	input := make([]byte, 2*page)
	input = input[(page-place(unsafe.Pointer(&input[0])))%page:]
	for _, c := range []struct {
		name            string
		request, fields int
	}{
		{"apart", 3080, 1032},
		{"the request across two pages", 4032, 1032},
		{"the request just before the fields", 1968, 2048},
		{"the fields where the input is", 2056, 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			var r *Request
			for i := range requests {
				if place(unsafe.Pointer(&requests[i])) == c.request {
					r = &requests[i]
				}
			}
			first := (page + c.fields - place(unsafe.Pointer(&fields[0]))) % page / int(unsafe.Sizeof(fields[0]))
			r.Fields = fields[first : first : first+100]
			in := input[:copy(input, techEmpowerHead)]
			for b.Loop() {
				r.Reset()
				if n, err := r.Parse(in); n != len(in) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}

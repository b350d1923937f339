// The table of ends, state by state.

package conn

import "testing"

func TestEnds(t *testing.T) {
	t.Parallel()
	const eof = ended // and told; with endDue: still to be told
	states := []struct {
		name  string
		flags flags
		// What is done, and what is set, by Close, CloseWrite, Abort, and when the output is out.
		deeds [4]deed
		sets  [4]flags
	}{
		{"open", 0, [4]deed{waits, waits, reset, nothing}, [4]flags{closing, shut, 0, 0}},
		{"open, ended", eof, [4]deed{waits, waits, reset, nothing}, [4]flags{closing, shut, 0, 0}},
		{"open, the end is due", eof | endDue, [4]deed{waits, waits, reset, nothing}, [4]flags{closing, shut, 0, 0}},
		{"shut", shut, [4]deed{waits, refuse, reset, sendFIN}, [4]flags{closing, 0, 0, shutDone}},
		{"shut, FIN sent", shut | shutDone, [4]deed{waits, refuse, reset, nothing}, [4]flags{closing, 0, 0, 0}},
		{"shut, ended", shut | eof, [4]deed{waits, refuse, reset, sendFIN}, [4]flags{closing, 0, 0, shutDone}},
		{"shut, FIN sent, ended", shut | shutDone | eof, [4]deed{waits, refuse, reset, finish}, [4]flags{closing, 0, 0, 0}},
		{"shut, FIN sent, the end is due", shut | shutDone | eof | endDue, [4]deed{waits, refuse, reset, nothing}, [4]flags{closing, 0, 0, 0}},
		{"closing", closing, [4]deed{refuse, refuse, reset, finish}, [4]flags{}},
		{"closing, FIN awaited", closing | held, [4]deed{refuse, refuse, reset, sendFIN}, [4]flags{3: shutDone}},
		{"closing, shut", closing | shut, [4]deed{refuse, refuse, reset, sendFIN}, [4]flags{3: shutDone}},
		{"closing, FIN sent", closing | shut | shutDone, [4]deed{refuse, refuse, reset, finish}, [4]flags{}},
		{"closing, ended", closing | eof, [4]deed{refuse, refuse, reset, finish}, [4]flags{}},
		{"closed", closed, [4]deed{refuse, refuse, refuse, nothing}, [4]flags{}},
		{"closed in the middle", closed | closing | shut | eof, [4]deed{refuse, refuse, refuse, nothing}, [4]flags{}},
	}
	for _, s := range states {
		for m := byClose; m <= outputOut; m++ {
			f, d := s.flags.next(m, false)
			if d != s.deeds[m] || f != s.flags|s.sets[m] {
				t.Errorf("%s, move %d: deed %d, flags %b; want %d, %b", s.name, m, d, f, s.deeds[m], s.flags|s.sets[m])
			}
		}
	}
	if f, d := flags(connecting).next(byClose, true); d != cancel || f&closing == 0 {
		t.Errorf("Close of what is dialled: deed %d, flags %b", d, f)
	}
	// Of all states there are: no move forgets anything, what is closed stays so, the
	// output's end is asked for again until nothing or the end comes of it, and no
	// state lets output out after a FIN.
	for bits := range flags(1 << 16) {
		for m := byClose; m <= outputOut; m++ {
			f, d := bits.next(m, false)
			if f&bits != bits {
				t.Fatalf("%b, move %d forgets: %b", bits, m, f)
			}
			if bits&closed != 0 && (f != bits || d != refuse && d != nothing) {
				t.Fatalf("%b, move %d: closed, and %d", bits, m, d)
			}
			if d == sendFIN {
				if again, d := f.next(m, false); d == sendFIN || again != f {
					t.Fatalf("%b: two FINs", bits)
				}
			}
			if d == waits && f&(closing|shut) == 0 {
				t.Fatalf("%b, move %d waits for nothing", bits, m)
			}
		}
	}
}

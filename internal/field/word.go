// Eight bytes at a time: names and values that are sent are as usual, as a rule, and need
// no look at each byte.

package field

// The lowest and the highest bit of each byte of a word.
const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// word returns the first eight bytes of s. The compiler makes one load of it.
func word(s string) uint64 {
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// areText reports whether no byte of w is a control, HTAB included. A subtraction sets the highest
// bit of the first byte that is smaller than what is subtracted, and of others only after it.
func areText(w uint64) bool {
	del := w ^ 0x7f*ones
	return ((w-' '*ones)&^w|(del-ones)&^del)&high == 0
}

// areLetters reports whether all bytes of w are letters or "-". Below 0x80 no sum carries into the
// next byte: the highest bit of each says how it compares.
func areLetters(w uint64) bool {
	lower := w | 0x20*ones
	fromA, pastZ := lower+(0x80-'a')*ones, lower+(0x7f-'z')*ones
	other := w ^ '-'*ones + 0x7f*ones // than "-"
	return w&high == 0 && (fromA&^pastZ|^other)&high == high
}

package field

import (
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/internal/grammar"
)

// TestEachByteCounts: eight bytes that are looked at together are judged as one by one, wherever
// among them a byte is, and whatever its neighbours are.
func TestEachByteCounts(t *testing.T) {
	t.Parallel()
	for _, around := range []string{"a", "-", "Z", "z", "@", "{", "~", " ", "\t", "\x7f", "\x80", "\xff", "\x00", "\r"} {
		for at := range 20 {
			for c := range 256 {
				b := []byte(strings.Repeat(around, 20))
				b[at] = byte(c)
				name, value := true, true
				for _, c := range b {
					name = name && grammar.Is(c, grammar.Token)
					value = value && grammar.Is(c, grammar.Text)
				}
				if s := string(b); IsName(s) != name || IsValue(s) != value {
					t.Fatalf("%q is a name: %v, a value: %v", s, IsName(s), IsValue(s))
				}
			}
		}
	}
	for n := range 20 {
		if s := strings.Repeat("x", n); IsName(s) != (n > 0) || !IsValue(s) {
			t.Errorf("%q", s)
		}
	}
}

func TestIs(t *testing.T) {
	t.Parallel()
	if !Is("host", "Host") || !Is("Host", "Host") || Is("Hosts", "Host") || Is("Hose", "Host") || Is("", "Host") || Is("\u212aeep-Alive", "Keep-Alive") {
		t.Error("Is")
	}
}

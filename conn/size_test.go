package conn

import (
	"testing"
	"unsafe"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Conn{}); n > 128 {
		t.Errorf("a Conn is %d bytes, 128 are promised", n)
	}
	if n := unsafe.Sizeof(Timer{}); n > 24 {
		t.Errorf("a Timer is %d bytes", n)
	}
	if n := unsafe.Sizeof(slot{}); n > 32 {
		t.Errorf("a slot is %d bytes, 32 are promised", n)
	}
	if n := unsafe.Sizeof(dial{}); n > 112 {
		t.Errorf("what a dial holds beside its Conn is %d bytes", n)
	}
}

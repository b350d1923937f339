//go:build !amd64 || purego

// Where there is no assembly, portable Go does its work.

package ws

// maskFast does the first bytes of p, a multiple of 4, and returns how many.
func maskFast([]byte, uint32) int { return 0 }

func validUTF8(p []byte) bool { return validPortable(p) }

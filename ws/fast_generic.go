//go:build !amd64 || purego

package ws

// maskFast does the first bytes of p, a multiple of 4, and returns how many.
func maskFast([]byte, uint32) int { return 0 }

func validUTF8(p []byte) bool { return validPortable(p) }

//go:build !race && !lurcherdebug

package server

// debugging reports whether this is a debug build: conn copies there what it hands
// out, and looks which goroutine it is called on, which allocates.
const debugging = false

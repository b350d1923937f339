//go:build !unix

package main

import "testing"

// atMost returns n: there is no limit but memory.
func atMost(_ *testing.T, n int) int { return n }

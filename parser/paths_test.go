package parser

import "testing"

// paths runs f for each path that there is through the code.
func paths(b *testing.B, f func(b *testing.B)) { f(b) }

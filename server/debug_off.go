//go:build !race && !lurcherdebug

// Production builds make none of the checks of debug_on.go.

package server

func poison([]byte) {}

const debugging = false

func (s *session) own() {}

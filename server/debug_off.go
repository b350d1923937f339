//go:build !race && !lurcherdebug

// What debug builds look after is not looked after in production: see debug_on.go.

package server

func poison([]byte) {}

const debugging = false

func (s *session) own() {}

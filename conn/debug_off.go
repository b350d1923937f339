//go:build !race && !lurcherdebug

// What debug builds do is not done in builds for production: see debug_on.go.

package conn

import "github.com/lurcher-net/lurcher/poller"

const debugging = false

func poison([]byte)           {}
func fresh(p []byte) []byte   { return p }
func (l *Loop) own(string)    {}
func (c *Conn) own(string)    {}
func (t *Timer) own(string)   {}
func (c *Conn) sees() glimpse { return glimpse{} }

type glimpse struct{}

func (glimpse) acted(*Conn, poller.Ready) {}

//go:build !race && !lurcherdebug

// The checks of debug_on.go do nothing in builds for production.

package conn

import "github.com/lurcher-net/lurcher/poller"

const debugging = false

func poison([]byte)                {}
func fresh(p []byte) []byte        { return p }
func (l *Loop) own(string)         {}
func (l *Loop) owns(func() string) {}
func (l *Loop) counted()           {}
func (c *Conn) own(string)         {}
func (t *Timer) own(string)        {}
func (c *Conn) wants()             {}
func (c *Conn) sees() glimpse      { return glimpse{} }

type glimpse struct{}

func (glimpse) acted(*Conn, poller.Ready) {}

//go:build !linux

// When the server sent: only Linux says it.

package main

import (
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// arrived returns nothing: only Linux says it.
func arrived(*conn.Loop) time.Time { return time.Time{} }

// Waking a kqueue by an event of its own, where x/sys has EVFILT_USER.

//go:build darwin || dragonfly || freebsd

package poller

import "golang.org/x/sys/unix"

const evfiltUser = unix.EVFILT_USER

var _ = [1]bool{}[noteTrigger^unix.NOTE_TRIGGER] // as in kqueue_bsd.go

// Every record that the kqueue backend hands to the kernel, byte for byte what each system's <sys/event.h> and
// manual page ask for. On the BSDs and darwin kqueue_bsd_test.go holds these numbers to the system's own.

//go:build unix

package poller

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestKqueueRecords(t *testing.T) {
	type numbers struct{ read, write, user int32 }
	for system, n := range map[string]numbers{
		"darwin":    {-1, -2, -10},
		"dragonfly": {-1, -2, -9},
		"freebsd":   {-1, -2, -11},
		"netbsd":    {0, 1, 0},
		"openbsd":   {-1, -2, 0},
	} {
		f := systemFilters[system]
		type record struct {
			what      string
			got, want kevent
		}
		records := []record{
			{"what is read from", f.add(5, Read), kevent{5, n.read, 0x1, 0, 0}},
			{"what is written to", f.add(5, Write), kevent{5, n.write, 0x1, 0, 0}},
			{"what is not read from: EV_CLEAR and NOTE_LOWAT", f.add(5, Hangup), kevent{5, n.read, 0x21, 1, 1<<31 - 1}},
			{"no more reading", f.delete(5, readKnotes), kevent{5, n.read, 0x2, 0, 0}},
			{"no more writing", f.delete(5, Write), kevent{5, n.write, 0x2, 0, 0}},
		}
		if n.user != 0 {
			records = append(records,
				record{"the wake-up", f.addUser(), kevent{0, n.user, 0x21, 0, 0}},
				record{"a wake-up: flags are 0", f.trigger(), kevent{0, n.user, 0, 0x0100_0000, 0}})
		}
		for _, r := range records {
			if r.got != r.want {
				t.Errorf("%s, %s: got %+v, want %+v", system, r.what, r.got, r.want)
			}
		}
		for _, c := range []struct {
			what   string
			k      kevent
			knotes Ready
			failed unix.Errno
			ended  bool
			errno  unix.Errno
		}{
			{"bytes", kevent{5, n.read, 0x1, 0, 17}, Read | Hangup, 0, false, 0},
			{"room", kevent{5, n.write, 0x1, 0, 17}, Write, 0, false, 0},
			{"an end", kevent{5, n.read, 0x8001, 0, 17}, Read | Hangup, 0, true, 0},
			{"a reset", kevent{5, n.read, 0x8021, uint32(unix.ECONNRESET), 0}, Read | Hangup, 0, true, unix.ECONNRESET},
			{"a change that failed", kevent{5, n.write, 0x4001, 0, int64(unix.EPIPE)}, Write, unix.EPIPE, false, 0},
		} {
			if got := f.knotes(&c.k); got != c.knotes {
				t.Errorf("%s, %s: knotes %v, want %v", system, c.what, got, c.knotes)
			}
			if got := c.k.failed(); got != c.failed {
				t.Errorf("%s, %s: failed with %v, want %v", system, c.what, got, c.failed)
			}
			if ended, errno := c.k.ended(); ended != c.ended || errno != c.errno {
				t.Errorf("%s, %s: ended %v with %v, want %v with %v", system, c.what, ended, errno, c.ended, c.errno)
			}
		}
	}
}

// Waking a kqueue where there is no event for that.

//go:build netbsd || openbsd

package poller

// x/sys has no EVFILT_USER here, so a pipe wakes, as in Go's runtime.
const evfiltUser = 0

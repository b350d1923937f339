// The same names on Plan 9, where no call fails with one of them.

package sys

import "strconv"

// An Errno is what nothing fails with: Plan 9's errors are words.
type Errno uintptr

func (e Errno) Error() string {
	return "error number " + strconv.Itoa(int(e)) + ", which Plan 9 does not have"
}

const (
	EADDRNOTAVAIL Errno = iota + 1
	EAGAIN
	ECONNABORTED
	ECONNREFUSED
	ECONNRESET
	EINPROGRESS
	EINTR
	EINVAL
	EMFILE
	ENFILE
	ENOBUFS
	ENOMEM
	ENOSYS
	ENOTCONN
	ENOTSUP
	EOPNOTSUPP
	EPERM
	EPIPE
	EPROTO
)

const (
	AF_INET = iota + 1
	AF_INET6
	AF_UNIX
	IPPROTO_TCP
)

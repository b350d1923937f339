//go:build !plan9

// The names of package syscall, where it has them.

package sys

import "syscall"

// An Errno is what a system call fails with.
type Errno = syscall.Errno

const (
	EADDRNOTAVAIL = syscall.EADDRNOTAVAIL
	EAGAIN        = syscall.EAGAIN
	ECONNABORTED  = syscall.ECONNABORTED
	ECONNREFUSED  = syscall.ECONNREFUSED
	ECONNRESET    = syscall.ECONNRESET
	EINPROGRESS   = syscall.EINPROGRESS
	EINTR         = syscall.EINTR
	EINVAL        = syscall.EINVAL
	EMFILE        = syscall.EMFILE
	ENFILE        = syscall.ENFILE
	ENOBUFS       = syscall.ENOBUFS
	ENOMEM        = syscall.ENOMEM
	ENOSYS        = syscall.ENOSYS
	ENOTCONN      = syscall.ENOTCONN
	ENOTSUP       = syscall.ENOTSUP
	EOPNOTSUPP    = syscall.EOPNOTSUPP
	EPERM         = syscall.EPERM
	EPIPE         = syscall.EPIPE
	EPROTO        = syscall.EPROTO

	AF_INET     = syscall.AF_INET
	AF_INET6    = syscall.AF_INET6
	AF_UNIX     = syscall.AF_UNIX
	IPPROTO_TCP = syscall.IPPROTO_TCP
)

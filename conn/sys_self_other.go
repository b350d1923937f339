//go:build !linux

// Connections of a socket with itself, by the addresses of both ends.

package conn

// connectedToItself reports whether both ends of a TCP connection are the same socket. The error is that
// of a socket which has no peer.
func connectedToItself(fd int) (bool, error) {
	peer, err := getpeername(fd)
	if err != nil || !isTCP(peer) {
		return false, err
	}
	own, err := getsockname(fd)
	return err == nil && sameAddr(own, peer), nil
}

func isTCP(sa sockAddr) bool {
	switch sa.(type) {
	case *sockAddr4, *sockAddr6:
		return true
	}
	return false
}

func sameAddr(a, b sockAddr) bool {
	switch a := a.(type) {
	case *sockAddr4:
		b, ok := b.(*sockAddr4)
		return ok && a.Port == b.Port && a.Addr == b.Addr
	case *sockAddr6:
		b, ok := b.(*sockAddr6)
		return ok && a.Port == b.Port && a.Addr == b.Addr
	}
	return false
}

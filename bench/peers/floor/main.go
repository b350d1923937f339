//go:build linux

// The floor: what the kernel alone costs. One goroutine, raw recv and send over epoll, and a canned
// answer for every read that ends in a head's end, as many times as the read holds heads. It parses
// nothing, checks nothing, and keeps nothing for a connection. Nothing that serves can be expected to
// be faster; a contender that is has found a better way to call the kernel.
package main

import (
	"bytes"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"unsafe"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
	"golang.org/x/sys/unix"
)

func main() {
	f := peer.Parse("http", "echo", "cast")
	peer.Fail(serve(f))
}

func serve(f peer.Flags) error {
	ln, err := listen(f.Addr)
	if err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := watch(ep, ln); err != nil {
		return err
	}
	var all []int // of cast: those who get every message
	in, out := make([]byte, 256<<10), make([]byte, 0, 256<<10)
	events := make([]unix.EpollEvent, 512)
	for {
		// A wait that cannot block, past the scheduler, and one that can if that brought nothing.
		n := wait(ep, events)
		if n == 0 {
			runtime.Gosched()
			if n, err = unix.EpollWait(ep, events, -1); err != nil && err != unix.EINTR {
				return err
			}
		}
		for _, ev := range events[:max(n, 0)] {
			fd := int(ev.Fd)
			if fd == ln {
				all = append(all, accept(ep, ln)...)
				continue
			}
			got := recv(fd, in)
			if got == 0 || got < 0 && got != -int(unix.EAGAIN) {
				all = slices.DeleteFunc(all, func(other int) bool { return other == fd })
				unix.Close(fd)
				continue
			}
			if got < 0 {
				continue
			}
			if f.Mode == "echo" {
				sendAll(fd, in[:got])
				continue
			}
			if f.Mode == "cast" {
				for _, fd := range all {
					sendAll(fd, in[:got])
				}
				continue
			}
			var closing bool
			if out, closing = answer(out[:0], in[:got]); len(out) > 0 {
				sendAll(fd, out)
			}
			if closing {
				unix.Close(fd)
			}
		}
	}
}

var (
	endOfHead = []byte("\r\n\r\n")
	closing   = []byte("\r\nConnection: close\r\n")
	canned    = map[string][]byte{}
	goodbye   = map[string][]byte{} // the same with "Connection: close"
)

func init() {
	for _, path := range []string{peer.HelloPath, peer.JSONPath, peer.LargePath} {
		body := peer.Body([]byte(path))
		head := "HTTP/1.1 200 OK\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		canned[path] = append([]byte(head+"\r\n"), body...)
		goodbye[path] = append([]byte(head+"Connection: close\r\n\r\n"), body...)
	}
}

// answer appends the canned answer for each request in p: for each end of a head in a GET, and for
// each read that ends in what wrk posts. The path is taken from where it has to stand.
func answer(out, p []byte) (_ []byte, last bool) {
	if p[0] != 'G' { // a POST, or the rest of one
		if p[len(p)-1] == '.' { // the last byte of the body that the load generator posts
			out = append(out, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"+peer.Posted...)
		}
		return out, false
	}
	path := p[len("GET "):]
	path = path[:max(bytes.IndexByte(path, ' '), 0)]
	if len(p) < 256 && bytes.Contains(p, closing) {
		return append(out, goodbye[string(path)]...), true
	}
	page := canned[string(path)]
	for range bytes.Count(p, endOfHead) {
		out = append(out, page...)
	}
	return out, false
}

func listen(addr string) (int, error) {
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}); err != nil {
		return 0, fmt.Errorf("bind %s: %w", addr, err)
	}
	return fd, unix.Listen(fd, 4096)
}

func accept(ep, ln int) (fds []int) {
	for {
		fd, _, err := unix.Accept4(ln, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return fds
		}
		fds = append(fds, fd)
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		watch(ep, fd)
	}
}

func watch(ep, fd int) error {
	return unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// sendAll waits for room if it has to: a floor keeps no output.
func sendAll(fd int, p []byte) {
	for len(p) > 0 {
		n := send(fd, p)
		switch {
		case n >= 0:
			p = p[n:]
		case n == -int(unix.EAGAIN):
			unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 1000)
		case n != -int(unix.EINTR):
			return
		}
	}
}

func wait(ep int, events []unix.EpollEvent) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func recv(fd int, p []byte) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), 0, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	return int(n)
}

func send(fd int, p []byte) int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return -int(errno)
	}
	return int(n)
}

//go:build unix

// Connections for tests that count allocations, or measure.

package loopback

import (
	"net"
	"syscall"
	"testing"
)

// A Raw is a connection by system calls that block and allocate nothing: for tests
// and benchmarks that count.
type Raw struct {
	FD int
	t  testing.TB
}

// Raw returns a descriptor of p's connection, which is p's too.
func (p *Peer) Raw() Raw {
	p.T.Helper()
	f, err := p.Conn.(*net.TCPConn).File()
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { f.Close() })
	fd := int(f.Fd())
	if err := syscall.SetNonblock(fd, false); err != nil {
		p.T.Fatal(err)
	}
	return Raw{fd, p.T}
}

// Round sends in, and reads as many bytes as out has room for.
func (r Raw) Round(in, out []byte) {
	r.Send(in)
	r.Fill(out)
}

// Send sends all of in.
func (r Raw) Send(in []byte) {
	for len(in) > 0 {
		n, err := syscall.Write(r.FD, in)
		if err != nil {
			r.t.Fatal(err)
		}
		in = in[n:]
	}
}

// Fill reads as many bytes as out has room for.
func (r Raw) Fill(out []byte) {
	for len(out) > 0 {
		n, err := syscall.Read(r.FD, out)
		if n <= 0 && err != syscall.EINTR {
			r.t.Fatal(n, err)
		}
		out = out[max(n, 0):]
	}
}

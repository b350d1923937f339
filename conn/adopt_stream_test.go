package conn_test

import (
	"errors"
	"net"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"

	"github.com/lurcher-net/lurcher/conn"
)

// Only streams are taken over: of a message, a read that is too short loses the rest (recv(2)).
func TestAdoptTakesStreamsAlone(t *testing.T) {
	eachPoller(t, func(r *rig) {
		seqpacket := func() *net.UnixListener {
			ln, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: r.socketPath(), Net: "unixpacket"})
			if err != nil {
				r.Skip("no unixpacket here: ", err)
			}
			r.Cleanup(func() { ln.Close() })
			return ln
		}
		for _, k := range []struct {
			name string
			open func() (net.Conn, error)
		}{
			{"udp", func() (net.Conn, error) { return net.Dial("udp", "127.0.0.1:9") }},
			{"udp, not connected", func() (net.Conn, error) { return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) }},
			{"unixgram", func() (net.Conn, error) {
				return net.ListenUnixgram("unixgram", &net.UnixAddr{Name: r.socketPath(), Net: "unixgram"})
			}},
			{"unixpacket", func() (net.Conn, error) {
				return net.Dial("unixpacket", seqpacket().Addr().String())
			}},
		} {
			nc, err := k.open()
			if err != nil && runtime.GOOS == "windows" {
				r.Log(k.name, "is not to be had here: ", err)
				continue
			}
			if err != nil {
				r.Fatal(k.name, err)
			}
			r.do(func() {
				if _, err := r.loop.Adopt(nc, nil); !errors.Is(err, syscall.EPROTOTYPE) {
					r.Errorf("%s: %v", k.name, err)
				}
			})
			if _, err := nc.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				r.Errorf("%s: it is not closed: %v", k.name, err)
			}
		}
		r.do(func() {
			if _, err := r.loop.AdoptListener(seqpacket(), nil); !errors.Is(err, syscall.EPROTOTYPE) {
				r.Errorf("a listener of unixpacket: %v", err)
			}
			if n := r.loop.Stats().Open; n > 0 {
				r.Error(n, "connections")
			}
		})
	})
}

// The path of a Unix socket that another process has bound anew is not removed with the listener that had it before.
func TestCloseLeavesAnothersUnixSocket(t *testing.T) {
	if !slices.Contains(networks, "unix") {
		t.Skip("no Unix sockets here")
	}
	eachPoller(t, func(r *rig) {
		r.network = "unix"
		for _, k := range []struct {
			name    string
			instead func(path string)
			stays   bool
		}{
			{"ours", func(string) {}, false},
			{"none", func(path string) { os.Remove(path) }, false},
			{"another listener's", func(path string) {
				os.Remove(path)
				ln, err := net.Listen("unix", path)
				if err != nil {
					r.Fatal(err)
				}
				r.Cleanup(func() { ln.Close() })
			}, true},
			{"a file", func(path string) { os.Remove(path); os.WriteFile(path, nil, 0o600) }, true},
			{"ours, moved there and back", func(path string) { os.Rename(path, path+"x"); os.Rename(path+"x", path) }, false},
		} {
			ln := r.listen(&conn.Handler{})
			k.instead(r.addr)
			r.do(func() { ln.Close() })
			if _, err := os.Lstat(r.addr); (err == nil) != k.stays {
				r.Errorf("%s: %v", k.name, err)
			}
		}
	})
}

// SOCKS5, the client's side (RFC 1928, RFC 1929).

package nethttp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

func isSocks(proxy *url.URL) bool { return proxy.Scheme == "socks5" || proxy.Scheme == "socks5h" }

// socks has the proxy at nc connect to addr. Names are looked up there.
func socks(nc net.Conn, proxy *url.URL, addr string) error {
	const version, none, password = 5, 0, 2
	methods := []byte{version, 1, none}
	if proxy.User != nil {
		methods = []byte{version, 2, none, password}
	}
	if _, err := nc.Write(methods); err != nil {
		return err
	}
	var b [2]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return err
	}
	switch {
	case b[0] != version:
		return errors.New("socks: the proxy does not speak version 5")
	case b[1] == password && proxy.User != nil:
		if err := socksLogin(nc, proxy.User); err != nil {
			return err
		}
	case b[1] != none:
		return errors.New("socks: the proxy wants another way to log in")
	}
	request, err := socksAddress([]byte{version, 1, 0}, addr) // CONNECT
	if err != nil {
		return err
	}
	if _, err := nc.Write(request); err != nil {
		return err
	}
	return socksReply(nc)
}

func socksLogin(nc net.Conn, user *url.Userinfo) error {
	name := user.Username()
	password, _ := user.Password()
	if name == "" || len(name) > 255 || password == "" || len(password) > 255 {
		return errors.New("socks: name and password have 1 to 255 bytes")
	}
	p := append([]byte{1, byte(len(name))}, name...)
	p = append(append(p, byte(len(password))), password...)
	if _, err := nc.Write(p); err != nil {
		return err
	}
	var b [2]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return err
	}
	if b[1] != 0 {
		return errors.New("socks: name and password were refused")
	}
	return nil
}

// The kinds of addresses.
const (
	socksIPv4 = 1
	socksName = 3
	socksIPv6 = 4
)

func socksAddress(b []byte, addr string) ([]byte, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Is4():
		b = append(append(b, socksIPv4), ip.AsSlice()...)
	case err == nil:
		b = append(append(b, socksIPv6), ip.AsSlice()...)
	case len(host) > 255:
		return nil, errors.New("socks: the name is too long")
	default:
		b = append(append(b, socksName, byte(len(host))), host...)
	}
	return append(b, byte(n>>8), byte(n)), nil
}

var socksErrors = [...]string{1: "general failure", "not allowed", "network unreachable", "host unreachable", "connection refused", "TTL expired", "command not supported", "address type not supported"}

// socksReply reads the answer, and not a byte more.
func socksReply(nc net.Conn) error {
	var b [5]byte
	if _, err := io.ReadFull(nc, b[:]); err != nil {
		return err
	}
	if code := int(b[1]); code != 0 {
		if code < len(socksErrors) {
			return errors.New("socks: " + socksErrors[code])
		}
		return fmt.Errorf("socks: error %d", code)
	}
	rest := 0
	switch b[3] {
	case socksIPv4:
		rest = net.IPv4len - 1
	case socksName:
		rest = int(b[4])
	case socksIPv6:
		rest = net.IPv6len - 1
	default:
		return errors.New("socks: the proxy's answer has an unknown kind of address")
	}
	_, err := io.ReadFull(nc, make([]byte, rest+2))
	return err
}

// Hosts in other scripts, in the form that look-ups and fields take (RFC 5891).

package nethttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"
)

var errHost = errors.New("nethttp: not a host")

// inASCII returns a host, and its port if there is one, with the name in ASCII.
func inASCII(host string) (string, error) {
	if strings.IndexFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return host, nil
	}
	u := url.URL{Host: host}
	name, err := lookupForm(u.Hostname())
	if port := u.Port(); port != "" {
		name += ":" + port
	}
	return name, err
}

// lookupForm returns a name as net/http would look it up. The tables of Unicode that this needs are its own,
// and it shows what it has made of a name only to the function that dials.
func lookupForm(name string) (form string, err error) {
	t := http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		form, _, err = net.SplitHostPort(addr)
		return nil, errHost
	}}
	_, failed := t.RoundTrip(&http.Request{Header: http.Header{}, URL: &url.URL{Scheme: "http", Host: name}})
	switch {
	case err != nil:
		return "", err
	case form == "" || strings.IndexFunc(form, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0:
		return "", failed // it is none
	}
	return form, nil
}

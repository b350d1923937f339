// The head of a Transport's request, as http.Request.Write makes it.

package nethttp

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lurcher-net/lurcher/internal/field"
)

// compose sets the target and the fields, as http.Request.Write does.
func (tr *trip) compose() error {
	req := tr.req
	if err := tr.address(); err != nil {
		return err
	}
	if agent, ok := req.Header["User-Agent"]; !ok {
		tr.q.Set("User-Agent", tr.noted("User-Agent", "Go-http-client/1.1"))
	} else if len(agent) > 0 && agent[0] != "" {
		tr.q.Set("User-Agent", tr.noted("User-Agent", agent[0]))
	}
	tr.frame()
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			continue // from Request's fields, or not at all
		}
		tr.noted(name, req.Header[name]...)
		for _, v := range req.Header[name] {
			if err := tr.q.Add(name, v); err != nil {
				return err
			}
		}
	}
	if tr.proxy != nil {
		if auth := basicAuth(tr.proxy); auth != "" {
			tr.q.Set("Proxy-Authorization", tr.noted("Proxy-Authorization", auth))
		}
	}
	if tr.gzip {
		tr.q.Set("Accept-Encoding", tr.noted("Accept-Encoding", "gzip"))
	}
	if (req.Close || tr.t.DisableKeepAlives) && !has(req.Header["Connection"], "close") {
		tr.q.Add("Connection", tr.noted("Connection", "close"))
	}
	return nil
}

// address sets the target, and Host.
func (tr *trip) address() error {
	req := tr.req
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	host, err := inASCII(host)
	if err != nil {
		return err
	}
	host = withoutZone(strings.TrimSuffix(host, ":"))
	if !isHostField(host) {
		if tr.proxy != nil {
			return errors.New("http: invalid Host header")
		}
		host = ""
	}
	target := req.URL.RequestURI()
	switch {
	case tr.proxy != nil && req.URL.Opaque == "":
		target = req.URL.Scheme + "://" + host + target
	case req.Method == "CONNECT" && req.URL.Opaque != "":
		target = req.URL.Opaque
	case req.Method == "CONNECT" && req.URL.Path == "":
		target = host
	}
	tr.q.Set("Host", tr.noted("Host", host))
	return tr.q.Target(escaped(target))
}

// escaped returns a target whose spaces and bytes from 0x80 on, which URL.RequestURI leaves in a query, are
// percent-encoded, as browsers do it: with a space the request line would be another one (RFC 9112 3).
func escaped(target string) string {
	const hex = "0123456789ABCDEF"
	raw := func(c byte) bool { return c == ' ' || c >= utf8.RuneSelf }
	var b []byte
	for i := range len(target) {
		c := target[i]
		if raw(c) && b == nil {
			b = append(make([]byte, 0, len(target)+32), target[:i]...)
		}
		switch {
		case raw(c):
			b = append(b, '%', hex[c>>4], hex[c&15])
		case b != nil:
			b = append(b, c)
		}
	}
	if b == nil {
		return target
	}
	return string(b)
}

// A noted field is reported to httptrace when the head has been written. noted returns
// its first value.
func (tr *trip) noted(name string, values ...string) string {
	if tr.trace != nil && tr.trace.WroteHeaderField != nil && len(values) > 0 {
		tr.fields = append(tr.fields, line{name, values})
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

type line struct {
	name   string
	values []string
}

// frame says how long the body is, and what follows it.
func (tr *trip) frame() {
	switch {
	case tr.up == nil: // EndBytes sets it
		switch tr.req.Method {
		case "", "GET", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT":
			if len(tr.whole) == 0 {
				return // not there (RFC 9110 8.6)
			}
		}
		tr.noted("Content-Length", strconv.Itoa(len(tr.whole)))
	case tr.up.length >= 0:
		tr.q.Set("Content-Length", tr.noted("Content-Length", strconv.FormatInt(tr.up.length, 10)))
	default:
		tr.noted("Transfer-Encoding", "chunked") // the client does
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(tr.req.Trailer)), func(name string) bool { return !field.MayTrail(name) })
		if len(names) > 0 {
			tr.q.Set("Trailer", tr.noted("Trailer", strings.Join(names, ",")))
		}
	}
}

// isHostField reports whether s may be a Host field: net/http sends an empty one in
// place of others.
func isHostField(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("!$%&()*+,-.:;='[]_~", c) >= 0) {
			return false
		}
	}
	return true
}

// withoutZone returns the host without the zone of an IPv6 address (RFC 6874 4).
func withoutZone(host string) string {
	if !strings.HasPrefix(host, "[") {
		return host
	}
	end := strings.LastIndexByte(host, ']')
	zone := strings.LastIndexByte(host[:max(end, 0)], '%')
	if zone < 0 {
		return host
	}
	return host[:zone] + host[end:]
}

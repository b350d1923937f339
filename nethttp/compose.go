// The head of a Transport's request, as http.Request.Write makes it.

package nethttp

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/internal/field"
)

// compose sets the target and the fields, as http.Request.Write does.
func (tr *trip) compose() error {
	q, req := tr.q, tr.req
	host := req.Host
	if host == "" {
		host = req.URL.Host
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
	q.Set("Host", host)
	if err := q.Target(target); err != nil {
		return err
	}
	agent := "Go-http-client/1.1"
	if v, ok := req.Header["User-Agent"]; ok {
		agent = ""
		if len(v) > 0 {
			agent = v[0]
		}
	}
	if agent != "" {
		q.Set("User-Agent", agent)
	}
	tr.frame()
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		switch name {
		case "Host", "User-Agent", "Content-Length", "Transfer-Encoding", "Trailer":
			continue // from Request's fields, or not at all
		}
		for _, v := range req.Header[name] {
			if err := q.Add(name, v); err != nil {
				return err
			}
		}
	}
	if tr.proxy != nil && req.Header.Get("Proxy-Authorization") == "" {
		if auth := basicAuth(tr.proxy); auth != "" {
			q.Set("Proxy-Authorization", auth)
		}
	}
	if tr.gzip {
		q.Set("Accept-Encoding", "gzip")
	}
	if (req.Close || tr.t.DisableKeepAlives) && !has(req.Header["Connection"], "close") {
		q.Add("Connection", "close")
	}
	return nil
}

// frame says how long the body is, and what follows it.
func (tr *trip) frame() {
	if tr.up != nil && tr.up.length >= 0 {
		tr.q.Set("Content-Length", strconv.FormatInt(tr.up.length, 10))
	}
	if len(tr.req.Trailer) > 0 && tr.up != nil && tr.up.length < 0 {
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(tr.req.Trailer)), func(name string) bool { return !field.MayTrail(name) })
		if len(names) > 0 {
			tr.q.Set("Trailer", strings.Join(names, ","))
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

// withoutZone is the host without the zone of an IPv6 address (RFC 6874 4).
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

// URLs: the origin that a request is for, and the target that it is sent with.

package client

import (
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/lurcher-net/lurcher/internal/field"
)

// A spelling is the beginning of a URL, as far as its authority.
type spelling struct {
	text string
	host string // of it, for the Host field
	o    *origin
}

// locate finds the origin of a URL, and what of the URL is for the request. Most
// begin like the one before.
func (p *Pool) locate(x *exchange, raw string) error {
	if n := len(p.last.text); n > 0 && len(raw) >= n && raw[:n] == p.last.text {
		rest := raw[n:]
		if rest == "" && x.method != "OPTIONS" {
			rest = "/"
		}
		if rest != "" && rest[0] == '/' && isTarget(rest) {
			x.o, x.host, x.target = p.last.o, p.last.host, rest
			return nil
		}
	}
	scheme := strings.Index(raw, "://")
	if scheme < 0 {
		return ErrURL
	}
	from := scheme + len("://")
	end := from
	for end < len(raw) && raw[end] != '/' && raw[end] != '?' && raw[end] != '#' {
		end++
	}
	target, ok := targetOf(raw[end:], x.method)
	if !ok {
		return ErrURL
	}
	x.target = target
	if s, ok := p.spelled[raw[:end]]; ok {
		x.o, x.host, p.last = s.o, s.host, s
		return nil
	}
	x.host = raw[from:end]
	return p.locateNew(x, raw[:end], raw[:scheme])
}

// targetOf returns the target for what follows the authority: its origin-form, or for
// OPTIONS of a whole server its asterisk-form (RFC 9112 3.2).
func targetOf(rest, method string) (string, bool) {
	if i := strings.IndexByte(rest, '#'); i >= 0 {
		rest = rest[:i] // the fragment is nobody else's business (RFC 9110 4.2.5)
	}
	switch {
	case rest == "" && method == "OPTIONS":
		return "*", true
	case rest == "":
		return "/", true
	case rest[0] == '?':
		rest = "/" + rest
	}
	return rest, isTarget(rest)
}

// isTarget reports whether s may stand in a request line: what is not in there is
// what would end it, or what some servers take for an end.
func isTarget(s string) bool {
	for i := range len(s) {
		if c := s[i]; c-0x21 > 0x7e-0x21 || c == '#' {
			return false
		}
	}
	return len(s) > 0
}

// locateNew is locate for what is not known by this spelling.
func (p *Pool) locateNew(x *exchange, text, scheme string) error {
	secure := field.Is(scheme, "https")
	if !secure && !field.Is(scheme, "http") {
		return ErrURL
	}
	authority := x.host
	at := strings.LastIndexByte(authority, '@')
	if at >= 0 {
		userinfo, ok := basic(authority[:at])
		if !ok {
			return ErrURL
		}
		x.extra().userinfo = userinfo
		authority = authority[at+1:]
	}
	name, port, ok := hostPort(authority)
	if !ok {
		return ErrURL
	}
	x.host = strings.TrimSuffix(authority, ":")
	if i := strings.IndexByte(name, '%'); i >= 0 { // a zone is this machine's business (RFC 6874 4)
		x.host = "[" + name[:i] + "]" + strings.TrimSuffix(authority[strings.IndexByte(authority, ']')+1:], ":")
	}
	if port == "" {
		port = "80"
		if secure {
			port = "443"
		}
	}
	addr := net.JoinHostPort(strings.ToLower(name), port)
	key := "http://" + addr
	if secure {
		key = "https://" + addr
	}
	o := p.origins[key]
	if o == nil {
		p.sweep()
		o = newOrigin(p, key, addr, strings.ToLower(name), secure)
		p.origins[key] = o
	}
	x.o = o
	if at < 0 && !strings.Contains(name, "%") && len(o.spellings) < 4 {
		text = strings.Clone(text) // of a URL that may be long
		o.spellings = append(o.spellings, text)
		p.spelled[text] = spelling{text, text[len(text)-len(authority):][:len(x.host)], o}
	}
	return nil
}

// sweep forgets the origins that nobody uses, if there are many.
func (p *Pool) sweep() {
	if len(p.origins) < mostOrigins {
		return
	}
	p.last = spelling{}
	for key, o := range p.origins {
		if o.open == 0 && o.waiting.n == 0 {
			for _, s := range o.spellings {
				delete(p.spelled, s)
			}
			delete(p.origins, key)
		}
	}
}

// hostPort takes an authority apart (RFC 3986 3.2). The name of an IPv6 address is
// without its brackets; the port may be empty.
func hostPort(s string) (name, port string, ok bool) {
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", "", false
		}
		name, port = s[1:end], s[end+1:]
		name = strings.Replace(name, "%25", "%", 1)
		if ip, err := netip.ParseAddr(name); err != nil || !ip.Is6() || !isTarget(name) {
			return "", "", false
		}
	} else {
		end := strings.IndexByte(s, ':')
		if end < 0 {
			end = len(s)
		}
		name, port = s[:end], s[end:]
		if !isHost(name) {
			return "", "", false
		}
	}
	if port == "" || port == ":" {
		return name, "", true
	}
	n, err := strconv.ParseUint(port[1:], 10, 16)
	return name, port[1:], port[0] == ':' && err == nil && n > 0
}

// isHost reports whether s is a name as look-ups take it: letters of other scripts
// have to come in their ASCII form (RFC 5891).
func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("-._~!$&'()*+,;=", c) >= 0) {
			return false
		}
	}
	return len(s) > 0
}

// basic makes credentials of what a URL says before the "@" (RFC 7617): curl and
// net/http do too.
func basic(userinfo string) (string, bool) {
	for i := range len(userinfo) {
		if c := userinfo[i]; !isHost(userinfo[i:i+1]) && c != ':' && c != '%' && c != '@' {
			return "", false // a "\\", say, which browsers take for the end of the authority
		}
	}
	user, password, _ := strings.Cut(userinfo, ":")
	user, err1 := url.PathUnescape(user)
	password, err2 := url.PathUnescape(password)
	if err1 != nil || err2 != nil {
		return "", false
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password)), true
}

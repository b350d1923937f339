// The reference parser's request targets and hosts: RFC 9112 §3.2, RFC 9110 §4 and §7.2, RFC 3986 §3.

package fuzz

import (
	"net/netip"
	"strings"
)

// request-target = origin-form / absolute-form / authority-form / asterisk-form
//
// One liberty is taken with RFC 3986, which every server on the web has to take: a path or query may
// hold what browsers leave as it is there by the URL standard, "[" "]" "|" "{" "}" "^" "`" "\", and "%"
// also where no two HEXDIG follow. A fragment is no part of any form.
func (r *reference) requestTarget() {
	from := r.i
	t := r.some(isTarget, "RFC 9112 §3.2: a target, one SP after the method")
	r.m.Target = t
	end := r.i
	r.i = from // what is refused below is refused for the target
	switch {
	case r.m.Method == "CONNECT":
		r.authorityForm(t)
	case t == "*":
		if r.m.Method != "OPTIONS" {
			r.refuse("RFC 9112 §3.2.4: asterisk-form is for OPTIONS alone")
		}
	case t[0] == '/':
	default:
		r.absoluteForm(t)
	}
	r.i = end
}

func isTarget(c byte) bool {
	return isUnreserved(c) || isSubDelim(c) || isIn(c, ":@/?") || isIn(c, "%[]|{}^`\\")
}

// authority-form = uri-host ":" port
func (r *reference) authorityForm(t string) {
	host, port, ok := splitPort(t)
	if !ok || host == "" || !isHost(host) {
		r.refuse("RFC 9112 §3.2.3: CONNECT takes host \":\" port")
	}
	if !isPort(port) || strings.Trim(port, "0") == "" {
		r.refuse("RFC 9110 §9.3.6: CONNECT needs a valid port")
	}
	r.m.Host = t
}

// absolute-form = absolute-URI, here: scheme "://" host [ ":" port ] path-abempty [ "?" query ]
// An absolute-URI without an authority (mailto:x) has no host that could serve it.
func (r *reference) absoluteForm(t string) {
	scheme, rest, ok := strings.Cut(t, "://")
	if !ok || scheme == "" || !isAlpha(scheme[0]) || !all(scheme, isScheme) {
		r.refuse("RFC 9112 §3.2: neither \"/\" nor a scheme and an authority")
	}
	authority := rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority = rest[:i]
	}
	if strings.Contains(authority, "@") {
		r.refuse("RFC 9110 §4.2.4: userinfo in a target")
	}
	if authority == "" || !isHostPort(authority) {
		r.refuse("RFC 9110 §4.2.1: authority of the target, with a host that is not empty")
	}
	r.m.Host = authority
}

func isScheme(c byte) bool { return isAlpha(c) || isDigit(c) || isIn(c, "+-.") }

// Host = uri-host [ ":" port ]. The value may be empty (RFC 9110 §7.2), but a host with a port may
// not be: http://:80/ is invalid (§4.2.1).
func isHostPort(s string) bool {
	host, port, _ := splitPort(s)
	return s == "" || host != "" && isHost(host) && isPort(port)
}

// port = *DIGIT, a number that TCP has.
func isPort(s string) bool {
	n := 0
	for i := range len(s) {
		if n = n*10 + int(s[i]-'0'); !isDigit(s[i]) || n > 65535 {
			return false
		}
	}
	return true
}

// splitPort cuts at the colon after the host, which may itself have colons in brackets.
func splitPort(s string) (host, port string, found bool) {
	i := strings.IndexByte(s[strings.IndexByte(s, ']')+1:], ':')
	if i < 0 {
		return s, "", false
	}
	i += strings.IndexByte(s, ']') + 1
	return s[:i], s[i+1:], true
}

// host = IP-literal / IPv4address / reg-name, and an IPv4address is a reg-name too.
func isHost(s string) bool {
	if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		return isIPv6(s[1:len(s)-1]) || isIPvFuture(s[1:len(s)-1])
	}
	for s != "" { // reg-name = *( unreserved / pct-encoded / sub-delims )
		switch {
		case isUnreserved(s[0]) || isSubDelim(s[0]):
			s = s[1:]
		case len(s) >= 3 && s[0] == '%' && isHex(s[1]) && isHex(s[2]):
			s = s[3:]
		default:
			return false
		}
	}
	return true
}

// isIPv6 leaves the nine lines of RFC 3986's IPv6address to netip, which takes zones besides.
func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == ""
}

// IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" )
func isIPvFuture(s string) bool {
	version, rest, ok := strings.Cut(s, ".")
	return ok && len(version) > 1 && version[0]|0x20 == 'v' && all(version[1:], isHex) &&
		rest != "" && all(rest, func(c byte) bool { return isUnreserved(c) || isSubDelim(c) || c == ':' })
}

func isUnreserved(c byte) bool { return isAlpha(c) || isDigit(c) || isIn(c, "-._~") }
func isSubDelim(c byte) bool   { return isIn(c, "!$&'()*+,;=") }

func all(s string, class func(byte) bool) bool {
	for i := range len(s) {
		if !class(s[i]) {
			return false
		}
	}
	return true
}

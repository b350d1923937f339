// The http.Request of a call, as net/http's ReadRequest makes it of the same
// bytes.

package nethttp

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unsafe"

	"github.com/lurcher-net/lurcher/parser"
)

// request builds c.req. The bytes were found to be HTTP before; what is left to
// refuse is a target that is no URL, and a trailer that must not be one.
func (c *call) request(ctx context.Context) error {
	h := &c.desk.head
	r := http.Request{
		Method:     c.text(h.Method),
		RequestURI: c.text(h.Target),
		Host:       c.text(h.Host),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: int(h.Minor),
		Header:     c.header(h.Fields),
		Body:       http.NoBody,
		Close:      !h.KeepAlive,
		RemoteAddr: c.peer.remote,
		TLS:        c.peer.tls,
	}
	if h.Minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	switch h.Framing {
	case parser.Sized:
		r.ContentLength, r.Body = h.Length, &c.body
	case parser.Chunked:
		r.ContentLength, r.Body = -1, &c.body
		r.TransferEncoding = []string{"chunked"}
		delete(r.Header, "Transfer-Encoding")
		var err error
		if r.Trailer, err = declared(r.Header); err != nil {
			return err
		}
	}
	if pragma := r.Header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && r.Header["Cache-Control"] == nil {
		r.Header["Cache-Control"] = []string{"no-cache"} // RFC 9111 5.4, as net/http does
	}
	var err error
	if r.URL, err = parseTarget(&c.url, r.Method, r.RequestURI); err != nil {
		return err
	}
	c.req = r.WithContext(ctx)
	if c.match != nil {
		c.match.on(c.req)
	}
	return nil
}

// text returns a part of the head. The head is copied once, into a string, which
// the strings of the request share.
func (c *call) text(s parser.Span) string { return c.head[s.Off : s.Off+s.Len] }

// header returns the map of the fields. Host is not among them.
func (c *call) header(fields []parser.Field) http.Header {
	h := make(http.Header, len(fields))
	values := c.values[:] // or one allocation for the usual one value each
	if len(fields) > len(values) {
		values = make([]string, len(fields))
	}
	head := unsafe.Slice(unsafe.StringData(c.head), len(c.head))
	for i, f := range fields {
		name, value := share(f.Name(head)), share(f.Value(head))
		if len(name) == len("Host") && (name == "Host" || strings.EqualFold(name, "Host")) {
			continue
		}
		key := canonical(name)
		if before, ok := h[key]; ok {
			h[key] = append(before, value)
			continue
		}
		values[i] = value
		h[key] = values[i : i+1 : i+1]
	}
	return h
}

// canonical returns what http.CanonicalHeaderKey does, which looks at each byte, and copies
// a name that is in lower case. Here the usual names are looked up instead.
func canonical(name string) string {
	if key, ok := usual[name]; ok {
		return key
	}
	return http.CanonicalHeaderKey(name)
}

// usual has the names that most clients send, in both cases in which they send them.
var usual = func() map[string]string {
	keys := make(map[string]string)
	for key := range strings.FieldsSeq(`Accept Accept-Charset Accept-Encoding Accept-Language Authorization Cache-Control
		Connection Content-Encoding Content-Length Content-Type Cookie Date Dnt Expect Forwarded If-Match If-Modified-Since
		If-None-Match If-Range If-Unmodified-Since Keep-Alive Origin Pragma Priority Range Referer Sec-Ch-Ua
		Sec-Ch-Ua-Mobile Sec-Ch-Ua-Platform Sec-Fetch-Dest Sec-Fetch-Mode Sec-Fetch-Site Sec-Fetch-User Te Traceparent
		Tracestate Trailer Transfer-Encoding Upgrade Upgrade-Insecure-Requests User-Agent Via X-Forwarded-For
		X-Forwarded-Host X-Forwarded-Proto X-Real-Ip X-Request-Id X-Requested-With`) {
		keys[key], keys[strings.ToLower(key)] = key, key
	}
	return keys
}()

// share returns b as a string without a copy: b is a part of c.head, which never changes.
func share(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// declared returns the map for the trailer section that the Trailer field announces.
func declared(h http.Header) (http.Header, error) {
	announced, ok := h["Trailer"]
	if !ok {
		return nil, nil
	}
	delete(h, "Trailer")
	var t http.Header
	for _, line := range announced {
		for name := range elements(line) {
			key := http.CanonicalHeaderKey(name)
			switch key {
			case "Transfer-Encoding", "Trailer", "Content-Length":
				return nil, errors.New("a trailer must not have the field " + key) // RFC 9110 6.5.1
			}
			if t == nil {
				t = make(http.Header)
			}
			t[key] = nil
		}
	}
	return t, nil
}

// elements ranges over the elements of a list (RFC 9110 5.6.1).
func elements(list string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for e := range strings.SplitSeq(list, ",") {
			if e = strings.Trim(e, " \t"); e != "" && !yield(e) {
				return
			}
		}
	}
}

// parseTarget returns the URL of a request's target. It uses u for most of them.
func parseTarget(u *url.URL, method, target string) (*url.URL, error) {
	if path, query, asked := strings.Cut(target, "?"); isPlainPath(path) {
		*u = url.URL{Path: path, RawQuery: query, ForceQuery: asked && query == ""}
		return u, nil
	}
	authority := method == "CONNECT" && target[0] != '/'
	if authority {
		target = "http://" + target
	}
	other, err := url.ParseRequestURI(target)
	if err == nil && authority {
		other.Scheme = ""
	}
	return other, err
}

// isPlainPath reports whether url.Parse would decode nothing in p, and encode it in the
// same way, as with most paths.
func isPlainPath(p string) bool {
	if len(p) == 0 || p[0] != '/' || len(p) > 1 && p[1] == '/' {
		return false
	}
	for i := range len(p) {
		if !plain[p[i]] {
			return false
		}
	}
	return true
}

var plain = func() (t [256]bool) {
	for c := range 0x80 {
		t[c] = '0' <= c && c <= '9' || 'A' <= c&^0x20 && c&^0x20 <= 'Z' || strings.IndexByte("-_.~/$&+,:;=@", byte(c)) >= 0
	}
	return t
}()

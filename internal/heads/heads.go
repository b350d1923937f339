// Package heads has the heads of messages that parsers are measured with: those of parser's benchmarks and
// of bench/ are the same. They are written for this project, after what common programs send.
package heads

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Lines returns a head of these lines.
func Lines(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// Requests, and a response.
var (
	Curl = Lines("GET / HTTP/1.1", "Host: localhost:8080", "User-Agent: curl/8.5.0", "Accept: */*")

	TechEmpower = Lines("GET /plaintext HTTP/1.1", "Host: tfb-server",
		"Accept: text/plain,text/html;q=0.9,application/xhtml+xml;q=0.9,application/xml;q=0.8,*/*;q=0.7",
		"Connection: keep-alive")

	// NineFields has the proportions of the request in picohttpparser's benchmark: 703 bytes, nine fields.
	NineFields = Lines("GET /media/img/front/large/lighthouse-at-dusk-1280x720.jpg HTTP/1.1", "Host: images.example.org",
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 Seamonkey/2.53",
		"Accept: image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
		"Accept-Language: nl-NL,nl;q=0.9,en-GB;q=0.7,en;q=0.5",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Accept-Charset: utf-8,ISO-8859-1;q=0.7,*;q=0.3",
		"Keep-Alive: 115",
		"Connection: keep-alive",
		"Cookie: lang=nl; visits=12; "+
			"track=8c2f6a1b9e3d47508f1a2b3c4d5e6f708192a3b4; "+
			"segment=AAB3NzaC1yc2EAAAADAQABAAABgQ.C7Vv1q9Xn2Jx.0hk4; "+
			"basket=%5B%7B%22item%22%3A%22lamp-4711%22%2C%22count%22%3A2%7D%5D; "+
			"seen=2026-11-21T06%3A41%3A29Z; theme=dark1")

	Chrome = Lines("GET /account/orders/2026/november?sort=date&page=3 HTTP/1.1", "Host: www.shop.example.com",
		"Connection: keep-alive",
		"Cache-Control: max-age=0",
		`sec-ch-ua: "Chromium";v="139", "Not:A-Brand";v="24", "Google Chrome";v="139"`,
		"sec-ch-ua-mobile: ?0",
		`sec-ch-ua-platform: "Windows"`,
		"Upgrade-Insecure-Requests: 1",
		"User-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
		"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
		"Sec-Fetch-Site: same-origin",
		"Sec-Fetch-Mode: navigate",
		"Sec-Fetch-User: ?1",
		"Sec-Fetch-Dest: document",
		"Referer: https://www.shop.example.com/account/orders",
		"Accept-Encoding: gzip, deflate, br, zstd",
		"Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7",
		"Cookie: session=6f1ed002ab5595859014ebf0951522d9; _ga=GA1.2.1358794501.1763707289; _gid=GA1.2.908172635.1763707289; "+
			"csrftoken=Zk3Jr0vXh9LqT5bWc1Yp7NsUe2Ma4Dg6; consent=%7B%22necessary%22%3Atrue%2C%22stats%22%3Afalse%7D; tz=Europe%2FBerlin; "+
			"recent=4711-0815-1138-2187; ab=checkout-b.header-a.search-c; device=8d4c2b7e-52b1-4a0e-9f5d-0c6f1e7a3b92; lastvisit=1763699111")

	Cookie = Lines("GET /inbox HTTP/1.1", "Host: mail.example.com", "User-Agent: Mozilla/5.0 (X11; Linux x86_64)",
		"Accept: application/json", "Cookie: "+Cookies(4096))

	Response = Lines("HTTP/1.1 200 OK", "Date: Sat, 21 Nov 2026 06:41:29 GMT", "Server: nginx/1.27.3",
		"Content-Type: text/html; charset=utf-8", "Content-Length: 48213", "Connection: keep-alive",
		"Vary: Accept-Encoding, Cookie", "Cache-Control: private, no-cache, max-age=0, must-revalidate",
		"Expires: Sat, 21 Nov 2026 06:41:29 GMT", `ETag: W/"bc55-LUq7RrkLDDmJFlzQh0aDzm0k4sM"`,
		"Last-Modified: Fri, 20 Nov 2026 18:12:02 GMT",
		"Set-Cookie: session=6f1ed002ab5595859014ebf0951522d9; Path=/; HttpOnly; Secure; SameSite=Lax",
		"Strict-Transport-Security: max-age=31536000; includeSubDomains", "X-Content-Type-Options: nosniff",
		"X-Frame-Options: SAMEORIGIN", "X-Request-Id: 5f0c17b2a94e4d61")
)

// Cookies returns a Cookie's value of n bytes.
func Cookies(n int) string {
	rng := rand.New(rand.NewPCG(7, 7))
	var b strings.Builder
	for b.Len() < n {
		fmt.Fprintf(&b, "c%d=%016x; ", b.Len(), rng.Uint64())
	}
	return b.String()[:n-1] + "z"
}

// Mixed returns n different requests, as browsers, tools, services and what stands in front of them send.
// The same ones each time.
func Mixed(n int) []string {
	m := mixer{rand.New(rand.NewPCG(9112, 9110))}
	fields := m.fields()
	out := make([]string, n)
	for i := range out {
		target := "/" + m.word(40) + m.pick("", "/"+m.word(12), "?q="+m.word(20))
		lines := []string{m.pick("GET", "GET", "GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS") + " " + target + " HTTP/1.1",
			"Host: " + m.word(24) + m.pick(".example", ".example.com", ".example:8443")}
		for _, at := range m.rng.Perm(len(fields))[:2+m.rng.IntN(12)] {
			lines = append(lines, fields[at]())
		}
		if strings.HasPrefix(lines[0], "P") {
			lines = append(lines, fmt.Sprintf("Content-Length: %d", m.rng.IntN(5000)))
		}
		out[i] = Lines(lines...)
	}
	return out
}

// A mixer draws the parts of Mixed's heads, the same ones each time.
type mixer struct{ rng *rand.Rand }

func (m mixer) pick(xs ...string) string { return xs[m.rng.IntN(len(xs))] }

func (m mixer) word(most int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, 1+m.rng.IntN(most))
	for i := range b {
		b[i] = letters[m.rng.IntN(len(letters))]
	}
	return string(b)
}

// fields returns the field lines that a head may have.
func (m mixer) fields() []func() string {
	return []func() string{
		func() string {
			return "User-Agent: " + m.pick("curl/8.5.0", "Go-http-client/1.1", "python-requests/2.32.3", "kube-probe/1.31",
				"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
				"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:142.0) Gecko/20100101 Firefox/142.0")
		},
		func() string {
			return "Accept: " + m.pick("*/*", "application/json", "text/html,*/*;q=0.8",
				"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8")
		},
		func() string { return "Accept-Encoding: " + m.pick("gzip", "gzip, deflate, br, zstd", "identity") },
		func() string {
			return "Accept-Language: " + m.pick("en", "de-DE,de;q=0.9,en;q=0.7", "fr;q=0.8, en;q=0.5")
		},
		func() string {
			return m.pick("Connection: ", "connection: ") + m.pick("keep-alive", "close", "Keep-Alive")
		},
		func() string {
			return "Cookie: session=" + m.word(64) + "; theme=" + m.word(8) + "; track=" + m.word(80)
		},
		func() string { return "Referer: https://" + m.word(20) + ".example/" + m.word(30) },
		func() string { return "Cache-Control: " + m.pick("no-cache", "max-age=0") },
		func() string { return `If-None-Match: "` + m.word(32) + `"` },
		func() string { return "X-Request-Id: " + m.word(36) },
		func() string {
			return fmt.Sprintf("X-Forwarded-For: 10.%d.%d.%d", m.rng.IntN(256), m.rng.IntN(256), m.rng.IntN(256))
		},
		func() string { return "X-Forwarded-Proto: https" },
		func() string { return "x-real-ip: 192.0.2." + fmt.Sprint(m.rng.IntN(256)) },
		func() string { return "Authorization: Bearer " + m.word(120) },
		func() string { return "Origin: https://" + m.word(20) + ".example" },
		func() string { return "Sec-Fetch-Mode: " + m.pick("cors", "navigate", "no-cors") },
		func() string { return "Sec-Fetch-Dest: " + m.pick("empty", "document", "image") },
		func() string { return "Upgrade-Insecure-Requests: 1" },
		func() string { return "DNT: 1" },
		func() string { return "Pragma: no-cache" },
		func() string { return "traceparent: 00-" + m.word(32) + "-01" },
		func() string { return "Content-Type: " + m.pick("application/json", "text/plain; charset=utf-8") },
	}
}

// A Draw draws numbers at random, the same ones from the same start: a predictor of branches that has seen
// one order of a few hundred heads knows what comes next, and what is measured then is what it remembers.
// The programs of bench/parsers in other languages have the same three lines.
type Draw uint32

// Below returns the next number, at least 0 and below n.
func (d *Draw) Below(n int) int {
	*d = *d*1664525 + 1013904223
	return int(uint64(*d) * uint64(n) >> 32)
}

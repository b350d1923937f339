// Package heads makes the request heads that parsers are measured with: the same bytes for all.
package heads

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// A Set is a number of heads that are parsed in turn.
type Set struct {
	Name, Title string
	Heads       [][]byte
}

// Bytes is their length together.
func (s Set) Bytes() (n int) {
	for _, h := range s.Heads {
		n += len(h)
	}
	return n
}

// All are the sets, from small to large, and last the mix.
func All() []Set {
	one := func(name, title string, lines ...string) Set {
		h := []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
		return Set{name, fmt.Sprintf("%s, %d bytes", title, len(h)), [][]byte{h}}
	}
	cookies := func(n int) string {
		rng := rand.New(rand.NewPCG(7, 7))
		var b strings.Builder
		for b.Len() < n {
			fmt.Fprintf(&b, "c%d=%016x; ", b.Len(), rng.Uint64())
		}
		return strings.TrimSuffix(b.String(), "; ")
	}
	mix := mixed(256)
	return []Set{
		one("curl", "curl's", "GET /a HTTP/1.1", "Host: localhost:8080", "User-Agent: curl/8.9.1", "Accept: */*"),
		one("plain", "a benchmark's", "GET /plaintext HTTP/1.1", "Host: tfb-server:8080",
			"Accept: text/plain,text/html;q=0.9,application/xhtml+xml;q=0.9,application/xml;q=0.8,*/*;q=0.7", "Connection: keep-alive"),
		one("browser", "a browser's", "GET /cookies/manage?lang=de HTTP/1.1", "Host: www.example.com", "Connection: keep-alive",
			`sec-ch-ua: "Chromium";v="139", "Not:A-Brand";v="24"`, "sec-ch-ua-mobile: ?0", `sec-ch-ua-platform: "Linux"`,
			"Upgrade-Insecure-Requests: 1",
			"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
			"Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-User: ?1", "Sec-Fetch-Dest: document",
			"Referer: https://www.example.com/cookies", "Accept-Encoding: gzip, deflate, br, zstd",
			"Accept-Language: de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7", "Cookie: "+cookies(120)),
		one("cookie", "with a large cookie", "GET / HTTP/1.1", "Host: www.example.com", "Accept: */*", "Cookie: "+cookies(4000)),
		{"mix", fmt.Sprintf("256 different ones, of %d bytes in the mean", (Set{Heads: mix}).Bytes()/len(mix)), mix},
	}
}

// mixed makes n requests as browsers, tools and services send them, the same ones each time.
func mixed(n int) [][]byte {
	rng := rand.New(rand.NewPCG(9112, 9110))
	pick := func(xs ...string) string { return xs[rng.IntN(len(xs))] }
	word := func(most int) string {
		const letters = "abcdefghijklmnopqrstuvwxyz0123456789-_"
		b := make([]byte, 1+rng.IntN(most))
		for i := range b {
			b[i] = letters[rng.IntN(len(letters))]
		}
		return string(b)
	}
	fields := []func() string{
		func() string {
			return "User-Agent: " + pick("curl/8.9.1", "Go-http-client/1.1", "python-requests/2.32.3",
				"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
				"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:142.0) Gecko/20100101 Firefox/142.0")
		},
		func() string {
			return "Accept: " + pick("*/*", "application/json", "text/html,*/*;q=0.8", "image/avif,image/webp,*/*")
		},
		func() string { return "Accept-Encoding: " + pick("gzip", "gzip, deflate, br", "identity") },
		func() string {
			return "Accept-Language: " + pick("en", "de-DE,de;q=0.9,en;q=0.7", "fr;q=0.8, en;q=0.5")
		},
		func() string { return "Connection: " + pick("keep-alive", "close") },
		func() string { return "Cookie: session=" + word(64) + "; theme=" + word(8) },
		func() string { return "Referer: https://" + word(20) + ".example/" + word(30) },
		func() string { return "Cache-Control: " + pick("no-cache", "max-age=0") },
		func() string { return "If-None-Match: \"" + word(32) + "\"" },
		func() string { return "X-Request-Id: " + word(36) },
		func() string {
			return "X-Forwarded-For: " + fmt.Sprintf("10.%d.%d.%d", rng.IntN(256), rng.IntN(256), rng.IntN(256))
		},
		func() string { return "Authorization: Bearer " + word(120) },
		func() string { return "Origin: https://" + word(20) + ".example" },
		func() string { return "Sec-Fetch-Mode: " + pick("cors", "navigate", "no-cors") },
		func() string { return "Sec-Fetch-Dest: " + pick("empty", "document", "image") },
		func() string { return "DNT: 1" },
		func() string { return "Pragma: no-cache" },
		func() string { return "traceparent: 00-" + word(32) + "-01" },
	}
	out := make([][]byte, n)
	for i := range out {
		lines := []string{pick("GET", "GET", "GET", "HEAD", "DELETE", "OPTIONS") + " /" + word(40) + pick("", "?q="+word(20)) + " HTTP/1.1",
			"Host: " + word(24) + ".example"}
		for _, at := range rng.Perm(len(fields))[:2+rng.IntN(len(fields)-2)] {
			lines = append(lines, fields[at]())
		}
		out[i] = []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
	}
	return out
}

// Write writes a set to a file in dir: its count, then each head behind its length, as 32-bit
// little-endian numbers.
func (s Set) Write(dir string) (string, error) {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(s.Heads)))
	for _, h := range s.Heads {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(h))), h...)
	}
	file := filepath.Join(dir, s.Name+".heads")
	return file, os.WriteFile(file, b, 0o644)
}

// Read reads such a file.
func Read(file string) ([][]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	next := func() int {
		if len(b) < 4 {
			return -1
		}
		n := int(binary.LittleEndian.Uint32(b))
		b = b[4:]
		return n
	}
	heads := make([][]byte, max(next(), 0))
	for i := range heads {
		n := next()
		if n < 0 || n > len(b) {
			return nil, fmt.Errorf("heads: %s is cut off", file)
		}
		heads[i], b = append([]byte(nil), b[:n]...), b[n:]
	}
	return heads, nil
}

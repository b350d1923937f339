// Package peer is what the Go contenders have in common: their flags, what they answer, and how they
// tell the size of their heap. It does nothing per request that would show in a measurement.
package peer

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The bodies that every contender answers with.
const (
	HelloPath, Hello = "/", "Hello World\n"
	JSONPath         = "/json"
	LargePath        = "/large"
	PostPath, Posted = "/post", "got it\n"
	DelayPath        = "/delay" // with ?ms=2000
	BurnPath         = "/burn"  // with ?us=300: an answer that takes as much computing
	EndlessPath      = "/endless"
	TimersPath       = "/timers"    // with ?n=1000000: as many timers are set, and do not fire
	FilePath         = "/large.bin" // what LargePath has, from a file
	HugePath         = "/huge.bin"  // a file of 1 GB
	StaticPath       = "/static/"   // where the files of Statics are
	JoinPath         = "/join"      // an answer that gets what is said
	SayPath          = "/say"
)

// Handshake opens a WebSocket connection.
const Handshake = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

// JSON is a body of 1 KB as an API answers it, Large one of 64 KB.
var (
	JSON  = `{"items":[` + strings.Repeat(`{"id":1234567,"name":"lurcher","tags":["dog","fast"],"ok":true},`, 15) + `{"id":0}],"next":"/items?page=2"}` + "\n"
	Large = strings.Repeat("0123456789abcdef", 4096)
)

// Body is what a GET of path is answered with; nil if it is none of the paths.
func Body(path []byte) []byte {
	switch string(path) {
	case HelloPath:
		return helloBytes
	case JSONPath:
		return jsonBytes
	case LargePath:
		return largeBytes
	}
	return nil
}

// IsFile reports whether path is answered with a file.
func IsFile(path string) bool {
	return path == FilePath || path == HugePath || strings.HasPrefix(path, StaticPath)
}

// Statics are the paths of twenty files of 1 to 64 KB, with their sizes.
func Statics() (paths []string, sizes []int) {
	for i := range 20 {
		paths = append(paths, fmt.Sprintf("%s%02d.txt", StaticPath, i))
		sizes = append(sizes, 1<<10<<(i%7))
	}
	return paths, sizes
}

var helloBytes, jsonBytes, largeBytes = []byte(Hello), []byte(JSON), []byte(Large)

// Delay reads the query of DelayPath: "ms=2000".
func Delay(query []byte) time.Duration {
	ms, err := strconv.Atoi(string(bytes.TrimPrefix(query, []byte("ms="))))
	if err != nil || ms < 0 {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// Burn computes for as long as the query of BurnPath says: "us=300".
func Burn(query []byte) {
	us, _ := strconv.Atoi(string(bytes.TrimPrefix(query, []byte("us="))))
	for start := time.Now(); time.Since(start) < time.Duration(us)*time.Microsecond; {
	}
}

// Timers calls after for as many timers as the query of TimersPath says: "n=1000". They are due in 10 to 70 minutes.
func Timers(query []byte, after func(d time.Duration)) {
	n, _ := strconv.Atoi(string(bytes.TrimPrefix(query, []byte("n="))))
	for i := range n {
		after(10*time.Minute + time.Duration(i*7919%3_600_000)*time.Millisecond)
	}
}

// Late sets them by the standard library.
func Late(d time.Duration) { time.AfterFunc(d, func() {}) }

// Endless is what EndlessPath is answered with, over and over.
var Endless = bytes.Repeat([]byte("."), 16<<10)

// Message is what all who have asked for JoinPath get when one asks for SayPath.
var Message = bytes.Repeat([]byte("!"), 512)

// ClientTLS is the configuration of clients: the certificate of servers here is made for each run.
func ClientTLS() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// Flags are what a contender is started with.
type Flags struct {
	Addr string // host:port to listen on
	Mode string // "http", "echo", "ws", "cast", "proxy" or "tls"
	WWW  string // the directory of FilePath and HugePath
	Cert string // a file with a certificate and its key, of "tls"

	Upstream string // of a proxy
}

// Parse reads the flags, and from then on answers SIGUSR1 with a line on standard output,
// "heap <bytes> <objects>", after a collection.
func Parse(modes ...string) Flags {
	var f Flags
	flag.StringVar(&f.Addr, "addr", "127.0.0.1:8000", "the address to listen on")
	flag.StringVar(&f.Mode, "mode", modes[0], "what to serve: "+strings.Join(modes, " or "))
	flag.StringVar(&f.WWW, "www", "", "the directory of files that are served")
	flag.StringVar(&f.Cert, "cert", "", "a file with the certificate and the key of mode tls")
	flag.StringVar(&f.Upstream, "upstream", "", "a proxy's upstream, host:port")
	flag.Parse()
	known := false
	for _, m := range modes {
		known = known || m == f.Mode
	}
	if !known {
		Fail(fmt.Errorf("mode %q: it does %s", f.Mode, strings.Join(modes, " or ")))
	}
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGUSR1)
	go func() {
		for range ask {
			runtime.GC()
			runtime.GC() // finalizers and pools need a second one
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Printf("heap %d %d\n", m.HeapAlloc, m.HeapObjects)
		}
	}()
	return f
}

// Fail ends the program if there is an error.
func Fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

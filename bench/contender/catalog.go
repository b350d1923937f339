// The servers that are measured, and how those that are no programs of ours are configured.

package contender

import (
	"fmt"
	"os"
	"path/filepath"
)

// All are the servers, in the order of the tables. To add one: a program in peers/ that takes -addr and
// -mode, or one that is looked up with a function that writes its configuration; and a line here.
func All() []*Contender {
	noHTTP := map[string]string{HTTP: "it does no HTTP"}
	onlyWS := map[string]string{HTTP: "it does WebSocket only", Echo: "it does WebSocket only"}
	noEcho := func(more ...string) map[string]string {
		m := map[string]string{Echo: "it does HTTP only"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	const sketchy = "no HTTP server: looks for the end of the head and the target, checks nothing, no limits, no timeouts; Date cached"
	const small = "its sample takes what comes at once"
	const gets = "its handler here answers plain GETs only"
	const nothingLate = "it has no delayed answers of its own"
	handlers := []string{API, Burn, Endless, File, Timers}
	return []*Contender{
		{Name: "lurcher", pkg: "lurcher", Go: true, WS: true, Does: append(handlers, Hub),
			Note: "all of RFC 9112, with its defaults: limits, timeouts, Date; built by a profile as cmd/hello is, see pgo"},
		{Name: "lurcher NetHTTP", pkg: "lurcher", args: netHTTP, Go: true, Does: []string{API, File},
			Lacks: noEcho(Post, gets, Delay, gets), Note: "a handler of net/http, by nethttp.Handler with 64 workers"},
		{Name: "floor", pkg: "floor", Go: true,
			Lacks: map[string]string{Delay: "it has no timers", Upload: "it knows no bodies but the one of wrk", Pieces: "it takes requests that come whole"},
			Less:  true, Note: "one goroutine, raw recv and send over epoll, a canned answer: no parsing, no state, no Date, no timeouts"},
		{Name: "gnet", pkg: "gnet", Go: true, Less: true, Lacks: map[string]string{Upload: small}, Note: sketchy},
		{Name: "evio", pkg: "evio", Go: true, Less: true, Lacks: map[string]string{Upload: small}, Note: sketchy},
		{Name: "fasthttp", pkg: "fasthttp", Go: true, Does: handlers, Lacks: noEcho(), Note: "no timeouts by default"},
		{Name: "hertz", pkg: "hertz", Go: true, Does: []string{API}, Lacks: noEcho(), Note: "on netpoll"},
		{Name: "nbio", pkg: "nbio", Go: true, Does: []string{API}, WS: true, Note: "nbhttp, with net/http's Request"},
		{Name: "netpoll", pkg: "netpoll", Go: true, Lacks: noHTTP, Note: "CloudWeGo's"},
		{Name: "net", pkg: "net", Go: true, Does: handlers, Note: "net/http, and net for the echo; no timeouts by default"},
		{Name: "nginx", program: "nginx", version: []string{"-v"}, args: nginx, Does: []string{File},
			Lacks: noEcho(Delay, nothingLate, Upload, "it answers before it has read the body"),
			Note:  "one worker, return and sendfile, no access log"},
		{Name: "h2o", program: "h2o", version: []string{"--version"}, args: h2o, Does: []string{File},
			Lacks: noEcho(Delay, nothingLate, Post, "its file handler refuses POST"), Note: "one thread; serves files"},
		{Name: "haproxy", program: "haproxy", version: []string{"-v"}, args: haproxy, Conns: 9500, Why: "it sets two descriptors aside for each",
			Lacks: noEcho(Delay, nothingLate, Large, "an answer of its own has to fit its buffer of 16 KB", Upload, "a body has to fit it too"),
			Note:  "one thread, http-request return"},
		{Name: "lighttpd", program: "lighttpd", version: []string{"-v"}, args: lighttpd, Does: []string{File}, Conns: 17_000, Why: "it stops accepting when nine tenths of its descriptors are in use",
			Lacks: noEcho(Delay, nothingLate, Post, "its file handler refuses POST"), Note: "serves files"},
		{Name: "node", program: "node", version: []string{"--version"}, args: node(), Does: []string{API}, Note: "keepAliveTimeout 75 s"},
		{Name: "node cluster", program: "node", version: []string{"--version"}, args: node("cluster"), Does: []string{API},
			Lacks: noEcho(), Note: "two workers, on the one core that all servers get"},
		{Name: "gws", pkg: "gws", Go: true, WS: true, Lacks: onlyWS, Note: "its own server; does not check that texts are UTF-8"},
		{Name: "gorilla", pkg: "gorilla", Go: true, WS: true, Lacks: onlyWS, Note: "on net/http; does not check that texts are UTF-8"},
		{Name: "coder", pkg: "coder", Go: true, WS: true, Lacks: onlyWS, Note: "on net/http; does not check that texts are UTF-8"},
		{Name: "node ws", program: "node", version: []string{"--version"}, args: nodeWS, WS: true, Lacks: onlyWS, Note: "the npm package ws"},
	}
}

func netHTTP(e *Env, prog, addr, mode string) ([]string, error) {
	return []string{prog, "-addr", addr, "-mode", mode, "-nethttp", "-www", e.www()}, nil
}

func nginx(e *Env, prog, addr, mode string) ([]string, error) {
	ssl := ""
	if mode == TLS {
		ssl = " ssl"
	}
	conf, err := e.config("nginx", `
daemon off; user root; worker_processes 1; worker_rlimit_nofile 20000; error_log stderr crit; pid %[1]s/nginx.pid;
events { worker_connections 20000; }
http {
	access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; sendfile on; default_type text/plain;
	ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/cert.pem;
	client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
	server {
		listen %[2]s`+ssl+` backlog=4096;
		location = / { return 200 "Hello World\n"; }
		location = /json { return 200 '%[3]s'; }
		client_max_body_size 0;
		location = /post { return 200 "got it\n"; }
		location / { root %[1]s/www; }
	}
}
`, addr)
	return []string{prog, "-c", conf}, err
}

func h2o(e *Env, prog, addr, mode string) ([]string, error) {
	host, port := split(addr)
	conf, err := e.config("h2o", fmt.Sprintf(`
user: root
num-threads: 1
max-connections: 19900
http1-request-timeout: 75
listen: {host: %s, port: %s}
hosts:
  default:
    paths:
      /:
        file.dir: %%[1]s/www
        file.mime.setdefaulttype: text/plain
`, host, port), addr)
	return []string{prog, "-m", "worker", "-c", conf}, err
}

func haproxy(e *Env, prog, addr, mode string) ([]string, error) {
	conf, err := e.config("haproxy", `
global
	nbthread 1
	maxconn 9600
defaults
	mode http
	timeout connect 5s
	timeout client 75s
	timeout server 75s
	timeout http-keep-alive 75s
frontend bench
	bind %[2]s backlog 4096
	http-request wait-for-body time 5s if METH_POST
	http-request return status 200 content-type text/plain string "got it\n" if { path /post }
	http-request return status 200 content-type application/json file %[1]s/www/json if { path /json }
	http-request return status 200 content-type text/plain string "Hello World\n"
`, addr)
	return []string{prog, "-db", "-q", "-f", conf}, err
}

func lighttpd(e *Env, prog, addr, mode string) ([]string, error) {
	host, port := split(addr)
	conf, err := e.config("lighttpd", fmt.Sprintf(`
server.bind = "%s"
server.port = %s
server.document-root = "%%[1]s/www"
server.max-fds = 20000
server.max-connections = 19900
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 75
server.modules = ( "mod_staticfile" )
index-file.names = ( "index.html" )
mimetype.assign = ( "" => "text/plain" )
`, host, port), addr)
	return []string{prog, "-D", "-f", conf}, err
}

func nodeWS(e *Env, prog, addr, mode string) ([]string, error) {
	dir := filepath.Join(e.Bench, "peers/node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules/ws")); err != nil {
		return nil, fmt.Errorf("the npm package ws is missing: npm ci in %s", dir)
	}
	return []string{prog, filepath.Join(dir, "ws.js"), addr, mode}, nil
}

func node(how ...string) func(*Env, string, string, string) ([]string, error) {
	return func(e *Env, prog, addr, mode string) ([]string, error) {
		return append([]string{prog, filepath.Join(e.Bench, "peers/node/server.js"), addr, mode}, how...), nil
	}
}

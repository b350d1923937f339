// The reverse proxies that are measured, and their configurations.

package contender

import "fmt"

// Proxies are the reverse proxies, all in front of one upstream on Env.Upstream.
func Proxies() []*Contender {
	return []*Contender{
		{Name: "lurcher", path: "../examples:gateway", args: gateway, Note: "examples/gateway, with its defaults"},
		{Name: "nginx", program: "nginx", version: []string{"-v"}, args: nginxProxy, Note: "one worker, keepalive to the upstream, no access log"},
		{Name: "haproxy", program: "haproxy", version: []string{"-v"}, args: haproxyProxy, Note: "one thread, http-reuse always"},
		{Name: "h2o", program: "h2o", version: []string{"--version"}, args: h2oProxy, Note: "one thread, keepalive to the upstream"},
		{Name: "ReverseProxy", pkg: "reverseproxy", args: goProxy, Note: "net/http/httputil"},
		{Name: "fasthttp", pkg: "fasthttpproxy", args: goProxy, Note: "its server and HostClient; holds bodies whole"},
	}
}

func goProxy(e *Env, prog, addr, mode string) ([]string, error) {
	return []string{prog, "-addr", addr, "-mode", Proxy, "-upstream", e.Upstream}, nil
}

func gateway(e *Env, prog, addr, mode string) ([]string, error) {
	return []string{prog, "-listen", addr, "-upstream", e.Upstream}, nil
}

func nginxProxy(e *Env, prog, addr, mode string) ([]string, error) {
	conf, err := e.config("nginx-proxy", fmt.Sprintf(`
daemon off; user root; worker_processes 1; worker_rlimit_nofile 20000; error_log stderr crit; pid %%[1]s/nginx-proxy.pid;
events { worker_connections 9000; }
http {
	access_log off; keepalive_requests 1000000000; keepalive_timeout 75s;
	client_body_temp_path %%[1]s; proxy_temp_path %%[1]s; fastcgi_temp_path %%[1]s; uwsgi_temp_path %%[1]s; scgi_temp_path %%[1]s;
	upstream up { server %s; keepalive 512; keepalive_requests 1000000000; }
	server {
		listen %%[2]s backlog=4096;
		location / {
			proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
			proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
		}
	}
}
`, e.Upstream), addr)
	return []string{prog, "-c", conf}, err
}

func haproxyProxy(e *Env, prog, addr, mode string) ([]string, error) {
	conf, err := e.config("haproxy-proxy", fmt.Sprintf(`
global
	nbthread 1
	maxconn 9000
defaults
	mode http
	timeout connect 5s
	timeout client 75s
	timeout server 75s
	option forwardfor
	http-reuse always
listen bench
	bind %%[2]s backlog 4096
	server up %s pool-max-conn 512
`, e.Upstream), addr)
	return []string{prog, "-db", "-q", "-f", conf}, err
}

func h2oProxy(e *Env, prog, addr, mode string) ([]string, error) {
	host, port := split(addr)
	conf, err := e.config("h2o-proxy", fmt.Sprintf(`
user: root
num-threads: 1
max-connections: 9000
listen: {host: %s, port: %s}
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: http://%s/
        proxy.timeout.keepalive: 60000
`, host, port, e.Upstream), addr)
	return []string{prog, "-m", "worker", "-c", conf}, err
}

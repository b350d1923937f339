package compat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"expvar"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/http/pprof"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/server"
)

// serve runs h until the test ends, and answers its URL.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	s := &server.Server{Handler: nethttp.Handler(h, 8), Loops: 1}
	addr, err := s.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + addr.String()
}

// get answers status, fields and body.
func get(t *testing.T, url string, fields ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	return do(t, req)
}

func do(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func want(t *testing.T, resp *http.Response, body string, code int, text string) {
	t.Helper()
	if resp.StatusCode != code || !strings.Contains(body, text) {
		t.Errorf("%d %.200q, want %d and %q", resp.StatusCode, body, code, text)
	}
}

func TestChi(t *testing.T) {
	t.Parallel()
	r := chi.NewRouter()
	r.Use(middleware.RequestID, middleware.Recoverer, middleware.Compress(5), middleware.Timeout(time.Minute), middleware.StripSlashes)
	r.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "user %s of %s", chi.URLParam(r, "id"), middleware.GetReqID(r.Context())[:1])
	})
	r.Post("/users", func(w http.ResponseWriter, r *http.Request) {
		var v struct{ Name string }
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			http.Error(w, err.Error(), 400)
			return
		}
		w.WriteHeader(201)
		io.WriteString(w, v.Name)
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("recovered by chi") })
	r.Get("/long", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, strings.Repeat("compress me ", 10000))
	})
	r.Mount("/debug", middleware.Profiler())
	base := serve(t, r)
	resp, body := get(t, base+"/users/7/")
	want(t, resp, body, 200, "user 7 of ")
	resp, body = get(t, base+"/none")
	want(t, resp, body, 404, "")
	req, _ := http.NewRequest("POST", base+"/users", strings.NewReader(`{"Name":"lurcher"}`))
	resp, body = do(t, req)
	want(t, resp, body, 201, "lurcher")
	req, _ = http.NewRequest("DELETE", base+"/users", nil)
	resp, body = do(t, req)
	want(t, resp, body, 405, "")
	resp, body = get(t, base+"/panic")
	want(t, resp, body, 500, "")
	resp, body = get(t, base+"/long")
	if !resp.Uncompressed {
		t.Error("not compressed")
	}
	want(t, resp, body, 200, strings.Repeat("compress me ", 10000))
}

func TestFileServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for name, data := range map[string][]byte{"a.txt": []byte("a file\n"), "large": large, "index.html": []byte("<p>index")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	base := serve(t, http.FileServer(http.Dir(dir)))
	resp, body := get(t, base+"/a.txt")
	want(t, resp, body, 200, "a file\n")
	if kind := resp.Header.Get("Content-Type"); kind != "text/plain; charset=utf-8" {
		t.Error(kind)
	}
	resp, body = get(t, base+"/a.txt", "If-Modified-Since", resp.Header.Get("Last-Modified"))
	want(t, resp, body, 304, "")
	resp, body = get(t, base+"/")
	want(t, resp, body, 200, "<p>index")
	resp, body = get(t, base+"/../../etc/passwd")
	want(t, resp, body, 404, "")
	resp, body = get(t, base+"/large")
	if resp.StatusCode != 200 || body != string(large) {
		t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
	}
	resp, body = get(t, base+"/large", "Range", "bytes=100000-900000")
	if resp.StatusCode != 206 || body != string(large[100000:900001]) {
		t.Errorf("%d, %d bytes", resp.StatusCode, len(body))
	}
}

// TestReverseProxy is one in front of net/http, and one in front of ourselves:
// streams both ways, trailers, interim answers, an upgrade, a backend that breaks.
func TestReverseProxy(t *testing.T) {
	t.Parallel()
	backend := proxied(t)
	theirs := httptest.NewServer(backend)
	t.Cleanup(theirs.Close)
	for name, target := range map[string]string{"of net/http": theirs.URL, "of our own": serve(t, backend)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, _ := url.Parse(target)
			base := serve(t, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(u); r.SetXForwarded() },
				ErrorLog: log.New(io.Discard, "", 0)}) // it tells of what /broken breaks
			t.Run("echo", func(t *testing.T) {
				data := strings.Repeat("there and back ", 100000)
				req, _ := http.NewRequest("POST", base+"/echo", struct{ io.Reader }{strings.NewReader(data)})
				resp, body := do(t, req)
				if body != data || resp.Trailer.Get("X-Sum") != fmt.Sprint(len(data), " <nil>") {
					t.Errorf("%d bytes of %d, %v", len(body), len(data), resp.Trailer)
				}
			})
			t.Run("events", func(t *testing.T) {
				resp, err := http.Get(base + "/events")
				if err != nil {
					t.Fatal(err)
				}
				in := bufio.NewScanner(resp.Body)
				for i := range 3 {
					in.Scan()
					if in.Text() != fmt.Sprint("data: ", i) {
						t.Errorf("%q", in.Text())
					}
					in.Scan()
				}
				resp.Body.Close()
			})
			t.Run("broken", func(t *testing.T) {
				resp, err := http.Get(base + "/broken")
				if err != nil {
					t.Fatal(err)
				}
				if body, err := io.ReadAll(resp.Body); err == nil {
					t.Errorf("%q passes for whole", body)
				}
			})
			t.Run("upgrade", func(t *testing.T) {
				c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(time.Minute))
				io.WriteString(c, "GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
				in := bufio.NewReader(c)
				resp, err := http.ReadResponse(in, nil)
				if err != nil || resp.StatusCode != 101 {
					t.Fatal(resp, err)
				}
				io.WriteString(c, "hello\n")
				if line, err := in.ReadString('\n'); line != "HELLO\n" {
					t.Errorf("%q, %v", line, err)
				}
			})
		})
	}
}

// proxied has what is hard for a proxy: a stream in both directions, events, an answer
// that breaks off, another protocol.
func proxied(t *testing.T) http.Handler {
	backend := http.NewServeMux()
	backend.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(103)
		n, err := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, err))
	})
	backend.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done() // until the client of the proxy leaves
	})
	backend.HandleFunc("/broken", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "a part")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	backend.HandleFunc("/upgrade", func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
		line, _ := rw.ReadString('\n')
		io.WriteString(c, strings.ToUpper(line))
	})
	return backend
}

func TestExpvar(t *testing.T) {
	t.Parallel()
	if expvar.Get("compat") == nil {
		expvar.NewInt("compat").Set(42)
	}
	resp, body := get(t, serve(t, expvar.Handler())+"/debug/vars")
	want(t, resp, body, 200, `"compat": 42`)
	if !json.Valid([]byte(body)) {
		t.Error("no JSON")
	}
}

func TestPprof(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	base := serve(t, mux)
	resp, body := get(t, base+"/debug/pprof/")
	want(t, resp, body, 200, "goroutine")
	resp, body = get(t, base+"/debug/pprof/goroutine?debug=1")
	want(t, resp, body, 200, "goroutine profile:")
	resp, body = get(t, base+"/debug/pprof/heap")
	want(t, resp, body, 200, "\x1f\x8b")
	resp, body = get(t, base+"/debug/pprof/profile?seconds=1") // sets deadlines of its own
	want(t, resp, body, 200, "\x1f\x8b")
	resp, body = get(t, base+"/debug/pprof/trace?seconds=1")
	want(t, resp, body, 200, "go 1.")
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	n := prometheus.NewCounter(prometheus.CounterOpts{Name: "lurcher_compat_total", Help: "A counter."})
	reg.MustRegister(n)
	n.Add(3)
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_total", Help: "Requests."}, []string{"code", "method"})
	reg.MustRegister(requests)
	h := promhttp.InstrumentHandlerCounter(requests, promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	base := serve(t, h)
	resp, body := get(t, base+"/metrics")
	want(t, resp, body, 200, "lurcher_compat_total 3")
	resp, body = get(t, base+"/metrics")
	want(t, resp, body, 200, `requests_total{code="200",method="get"} 1`)
}

// The contenders net/http, and net for the echo: the standard library.
package main

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

func main() {
	f := peer.Parse("http", "echo", "tls")
	if f.Mode == "echo" {
		peer.Fail(echo(f.Addr))
	}
	www = f.WWW
	if f.Mode == "tls" {
		peer.Fail(http.ListenAndServeTLS(f.Addr, f.Cert, f.Cert, http.HandlerFunc(answer)))
	}
	peer.Fail(http.ListenAndServe(f.Addr, http.HandlerFunc(answer)))
}

var www string // the directory of files

func answer(w http.ResponseWriter, r *http.Request) {
	if body := peer.Body([]byte(r.URL.Path)); body != nil {
		w.Write(body)
		return
	}
	if peer.IsFile(r.URL.Path) {
		http.ServeFile(w, r, filepath.Join(www, r.URL.Path))
		return
	}
	switch r.URL.Path {
	case peer.PostPath:
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, peer.Posted)
	case peer.APIPath:
		w.Header().Set("Content-Type", peer.APIType)
		w.Write(peer.API())
	case peer.DelayPath:
		time.Sleep(peer.Delay([]byte(r.URL.RawQuery)))
		io.WriteString(w, peer.Hello)
	case peer.BurnPath:
		peer.Burn([]byte(r.URL.RawQuery))
		io.WriteString(w, peer.Hello)
	case peer.TimersPath:
		peer.Timers([]byte(r.URL.RawQuery), peer.Late)
		io.WriteString(w, peer.Hello)
	case peer.EndlessPath:
		for err := error(nil); err == nil; {
			_, err = w.Write(peer.Endless)
		}
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func echo(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			buf := make([]byte, 16<<10)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				if _, err := c.Write(buf[:n]); err != nil {
					return
				}
			}
		}()
	}
}

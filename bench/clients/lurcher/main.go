// The client of this toolkit: package client on a loop; and with -kind nethttp net/http's Client over
// nethttp.Transport.
package main

import (
	"context"
	"io"
	"net/http"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
	"github.com/lurcher-net/lurcher/client"
	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/nethttp"
	"github.com/lurcher-net/lurcher/poller"
)

func main() {
	ask.Main(func(j ask.Job, m *ask.Meter) error {
		if j.Kind == "nethttp" {
			return transport(j, m)
		}
		return native(j, m)
	})
}

func native(j ask.Job, m *ask.Meter) error {
	p, err := poller.New()
	if err != nil {
		return err
	}
	l, err := conn.NewLoop(p)
	if err != nil {
		return err
	}
	l.Ref()
	c := client.Client{MaxConns: -1, MaxIdle: -1, MaxIdleLoop: -1, Pipeline: j.Pipeline}
	if j.Pipeline > 1 {
		c.MaxConns = j.Conns
	}
	pool, url := c.On(l), j.URL()
	var get func()
	body := func(_ []byte, err error) {
		switch {
		case err == nil:
		case err != io.EOF:
			m.Fail(err)
		case m.Answer():
			get()
		}
	}
	answer := func(r client.Response, err error) {
		if err != nil {
			m.Fail(err)
			return
		}
		r.Stream(body)
	}
	get = func() { pool.Get(url, answer) }
	for range j.Conns * j.Pipeline {
		get()
	}
	go l.Run(context.Background())
	return nil
}

func transport(j ask.Job, m *ask.Meter) error {
	c := http.Client{Transport: &nethttp.Transport{MaxIdleConnsPerHost: j.Conns}}
	url := j.URL()
	return ask.Blocking(j, m, func() error {
		resp, err := c.Get(url)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		return err
	})
}

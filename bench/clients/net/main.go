// net/http's Client.
package main

import (
	"io"
	"net/http"

	"github.com/lurcher-net/lurcher/bench/clients/ask"
)

func main() {
	ask.Main(func(j ask.Job, m *ask.Meter) error {
		c := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: j.Conns, DisableCompression: true}}
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
	})
}

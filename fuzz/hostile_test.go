// The hostile client itself: that it does each of its attacks, and in time.

package fuzz

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Every attack is made, ends in time, and leaves nothing of its own behind on a server that lives.
// What net/http answers in a more lenient way than Explain allows is its business, and logged.
func TestHarassNetHTTP(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	defer server.Close()
	const patience = 500 * time.Millisecond
	var mu sync.Mutex
	made := map[string]int{}
	var wg sync.WaitGroup
	for c := range 10 {
		wg.Go(func() {
			for i := range 20 {
				start := time.Now()
				what, err := New(int64(c*100+i)).Harass("tcp", server.Listener.Addr().String(), patience)
				if took := time.Since(start); took > 120*patience { // the machine may be slow
					t.Errorf("%s took %v", what, took)
				}
				mu.Lock()
				if made[what]++; err != nil {
					t.Log(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for _, a := range attacks {
		if made[a.name] == 0 {
			t.Errorf("%q was never made", a.name)
		}
	}
}

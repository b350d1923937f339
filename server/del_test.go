package server

import "testing"

// TestDel takes fields back, and what HTTP knows of them.
func TestDel(t *testing.T) {
	t.Parallel()
	s := start(t, &Server{}, func(w Response, r Request) {
		if r.Minor() != 1 {
			t.Error("an HTTP/1.1 request has minor", r.Minor())
		}
		w.Add("X-A", "1")
		w.Add("x-a", "2")
		w.Set("X-B", "3")
		w.Set("Content-Length", "7")
		w.Set("Date", "never")
		for _, name := range []string{"X-a", "content-length", "date", "X-None"} {
			if err := w.Del(name); err != nil {
				t.Error(err)
			}
		}
		w.End("ok")
		if w.Del("X-B") == nil {
			t.Error("no error when the exchange is over")
		}
	})
	c := s.dial()
	c.Send(get("/"))
	a := c.Want("200 ok")
	if len(a.Header["X-A"]) != 0 || a.Header.Get("X-B") != "3" || a.Header.Get("Date") == "never" || a.ContentLength != 2 {
		t.Errorf("%+v", a.Header)
	}
}

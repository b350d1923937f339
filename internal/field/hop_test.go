package field

import (
	"slices"
	"testing"
)

func TestEndToEnd(t *testing.T) {
	t.Parallel()
	all := func(yield func(name, value []byte) bool) {
		for _, f := range [][2]string{
			{"Host", "x"}, {"connection", "A, keep-alive ,Host"}, {"A", "1"}, {"Connection", "b;q=1"}, {"B", "2"}, {"C", "3"}, {"Keep-Alive", "x"}, {"TE", "trailers"},
			{"upgrade", "x"}, {"Proxy-Connection", "x"}, {"PROXY-AUTHORIZATION", "x"}, {"Transfer-Encoding", "chunked"}, {"Content-Length", "5"},
			{"HTTP2-Settings", "x"}, {"Expect", "x"}, {"Max-Forwards", "1"}, {"Trailer", "x"}, {"", ""},
		} {
			if !yield([]byte(f[0]), []byte(f[1])) {
				return
			}
		}
	}
	var got []string
	for name := range EndToEnd(all) {
		got = append(got, string(name))
	}
	if want := []string{"Host", "C", "Trailer", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for range EndToEnd(all) {
		break
	}
	if !Lists("a, TRAILERS;q=1", "trailers") || Lists("trailersx", "trailers") || Lists("", "x") {
		t.Error("Lists")
	}
}

// The JSON that is made anew for each answer.

package peer

import "encoding/json"

// APIPath is answered with API, and this content type.
const APIPath, APIType = "/api", "application/json"

// An item of what an API answers.
type item struct {
	ID   int      `json:"id"`
	Name string   `json:"name"`
	Tags []string `json:"tags"`
	OK   bool     `json:"ok"`
}

type list struct {
	Items []item `json:"items"`
	Next  string `json:"next"`
}

var items = func() list {
	l := list{Next: "/api?page=2"}
	for i := range 15 {
		l.Items = append(l.Items, item{1234567 + i, "lurcher", []string{"dog", "fast"}, true})
	}
	return l
}()

// API is 1 KB of JSON, made anew for each request by the same encoder for all: what differs is the server.
func API() []byte {
	b, err := json.Marshal(&items)
	Fail(err)
	return b
}

//go:build unix

package servertest_test

import (
	"fmt"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/servertest"
)

// A protocol of package conn, whose timeout costs the test no time.
func ExampleNewPeer() {
	p, err := servertest.NewPeer(&conn.Handler{
		Open: func(c *conn.Conn) { c.SetTimeout(time.Minute); c.Pipe(c) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()
	p.Send("hello")
	fmt.Println(string(p.Received), p.Closed)
	p.Advance(time.Minute)
	fmt.Println(string(p.Received), p.Closed)
	// Output:
	// hello false
	// hello true
}

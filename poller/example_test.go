//go:build unix

package poller_test

import (
	"fmt"
	"log"

	"github.com/lurcher-net/lurcher/poller"
	"golang.org/x/sys/unix"
)

// A whole echo server, over one connection: read what has come, send it back, remember what did not
// fit, stop at the end of file.
func Example() {
	p, err := poller.New()
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()

	server, client := socketpair()
	const token = 42
	if err := p.Add(server, token, poller.Read); err != nil {
		log.Fatal(err)
	}
	go func() { // the client
		unix.Write(client, []byte("hello, lurcher"))
		unix.Shutdown(client, unix.SHUT_WR)
	}()

	var pending []byte // read and not yet sent
	buf := make([]byte, 4096)
	events := make([]poller.Event, 64)
	for open := true; open; {
		n, err := p.Wait(events, -1)
		if err != nil {
			log.Fatal(err)
		}
		for _, ev := range events[:n] {
			if ev.Token != token {
				continue
			}
			if ev.Ready&poller.Read != 0 {
				n, err := unix.Read(server, buf)
				if n == 0 || err != nil && err != unix.EAGAIN && err != unix.EINTR {
					open = false
					break
				}
				pending = append(pending, buf[:max(n, 0)]...)
			}
			if n, err := unix.Write(server, pending); err == nil {
				pending = pending[n:]
			}
			// While something is left to send, ask for room, and leave the rest of the input where it is.
			want := poller.Read
			if len(pending) > 0 {
				want = poller.Write
			}
			if err := p.Mod(server, token, want); err != nil {
				log.Fatal(err)
			}
		}
	}
	p.Del(server) // before close
	unix.Close(server)

	n, _ := unix.Read(client, buf)
	fmt.Println(string(buf[:n]))
	// Output: hello, lurcher
}

// Work from another goroutine: leave it where the loop finds it, then wake the loop.
func ExamplePoller_wake() {
	p, err := poller.New()
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()

	work := make(chan string, 1)
	go func() {
		work <- "from another goroutine"
		p.Wake()
	}()

	events := make([]poller.Event, 64)
	for {
		if _, err := p.Wait(events, -1); err != nil {
			log.Fatal(err)
		}
		select { // after every Wait, whatever it returned
		case w := <-work:
			fmt.Println(w)
			return
		default:
		}
	}
	// Output: from another goroutine
}

func ExampleOpen() {
	p, err := poller.Open("poll")
	if err != nil {
		log.Fatal(err)
	}
	defer p.Close()
	fmt.Println(p.Name())

	_, err = poller.Open("overlapped")
	fmt.Println(err != nil)
	// Output:
	// poll
	// true
}

func socketpair() (a, b int) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		log.Fatal(err)
	}
	unix.SetNonblock(fds[0], true)
	return fds[0], fds[1]
}

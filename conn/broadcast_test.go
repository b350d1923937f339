// A broadcast: one callback that writes to very many connections.

package conn_test

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/internal/loopback"
)

// One callback writes to 1000 connections, twice, and holds buffers for few of
// them at a time.
func TestBroadcastMemory(t *testing.T) {
	const n, size = 1000, 16 << 10
	needDescriptors(t, 2*n+200)
	r := newRig(t, "epoll", "unix")
	var all []*conn.Conn
	r.listen(&conn.Handler{Open: func(c *conn.Conn) { all = append(all, c) }})
	peers := make([]*peer, n)
	for i := range peers {
		peers[i] = r.dial()
	}
	r.until("all to be there", func() bool { return len(all) == n })
	msg := flood(size)
	var held uint64
	round := func() {
		for _, c := range all {
			c.Write(msg)
			c.Write(msg)
		}
		for _, c := range all { // all have something to settle already
			c.Write(msg)
		}
	}
	var read, readers sync.WaitGroup // the first round, and both
	read.Add(n)
	for _, p := range peers {
		readers.Go(func() {
			want := bytes.Repeat(msg, 3)
			got := make([]byte, len(want))
			for round := range 2 {
				if _, err := io.ReadFull(p, got); err != nil || !bytes.Equal(got, want) {
					t.Error("a peer got something else", err)
				}
				if round == 0 {
					read.Done()
				}
			}
		})
	}
	r.do(round) // fills the pools
	// What the kernel refuses is held by right. It has room for a round once
	// the one before has been read.
	read.Wait()
	r.do(func() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&before)
		round()
		runtime.GC()
		runtime.GC() // what pools keep survives one
		runtime.ReadMemStats(&after)
		held = after.HeapAlloc - min(before.HeapAlloc, after.HeapAlloc)
	})
	readers.Wait()
	if held > n*size/4 {
		t.Errorf("%d bytes for a broadcast of %d to %d connections", held, size, n)
	}
	t.Logf("the heap grew by %d bytes; all of it at once would be %d", held, 3*n*size)
}

// A peer that does not read is given up once more than Max waits for it, by
// whomever it was written.
func TestBroadcastToOneWhoDoesNotRead(t *testing.T) {
	eachPoller(t, func(r *rig) {
		ch, onClose := closes()
		var all []*conn.Conn
		r.listen(&conn.Handler{Max: 256 << 10, Close: onClose, Open: func(c *conn.Conn) { all = append(all, c) }})
		dead := r.dial()
		live := r.dial()
		var got int64
		var wg sync.WaitGroup
		wg.Go(func() { got, _ = io.Copy(io.Discard, live) })
		r.until("two connections", func() bool { return len(all) == 2 })
		msg := flood(64 << 10)
		for len(ch) == 0 {
			r.do(func() {
				for _, c := range all {
					if c.RemoteAddr() != nil && !(c == all[1] && c.Full()) {
						c.Write(msg)
					}
				}
			})
		}
		r.wantErr(ch, conn.ErrBacklog)
		r.do(func() { all[1].Close() })
		wg.Wait()
		if got == 0 {
			r.Error("the live one got nothing")
		}
		dead.SetReadDeadline(time.Now().Add(patience))
		loopback.NeedResets(r)
		if _, err := io.Copy(io.Discard, dead); err == nil {
			r.Error("the dead one saw an orderly end")
		} else if ne, ok := err.(net.Error); ok && ne.Timeout() {
			r.Error("the dead one saw no end")
		}
	})
}

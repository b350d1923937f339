// Files: each loop keeps open those that it has sent.

package main

import (
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/server"
)

// A cache keeps the files of www open that one loop has sent. Once a second it looks whether a name has become
// another file's, as lighttpd does; what is being sent of the old one is sent to its end.
type cache map[string]*kept

type kept struct {
	file   *conn.File
	info   os.FileInfo
	looked time.Time
}

const mostKept = 256 // files a loop

var caches sync.Map // of each *conn.Loop

// sendFile answers with a file.
func sendFile(w server.Response, name []byte) {
	l := w.Loop()
	c, ok := caches.Load(l)
	if !ok {
		c, _ = caches.LoadOrStore(l, cache{})
	}
	k, err := c.(cache).open(name, l.Now())
	if err != nil {
		w.Status(404)
		w.End("")
		return
	}
	w.SendShared(k.file, 0, k.info.Size())
	w.End("")
}

func (c cache) open(name []byte, now time.Time) (*kept, error) {
	k := c[string(name)]
	if k != nil && now.Sub(k.looked) < time.Second {
		return k, nil
	}
	full := filepath.Join(www, path.Clean(string(name)))
	info, err := os.Stat(full)
	if k != nil {
		if err == nil && os.SameFile(info, k.info) && info.Size() == k.info.Size() && info.ModTime().Equal(k.info.ModTime()) {
			k.looked = now
			return k, nil
		}
		c.drop(string(name))
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(full)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, os.ErrNotExist
	}
	for other := range c {
		if len(c) < mostKept {
			break
		}
		c.drop(other)
	}
	k = &kept{conn.NewFile(f), info, now}
	c[string(name)] = k
	return k, nil
}

func (c cache) drop(name string) {
	c[name].file.Close()
	delete(c, name)
}

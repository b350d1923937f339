// TLS: what is its own. That connections are otherwise as without it, the other
// tests show, which run over TLS as well: see each.

package conn_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/lurcher-net/lurcher/conn"
)

// versions runs fn for TLS 1.2 and 1.3, with a config for either side.
func versions(t *testing.T, fn func(r *rig, cfg *tls.Config)) {
	t.Parallel()
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) {
			t.Parallel()
			cfg := certified()
			cfg.MinVersion, cfg.MaxVersion = v, v
			fn(newRig(t, "epoll", "tcp"), cfg)
		})
	}
}

// A wire is a net.Conn that does as a test says with what passes. What it says
// at the end is no io.EOF: who reads one was told by a close_notify.
type wire struct {
	net.Conn
	write func(p []byte) error // nil: pass it on
	read  func(p []byte)       // sees what has come
}

var errWire = errors.New("FIN")

func (w *wire) Write(p []byte) (int, error) {
	if w.write == nil {
		return w.Conn.Write(p)
	}
	return len(p), w.write(p)
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.read != nil {
		w.read(p[:n])
	}
	if err == io.EOF {
		err = errWire
	}
	return n, err
}

// dialWire connects to the last listener, without a handshake so far.
func (r *rig) dialWire(cfg *tls.Config) (*wire, *tls.Conn) {
	r.Helper()
	nc, err := net.Dial(r.network, r.addr)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(3 * patience))
	w := &wire{Conn: nc}
	return w, tls.Client(w, cfg)
}

// Both ends say close_notify when they end in order, whoever is first.
func TestCloseNotify(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ch, onClose := closes()
		conns := make(chan *conn.Conn, 1)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Close: onClose,
			Open: func(c *conn.Conn) { conns <- c },
			End:  func(c *conn.Conn) { c.WriteString("still sent"); c.Close() }})
		for _, first := range []string{"theirs", "Close", "CloseWrite", "Close, much"} {
			w, k := r.dialWire(cfg)
			if err := k.Handshake(); err != nil {
				r.Fatal(err)
			}
			c := get(r, conns)
			want := ""
			switch first {
			case "theirs":
				k.CloseWrite()
				want = "still sent"
			case "Close":
				r.do(func() { c.WriteString("bye"); c.Close() })
				want = "bye"
			case "CloseWrite":
				r.do(func() { c.WriteString("bye"); c.CloseWrite() })
				want = "bye"
			case "Close, much":
				want = string(flood(4 << 20))
				r.do(func() { c.WriteString(want); c.Close() })
			}
			got, err := io.ReadAll(k)
			if err != nil || string(got) != want {
				r.Errorf("%s: %d bytes, %v; want %d and a close_notify", first, len(got), err, len(want))
			}
			if n, err := w.Read(make([]byte, 1)); first != "CloseWrite" && (n != 0 || err != errWire) {
				r.Errorf("%s: no FIN behind it: %d, %v", first, n, err)
			}
			if first == "CloseWrite" {
				if n, err := w.Read(make([]byte, 1)); n != 0 || err != errWire {
					r.Errorf("%s: no FIN behind it: %d, %v", first, n, err)
				}
				k.CloseWrite()
			}
			if err := get(r, ch); err != nil && err != io.EOF {
				r.Errorf("%s: closed with %v", first, err)
			}
		}
	})
}

// A FIN without a close_notify may be anybody's: what came before it may be cut
// off.
func TestTruncation(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ch, onClose := closes()
		data := make(chan string, 1)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Close: onClose,
			Data: func(c *conn.Conn, p []byte) int { data <- string(p); return len(p) },
			End:  func(c *conn.Conn) { r.Error("an end in order") }})
		for _, cut := range []int{0, 1, 20} { // bytes of a record that is not whole
			w, k := r.dialWire(cfg)
			k.Write([]byte("hello"))
			if got := get(r, data); got != "hello" {
				r.Error(got)
			}
			w.write = func(p []byte) error { w.Conn.Write(p[:cut]); return io.ErrShortWrite }
			k.Write([]byte("lost"))
			w.Conn.(*net.TCPConn).CloseWrite()
			r.wantErr(ch, io.ErrUnexpectedEOF)
		}
		// The same of an Abort of ours: the peer can tell.
		conns := make(chan *conn.Conn, 1)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { conns <- c }})
		_, k := r.dialWire(cfg)
		k.Handshake()
		c := get(r, conns)
		r.do(func() { c.SetDeadline(1) }) // the default of which is no end in order either
		if _, err := k.Read(make([]byte, 1)); !errors.Is(err, errWire) && !errors.Is(err, io.ErrUnexpectedEOF) {
			r.Error(err)
		}
	})
}

// All that a client sends, handshake included, in pieces of any size; and what
// is sent after the handshake comes in with it.
func TestRecordsInPieces(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ch, onClose := closes()
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { c.Pipe(c) }, Close: onClose})
		for _, size := range []int{1, 2, 7, 1000, 16385} {
			w, k := r.dialWire(cfg)
			w.write = func(p []byte) error {
				for len(p) > 0 {
					n := min(size, len(p))
					if _, err := w.Conn.Write(p[:n]); err != nil {
						return err
					}
					if size < 10 {
						r.turns(1) // so that it is read alone
					}
					p = p[n:]
				}
				return nil
			}
			msg := flood(300 * size)
			go func() {
				for p := msg; len(p) > 0; {
					n := min(3*size+1, len(p))
					k.Write(p[:n])
					p = p[n:]
				}
				k.CloseWrite()
			}()
			got, err := io.ReadAll(k)
			if err != nil || !bytes.Equal(got, msg) {
				r.Errorf("pieces of %d: %d of %d bytes, %v", size, len(got), len(msg), err)
			}
			r.wantErr(ch, io.EOF)
		}
	})
}

// A client's whole stream, recorded once, is cut at every byte: the first part,
// a pause, the second.
func TestRecordsCutAtEveryByte(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		data := make(chan string, 8)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg},
			Data: func(c *conn.Conn, p []byte) int { data <- string(p); return len(p) }})
		step := 1
		if testing.Short() || raceEnabled {
			step = 13
		}
		for cut := 1; ; cut += step {
			sent := 0
			w, k := r.dialWire(cfg)
			w.write = func(p []byte) error {
				if at := cut - sent; at > 0 && at < len(p) {
					w.Conn.Write(p[:at])
					r.turns(1)
					w.Conn.Write(p[at:])
				} else {
					w.Conn.Write(p)
				}
				sent += len(p)
				return nil
			}
			k.Write([]byte("one"))
			k.Write([]byte("two"))
			for got := ""; got != "onetwo"; {
				if got += get(r, data); len(got) > 6 {
					r.Fatal(got)
				}
			}
			k.Close()
			if cut > sent {
				break
			}
		}
	})
}

// What is written during one callback is one record and one system call, as long
// as a record holds it.
func TestRecordsOfOneCallback(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		cfg.DynamicRecordSizingDisabled = true
		conns := make(chan *conn.Conn, 1)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { conns <- c }})
		w, k := r.dialWire(cfg)
		k.Handshake()
		c := get(r, conns)
		k.SetReadDeadline(time.Now().Add(patience))
		var raw bytes.Buffer
		for _, n := range []int{1, 100, 16384, 16385, 40_000} {
			r.turns(2)
			before := r.loop.Stats().Writes
			r.do(func() {
				for _, b := range bytes.Split(flood(n), []byte{77}) {
					c.Writev(b, []byte{77})
				}
			})
			// Whatever came with the handshake was read by the first of these.
			raw.Reset()
			w.read = func(p []byte) { raw.Write(p) }
			want := len(bytes.Split(flood(n), []byte{77})) + len(bytes.ReplaceAll(flood(n), []byte{77}, nil))
			if _, err := io.ReadFull(k, make([]byte, want)); err != nil {
				r.Fatal(err)
			}
			r.turns(2)
			if calls := r.loop.Stats().Writes - before; calls != 1 {
				r.Errorf("%d bytes: %d system calls", n, calls)
			}
			records := 0
			for b := raw.Bytes(); len(b) >= 5; records++ {
				if b[0] != 23 {
					records--
				}
				b = b[min(len(b), 5+int(b[3])<<8+int(b[4])):]
			}
			if most := (want + 16383) / 16384; records > most && n > 1 { // with the first come session tickets
				r.Errorf("%d bytes: %d records, %d would do", want, records, most)
			}
		}
	})
}

// A sender is stopped by who does not read, and memory with him.
func TestTLSBackpressureIsBounded(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		h := &conn.Handler{TLS: &conn.TLS{Config: cfg}, Stall: -1, Open: func(c *conn.Conn) { c.Pipe(c) }}
		r.listen(h)
		_, k := r.dialWire(cfg)
		const total = 64 << 20
		wrote := make(chan error, 1)
		go func() {
			var err error
			for piece, n := flood(64<<10), 0; n < total && err == nil; n += len(piece) {
				_, err = k.Write(piece)
			}
			if err == nil {
				err = k.CloseWrite()
			}
			wrote <- err
		}()
		for last := uint64(0); ; { // until it stands still
			time.Sleep(100 * time.Millisecond)
			in := r.bytesIn()
			if in == last && in > 0 {
				break
			}
			last = in
		}
		if st := r.loop.Stats(); st.BytesIn > total/2 || st.BytesIn > st.BytesOut && st.BytesIn-st.BytesOut > 512<<10 {
			r.Errorf("%d bytes came in, %d went out", st.BytesIn, st.BytesOut)
		}
		if n, err := io.Copy(io.Discard, k); n != total || err != nil {
			r.Errorf("%d bytes came back, %v", n, err)
		}
		if err := get(r, wrote); err != nil {
			r.Error(err)
		}
	})
}

// Many connections that write in one callback, in turns: each gets its own, in
// order, after what it had written.
func TestTLSBroadcast(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		conns := make(chan *conn.Conn, 100)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { conns <- c }})
		var peers []*peer
		var all []*conn.Conn
		for range 70 {
			_, k := r.dialWire(cfg)
			peers = append(peers, r.peer(k))
			all = append(all, get(r, conns))
		}
		big := flood(20 << 10)
		r.do(func() {
			for i := range 3 {
				for j, c := range all {
					c.Write([]byte{byte('a' + i), byte(j)})
					c.Write(big)
				}
			}
		})
		for j, p := range peers {
			for i := range 3 {
				p.want(string([]byte{byte('a' + i), byte(j)}))
				p.want(string(big))
			}
		}
	})
}

// The peer's FIN follows its close_notify, and is no news: not even when that,
// and what came before it, still waits for a sink that is full.
func TestFINBehindCloseNotify(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ch, onClose := closes()
		v := &valve{full: true}
		conns := make(chan *conn.Conn, 1)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Close: onClose, Open: func(c *conn.Conn) {
			c.Pipe(v)
			c.CloseWrite() // so that the FIN ends both directions: the poller reports that
			conns <- c
		}})
		_, k := r.dialWire(cfg)
		p := r.peer(k)
		get(r, conns)
		p.wantEOF()
		// Data and close_notify are read together: the loop is held meanwhile.
		gate, held := make(chan bool), make(chan bool)
		r.loop.Post(func() { close(held); <-gate })
		<-held
		p.send("all of it")
		k.CloseWrite()
		close(gate)
		r.until("the first", func() bool { return v.String() == "all of it" })
		k.NetConn().(*wire).Conn.(*net.TCPConn).CloseWrite()
		r.turns(5)
		r.do(v.open)
		r.wantErr(ch, io.EOF)
		if v.closed != 1 || v.aborted != 0 {
			r.Errorf("%d closes, %d aborts", v.closed, v.aborted)
		}
	})
}

// A record that somebody has tampered with ends the connection: both ends know
// why, and nothing of it is handed over.
func TestTamperedRecord(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ch, onClose := closes()
		got := make(chan string, 4)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Close: onClose,
			Data: func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }})
		w, k := r.dialWire(cfg)
		k.Write([]byte("good"))
		if s := get(r, got); s != "good" {
			r.Error(s)
		}
		w.write = func(p []byte) error {
			p[len(p)-1] ^= 1
			_, err := w.Conn.Write(p)
			return err
		}
		k.Write([]byte("bad"))
		var op *net.OpError
		if err := get(r, ch); !errors.As(err, &op) || op.Op != "local error" {
			r.Errorf("closed with %v", err)
		}
		op = nil
		if _, err := k.Read(make([]byte, 1)); !errors.As(err, &op) || op.Op != "remote error" {
			r.Errorf("the peer was told %v", err)
		}
		if len(got) > 0 {
			r.Errorf("%q was handed over", <-got)
		}
	})
}

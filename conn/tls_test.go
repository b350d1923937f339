// TLS: what is its own. That connections are otherwise as without it, the other
// tests show, which run over TLS as well: see each.

package conn_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
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
	nc.SetDeadline(time.Now().Add(patience))
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
// is sent behind the handshake comes in with it.
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

func TestDialTLS(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		ln, err := tls.Listen("tcp", "127.0.0.1:0", cfg)
		if err != nil {
			r.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				nc, err := ln.Accept()
				if err != nil {
					return
				}
				go func() { io.Copy(nc, nc); nc.Close() }()
			}
		}()
		ch, onClose := closes()
		opened := make(chan *tls.ConnectionState, 1)
		got := make(chan string, 4)
		h := conn.Handler{Close: onClose, Open: func(c *conn.Conn) { opened <- c.TLS() },
			Data: func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }}
		// The name that is dialled is the one that is expected: the certificate
		// has this address.
		c := &tls.Config{RootCAs: cfg.RootCAs, Renegotiation: tls.RenegotiateFreelyAsClient}
		h.TLS = &conn.TLS{Config: c}
		var k *conn.Conn
		r.do(func() {
			k, err = r.loop.Dial("tcp", ln.Addr().String(), &h)
			if err != nil {
				r.Fatal(err)
			}
			k.WriteString("written before Open")
			if k.TLS() != nil {
				r.Error("TLS before the handshake")
			}
		})
		if s := get(r, opened); s == nil || !s.HandshakeComplete || s.Version != cfg.MinVersion || len(s.VerifiedChains) == 0 {
			r.Errorf("%+v", s)
		}
		if s := get(r, got); s != "written before Open" {
			r.Error(s)
		}
		r.do(func() {
			if s := k.TLS(); s != k.TLS() {
				r.Error("the state is made anew each time")
			}
			k.CloseWrite()
		})
		r.wantErr(ch, io.EOF)
		if c.ServerName != "" || h.TLS.Stats().Done != 1 {
			r.Error("ServerName is", c.ServerName, h.TLS.Stats())
		}

		// A certificate of another name, one that nobody vouches for, a server
		// that speaks none, one that says nothing.
		mute := r.backend()
		for _, bad := range []struct {
			cfg  *tls.Config
			addr string
			want any
		}{
			{&tls.Config{RootCAs: cfg.RootCAs, ServerName: "other.example"}, ln.Addr().String(), new(*tls.CertificateVerificationError)},
			{&tls.Config{ServerName: "example.com"}, ln.Addr().String(), new(*tls.CertificateVerificationError)},
			{nil, ln.Addr().String(), new(*tls.CertificateVerificationError)},
			{nil, mute.Addr().String(), os.ErrDeadlineExceeded},
		} {
			h := h
			h.TLS = &conn.TLS{Config: bad.cfg}
			h.Open = func(*conn.Conn) { r.Error("opened") }
			r.do(func() {
				k, _ := r.loop.Dial("tcp", bad.addr, &h)
				k.WriteString("never sent")
				if _, ok := bad.want.(error); ok {
					k.SetDeadline(100 * time.Millisecond)
				}
			})
			err := get(r, ch)
			if target, ok := bad.want.(error); ok && !errors.Is(err, target) || !ok && !errors.As(err, bad.want) {
				r.Errorf("%v", err)
			}
		}
	})
}

// STARTTLS: both ends begin in plain text, and go on encrypted.
func TestStartTLS(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		got := make(chan string, 8)
		tell := func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }
		upgrade := func(c *conn.Conn, h *conn.Handler) {
			nc, err := c.Detach()
			if err != nil {
				r.Fatal(err)
			}
			// What Detach answers within Data is whole when that has returned.
			if err := r.loop.Post(func() {
				if _, err := r.loop.Adopt(nc, h); err != nil {
					r.Error(err)
				}
			}); err != nil {
				r.Error(err)
			}
		}
		r.listen(&conn.Handler{Data: func(c *conn.Conn, p []byte) int {
			i := bytes.IndexByte(p, '\n') + 1
			if i > 0 { // behind it comes the ClientHello, or has come already
				got <- string(p[:i])
				upgrade(c, &conn.Handler{TLS: &conn.TLS{Config: cfg}, Data: tell, Open: func(c *conn.Conn) { c.WriteString("welcome") }})
			}
			return i
		}})
		for range 2 {
			w, k := r.dialWire(cfg)
			first := true
			w.write = func(p []byte) error { // together with the ClientHello
				if first {
					first, p = false, append([]byte("STARTTLS\n"), p...)
				}
				_, err := w.Conn.Write(p)
				return err
			}
			k.Write([]byte("secret"))
			buf := make([]byte, 7)
			if _, err := io.ReadFull(k, buf); err != nil || string(buf) != "welcome" {
				r.Fatal(err, buf)
			}
			for _, want := range []string{"STARTTLS\n", "secret"} {
				if s := get(r, got); s != want {
					r.Errorf("%q, want %q", s, want)
				}
			}
		}
		r.do(func() { // and from here
			h := &conn.Handler{Data: tell, TLS: &conn.TLS{Config: cfg, Client: true}, Open: func(c *conn.Conn) { c.WriteString("again") }}
			r.loop.Dial(r.network, r.addr, &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("STARTTLS\n"); upgrade(c, h) }})
		})
		seen := map[string]bool{}
		for range 3 {
			seen[get(r, got)] = true
		}
		if !seen["STARTTLS\n"] || !seen["again"] || !seen["welcome"] {
			r.Error(seen)
		}
	})
}

// Detach answers a tls.Conn, for code that blocks; Adopt takes it back.
func TestDetachTLS(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		conns := make(chan *conn.Conn, 1)
		got := make(chan string, 4)
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { conns <- c }})
		_, k := r.dialWire(cfg)
		k.Handshake()
		c := get(r, conns)
		var nc net.Conn
		var err error
		r.do(func() { nc, err = c.Detach() })
		if tc, ok := nc.(*tls.Conn); !ok || err != nil || !tc.ConnectionState().HandshakeComplete {
			r.Fatalf("%T %v", nc, err)
		}
		p, q := r.peer(k), r.peer(nc)
		p.send("to who blocks")
		q.want("to who blocks")
		q.send("back")
		p.want("back")
		p.send("12345read ahead") // in one record, and but a part of it is read
		q.want("12345")
		ch, onClose := closes()
		r.do(func() {
			_, err = r.loop.Adopt(nc, &conn.Handler{Open: func(c *conn.Conn) { c.WriteString("hi") }, Close: onClose,
				Data: func(c *conn.Conn, p []byte) int { got <- string(p); return len(p) }})
			if err != nil {
				r.Fatal(err)
			}
		})
		if s := get(r, got); s != "read ahead" {
			r.Error(s)
		}
		p.want("hi")
		p.send("more")
		if s := get(r, got); s != "more" {
			r.Error(s)
		}
		p.closeWrite()
		r.wantErr(ch, io.EOF)
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
// order, behind what it had written.
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

// A function of the Config that blocks keeps nobody from computing.
func TestSlowCertificate(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		gate := make(chan bool)
		asked := make(chan bool, 100)
		own := theCertificate()
		cfg.Certificates = nil
		cfg.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "slow.example" {
				asked <- true
				select {
				case <-gate:
				case <-hello.Context().Done():
					return nil, context.Cause(hello.Context())
				}
			}
			return &own, nil
		}
		ch, onClose := closes()
		r.listen(&conn.Handler{TLS: &conn.TLS{Config: cfg}, Open: func(c *conn.Conn) { c.Pipe(c) }, Close: onClose})
		for range 64 { // more than processors
			c := certified()
			c.ServerName = "slow.example"
			w, k := r.dialWire(c)
			go k.Handshake()
			_ = w
			get(r, asked)
		}
		_, k := r.dialWire(certified())
		p := r.peer(k)
		p.send("x")
		p.want("x")
		close(gate)
		for range 64 { // the clients refuse another's certificate
			if err := get(r, ch); err == nil {
				r.Error("no error")
			}
		}
	})
}

// A loop that ends takes handshakes along, in whatever they are.
func TestRunEndsHandshakes(t *testing.T) {
	versions(t, func(r *rig, cfg *tls.Config) {
		s := &conn.TLS{Config: cfg, Handshakes: 1}
		ch, onClose := closes()
		r.listen(&conn.Handler{TLS: s, Close: onClose})
		for i := range 3 { // one has not begun, one is at it, one waits for its turn
			w, k := r.dialWire(cfg)
			if i > 0 {
				w.read = func([]byte) { <-r.Context().Done() }
				go k.Handshake()
			}
		}
		r.until("one to run", func() bool { st := s.Stats(); return st.Pending == 3 && st.Running == 1 })
		why := errors.New("enough")
		r.cancel(why)
		if err := r.stopped(); err != why {
			r.Error(err)
		}
		for range 3 {
			if err := <-ch; err != why {
				r.Error(err)
			}
		}
		for end := time.Now().Add(patience); s.Stats().Running > 0; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				r.Fatal("a goroutine stays")
			}
		}
		if st := s.Stats(); st.Pending != 0 || st.Failed != 3 {
			r.Errorf("%+v", st)
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
			c.CloseWrite() // so that the FIN ends both directions: the poller tells
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

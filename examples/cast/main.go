// Cast is a chat, or anything else in which many hear what one says: rooms by
// WebSocket, by server-sent events or by long polls, whatever gets through; messages
// that outlive the process; one process, or a cluster of them.
//
//	go run ./cast                                   then open http://127.0.0.1:8080/
//	go run ./cast -data /var/lib/cast               messages are kept in files
//	go run ./cast -room meet=random -room news=broadcast:KEY
//	go run ./cast -config rooms.json                the same, in a file
//
// Both say of what kind rooms are; all others are open to everybody. Who may list the
// machine's processes can read the keys of flags. rooms.json:
//
//	{"help":   {"mode": "queue", "key": "of the agents"},
//	 "meet":   {"mode": "random"},
//	 "news":   {"mode": "broadcast", "key": "of the speaker"}}
//
// Three processes that are one service, each message on all three:
//
//	cast -addr :8080 -data n1 -node n1 -cluster chat -cluster-listen 10.0.0.1:6222 -nodes 3 -routes nats://10.0.0.2:6222,nats://10.0.0.3:6222
//
// SIGHUP replaces the process by a new one of the same program, which serves the
// connections that come meanwhile. docs/guide.md has a chapter on how it is made,
// docs/deployment.md one on how it grows.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/cloudflare/tableflip"

	"github.com/lurcher-net/lurcher/conn"
	"github.com/lurcher-net/lurcher/examples/cast/journal"
	"github.com/lurcher-net/lurcher/examples/cast/rooms"
	"github.com/lurcher-net/lurcher/examples/cast/web"
	"github.com/lurcher-net/lurcher/server"
)

// settings are the flags.
type settings struct {
	addr, config, pid string
	grace             time.Duration
	jsonLog           bool
	rooms             modeFlag
	routes, origins   string
	journal           journal.Options
	house             rooms.House
	site              web.Site
	server            server.Server
}

func flags() *settings {
	s := &settings{rooms: make(modeFlag)}
	flag.StringVar(&s.addr, "addr", "127.0.0.1:8080", "where to listen")
	flag.StringVar(&s.config, "config", "", "JSON file: the modes of rooms")
	flag.Var(s.rooms, "room", "NAME=MODE[:KEY]: the mode of one room; may be repeated")
	flag.StringVar(&s.pid, "pid", "", "file that is to hold the number of the process that serves, for systemd's PIDFile")
	flag.DurationVar(&s.grace, "grace", 10*time.Second, "how long answers under way may take when the process ends")
	flag.BoolVar(&s.jsonLog, "json", false, "log as JSON")

	j := &s.journal
	flag.StringVar(&j.Dir, "data", "", "directory of the messages; empty: memory, and a restart loses them")
	flag.StringVar(&j.URL, "nats", "", "nats://HOST:PORT[,...] of servers that are there already, in place of the embedded one")
	flag.StringVar(&j.Name, "node", "", "this node's name; empty: the host's")
	flag.StringVar(&j.Cluster, "cluster", "", "name of the cluster to be a node of")
	flag.StringVar(&j.Listen, "cluster-listen", "127.0.0.1:6222", "where the cluster's other nodes reach this one")
	flag.StringVar(&s.routes, "routes", "", "nats://HOST:PORT[,...] of the others")
	flag.IntVar(&j.Nodes, "nodes", 1, "of the cluster: a message is kept on up to three")
	flag.IntVar(&j.Keep, "keep", 1000, "messages of a room that are kept")
	flag.DurationVar(&j.Age, "age", 30*24*time.Hour, "how long they are")

	h := &s.house
	flag.IntVar(&h.Fresh, "history", 50, "messages that a new visitor is shown")
	flag.IntVar(&h.MaxText, "max-text", 4000, "bytes of a message")
	flag.IntVar(&h.MaxName, "max-name", 64, "bytes of a nickname or a room's name")
	flag.IntVar(&h.MaxRooms, "max-rooms", 10_000, "rooms that are visited at a time")
	flag.IntVar(&h.MaxVisitors, "max-visitors", 50_000, "visitors of a room, on this node")
	flag.IntVar(&h.RoomsEach, "max-rooms-each", 1000, "rooms that are visited at a time and were opened from one address")
	flag.IntVar(&h.PollsEach, "max-polls-each", 1000, "visitors by long polls from one address")
	flag.DurationVar(&h.Poll, "poll", 25*time.Second, "how long a long poll waits")

	w := &s.site
	flag.StringVar(&s.origins, "origins", "", "HOST[,...] of other sites whose pages may connect")
	flag.Float64Var(&w.Rate, "rate", 5, "messages a second that a visitor may send; ten times as many for all at an address")
	flag.IntVar(&w.Burst, "burst", 20, "messages at once that a visitor may send")
	flag.BoolVar(&w.Proxied, "proxied", false, "a proxy in front says in X-Forwarded-For who asks")

	flag.IntVar(&s.server.Loops, "loops", 0, "event loops; 0: one for each processor")
	flag.Parse()
	j.Routes, w.Origins = list(s.routes), list(s.origins)
	if j.Name == "" {
		j.Name, _ = os.Hostname()
	}
	h.Keep, h.Node, h.Slow = j.Keep, j.Name, 10*time.Second
	return s
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func main() {
	s := flags()
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, nil)
	if s.jsonLog {
		handler = slog.NewJSONHandler(os.Stderr, nil)
	}
	if os.Getenv("GOGC") == "" {
		// Most of the heap is visitors who wait: to look through it more often costs
		// little, and the default would leave half of the memory to garbage.
		debug.SetGCPercent(25)
	}
	slog.SetDefault(slog.New(handler).With("node", s.journal.Name, "pid", os.Getpid()))
	if err := s.run(); err != nil {
		slog.Error("cast ends", "error", err)
		os.Exit(1)
	}
}

// run serves until a signal, or until the next process has taken over.
func (s *settings) run() error {
	if err := s.modes(); err != nil {
		return err
	}
	upg, err := tableflip.New(tableflip.Options{PIDFile: s.pid})
	if err != nil {
		return err
	}
	defer upg.Stop()
	go signals(upg)
	ln, err := upg.Listen("tcp", s.addr) // a new socket, or the one of the process before
	if err != nil {
		return err
	}
	// The process before has the journal's files: it ends first. What connects
	// meanwhile waits in the socket's queue.
	if err := upg.Ready(); err != nil {
		return err
	}
	if err := upg.WaitForParent(context.Background()); err != nil {
		return err
	}
	return s.serve(upg, ln)
}

func signals(upg *tableflip.Upgrader) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	for sig := range signals {
		if sig != syscall.SIGHUP {
			upg.Stop()
		} else if err := upg.Upgrade(); err != nil {
			slog.Error("not replaced", "error", err)
		}
	}
}

func (s *settings) serve(upg *tableflip.Upgrader, ln net.Listener) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	j, err := journal.Open(ctx, s.journal)
	if err != nil {
		return err
	}
	defer j.Close()
	if err := s.house.Open(j); err != nil {
		return err
	}
	srv := &s.server
	s.site.House, s.site.Journal = &s.house, j
	s.site.Metrics = measures(srv, &s.house)
	if err := s.site.Open(); err != nil {
		return err
	}
	srv.Handler, srv.Log = s.site.Serve, slog.Default()
	srv.OnShutdown = func(*conn.Loop) { s.house.Close() } // nobody connects any more
	if err := srv.Inherit(ln); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve() }()
	fmt.Printf("cast on http://%s/\n", ln.Addr())
	select {
	case err := <-served: // it never ends on its own but by an error
		return err
	case <-upg.Exit():
	}
	last, cancel := context.WithTimeout(context.Background(), s.grace)
	defer cancel()
	return srv.Shutdown(last)
}

// Opening: the embedded server, the connection to it, and the stream.

package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	natsd "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	streamName = "CAST"
	stored     = "cast.room." // and the room: what the stream holds
	live       = "cast.live." // and the room: the same, once it is stored
	told       = "cast.tell." // and a topic: what nodes say to each other, kept by nobody
	pairsName  = "CAST_PAIRS"
)

// Options say where messages are kept.
type Options struct {
	URL     string        // of servers that are there already; empty: one is embedded
	Dir     string        // the embedded server's files; empty: memory
	Cluster string        // the name of the cluster that the embedded server joins
	Name    string        // of this node; with Cluster it must be its own
	Listen  string        // HOST:PORT for the cluster's other nodes
	Routes  []string      // nats://HOST:PORT of some of them
	Nodes   int           // of the cluster: each message is kept on up to three. 0: one
	Keep    int           // messages of a room
	Age     time.Duration // that a message may have
	Log     *slog.Logger
}

// A Journal is a connection to the stream. Its methods may be called from any
// goroutine.
type Journal struct {
	server *natsd.Server // nil: not ours
	nc     *nats.Conn
	js     jetstream.JetStream
	pairs  jetstream.KeyValue
	keep   int // messages of a room, as the stream has it
	epoch  string
	log    *slog.Logger

	requests chan request // to be published
	acks     chan request // published, their acknowledgements under way
	busy     atomic.Int64
}

// Open starts what has to be started and waits until the stream can be used,
// which in a cluster takes a majority of its nodes.
func Open(ctx context.Context, o Options) (*Journal, error) {
	j := &Journal{log: o.Log, requests: make(chan request, maxBusy), acks: make(chan request, maxBusy)}
	if j.log == nil {
		j.log = slog.Default()
	}
	settings := []nats.Option{
		nats.Name("cast " + o.Name), nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond),
		nats.RetryOnFailedConnect(true), nats.ErrorHandler(j.complain),
	}
	at := o.URL
	if at == "" {
		s, err := embed(o)
		if err != nil {
			return nil, fmt.Errorf("journal: the embedded server: %w", err)
		}
		j.server = s
		settings = append(settings, nats.InProcessServer(s))
	}
	nc, err := nats.Connect(at, settings...)
	if err != nil {
		j.Close()
		return nil, fmt.Errorf("journal: %w", err)
	}
	j.nc = nc
	if err := j.openStream(ctx, o); err != nil {
		j.Close()
		return nil, err
	}
	go j.publish()
	go j.acknowledge()
	return j, nil
}

// embed starts a server in this process.
func embed(o Options) (*natsd.Server, error) {
	opts := &natsd.Options{
		ServerName: o.Name, JetStream: true, StoreDir: o.Dir, NoSigs: true, NoLog: true, DontListen: o.Cluster == "",
		JetStreamMaxMemory: 1 << 30, MaxPayload: 1 << 20,
	}
	if o.Cluster != "" {
		// Port -1, of the clients' listener, which nobody uses: with DontListen a
		// server does not join a cluster.
		opts.Host, opts.Port = "127.0.0.1", -1
		if err := join(opts, o); err != nil {
			return nil, err
		}
	}
	s, err := natsd.NewServer(opts)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, errors.New("it is not ready after 30 s")
	}
	return s, nil
}

// join sets what a node of a cluster needs.
func join(opts *natsd.Options, o Options) error {
	if o.Dir == "" || o.Name == "" {
		return errors.New("a node of a cluster needs a directory and a name of its own")
	}
	u, err := url.Parse("nats://" + o.Listen)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		return fmt.Errorf("where to listen for the cluster: %q is not HOST:PORT", o.Listen)
	}
	opts.Cluster = natsd.ClusterOpts{Name: o.Cluster, Host: u.Hostname(), Port: port}
	for _, route := range o.Routes {
		u, err := url.Parse(route)
		if err != nil {
			return err
		}
		opts.Routes = append(opts.Routes, u)
	}
	return nil
}

// openStream finds the stream, or makes it.
func (j *Journal) openStream(ctx context.Context, o Options) error {
	js, err := jetstream.New(j.nc, jetstream.WithPublishAsyncMaxPending(maxBusy))
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	j.js = js
	storage := jetstream.FileStorage
	if o.URL == "" && o.Dir == "" {
		storage = jetstream.MemoryStorage
	}
	replicas := min(max(o.Nodes, 1), 3)
	stream := jetstream.StreamConfig{
		Name: streamName, Subjects: []string{stored + "*"}, Storage: storage, Replicas: replicas,
		MaxMsgsPerSubject: int64(o.Keep), MaxAge: o.Age, Duplicates: twice, AllowDirect: true,
		RePublish: &jetstream.RePublish{Source: stored + "*", Destination: live + "{{wildcard(1)}}"},
	}
	pairs := jetstream.KeyValueConfig{Bucket: pairsName, Storage: storage, Replicas: replicas}
	for { // until a majority of the nodes is there
		s, err := j.findStream(ctx, stream)
		if err == nil {
			j.keep = int(s.CachedInfo().Config.MaxMsgsPerSubject)
			j.epoch = strconv.FormatInt(s.CachedInfo().Created.UnixMilli(), 36)
			j.pairs, err = j.findPairs(ctx, pairs)
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("journal: the stream cannot be opened: %w", errors.Join(ctx.Err(), err))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// findStream looks the stream up, and makes it if there is none. What is asked
// while the cluster has no leader is never answered, so the first question is
// asked often; three replicas of a new stream take some five seconds.
func (j *Journal) findStream(ctx context.Context, c jetstream.StreamConfig) (jetstream.Stream, error) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := j.js.Stream(short, c.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		long, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		s, err = j.js.CreateStream(long, c)
	}
	if err != nil {
		return nil, err
	}
	if has := s.CachedInfo().Config; has.MaxMsgsPerSubject != c.MaxMsgsPerSubject || has.MaxAge != c.MaxAge {
		has.MaxMsgsPerSubject, has.MaxAge = c.MaxMsgsPerSubject, c.MaxAge // the flags have changed
		long, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		return j.js.UpdateStream(long, has)
	}
	return s, nil
}

func (j *Journal) findPairs(ctx context.Context, c jetstream.KeyValueConfig) (jetstream.KeyValue, error) {
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	kv, err := j.js.KeyValue(short, c.Bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		long, cancel := context.WithTimeout(ctx, 20*time.Second)
		defer cancel()
		kv, err = j.js.CreateKeyValue(long, c)
	}
	return kv, err
}

// Epoch names the life of the stream: numbers of another epoch mean nothing.
func (j *Journal) Epoch() string { return j.epoch }

// Ready reports whether messages can be stored, as far as this node knows.
func (j *Journal) Ready() bool { return j.nc.IsConnected() }

func (j *Journal) complain(_ *nats.Conn, sub *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		return // what was dropped is a gap, which Follow fills
	}
	j.log.Warn("journal", "error", err)
}

// Close ends the connection, and the embedded server with it.
func (j *Journal) Close() {
	if j.nc != nil {
		j.nc.Close()
	}
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
}

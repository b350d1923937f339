// Reading: a room's messages, those that are kept and those that come.

package journal

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/synadia-io/orbit.go/jetstreamext"
)

const (
	batch    = 512             // messages of one reading
	look     = 3 * time.Second // how often a quiet room is compared with the stream
	channel  = 1 << 12         // messages of one room that wait to be dealt with
	readable = 5 * time.Second // for one reading
)

// A Message is what the stream holds.
type Message struct {
	Seq  uint64
	Time time.Time
	Data []byte
}

// Follow calls fn with the messages of a room that are kept, and then with each
// that comes, in order, none missing and none twice, on a goroutine of its own.
// fn is given several at a time, and ready is called when all that was kept has
// been given. If nothing was kept, all messages of the room up to number gone were dropped,
// because they were too old; else gone is 0. gap says that the stream may have dropped
// messages between these and those before, because it holds no more than it keeps of a
// room: this node was away for too long, or has not followed the room until now. Follow
// ends with ctx.
func (j *Journal) Follow(ctx context.Context, room string, fn func(ms []Message, gap bool), ready func(gone uint64)) error {
	f := &follower{j: j, subject: subject(room), fn: fn, news: make(chan *nats.Msg, channel)}
	sub, err := j.nc.ChanSubscribe(live+f.subject, f.news)
	if err != nil {
		return err
	}
	go func() {
		defer sub.Unsubscribe()
		f.run(ctx, ready)
	}()
	return nil
}

type follower struct {
	j       *Journal
	subject string
	fn      func(ms []Message, gap bool)
	news    chan *nats.Msg
	last    uint64 // number of the last message that fn was given
}

func (f *follower) run(ctx context.Context, ready func(gone uint64)) {
	for f.fill(ctx) != nil { // the stream has no leader yet, say
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
	ready(f.gone(ctx))
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-f.news:
			f.deal(ctx, msg)
		case <-ticker.C: // the last message may be one of those that got lost
			f.fill(ctx)
		}
	}
}

// gone returns the last number before the first message of the stream, if the room has
// none; 0 if nobody says so at the moment.
func (f *follower) gone(ctx context.Context) uint64 {
	if f.last > 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	s, err := f.j.js.Stream(ctx, streamName)
	if err != nil || s.CachedInfo().State.FirstSeq == 0 {
		return 0
	}
	return s.CachedInfo().State.FirstSeq - 1
}

// deal gives fn one message, or all that are missing up to it.
func (f *follower) deal(ctx context.Context, msg *nats.Msg) {
	seq, err1 := strconv.ParseUint(msg.Header.Get(jetstream.SequenceHeader), 10, 64)
	before, err2 := strconv.ParseUint(msg.Header.Get(jetstream.LastSequenceHeader), 10, 64)
	at, err3 := time.Parse(time.RFC3339Nano, msg.Header.Get(jetstream.TimeStampHeaer))
	switch {
	case err1 == nil && seq <= f.last: // it came from the stream
	case errors.Join(err1, err2, err3) == nil && before <= f.last:
		f.last = seq
		f.fn([]Message{{seq, at, msg.Data}}, false)
	default:
		// Any replica may be asked, and this one may be a little behind.
		for try := 0; try < 50 && f.last < seq; try++ {
			if f.fill(ctx) != nil || f.last < seq {
				time.Sleep(20 * time.Millisecond)
			}
		}
	}
}

// fill gives fn all that the stream holds beyond the last, or nothing if it fails.
func (f *follower) fill(ctx context.Context) error {
	var all []Message
	for last, more := f.last, true; more; {
		found, err := f.read(ctx, last)
		if err != nil {
			return err
		}
		if more = len(found) == batch; len(found) > 0 {
			last = found[len(found)-1].Seq
		}
		all = append(all, found...)
	}
	if len(all) > 0 {
		f.last = all[len(all)-1].Seq
		f.fn(all, f.j.keep > 0 && len(all) >= f.j.keep)
	}
	return nil
}

// read returns what the stream holds beyond a number, a batch at most.
func (f *follower) read(ctx context.Context, last uint64) (found []Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, readable)
	defer cancel()
	all, err := jetstreamext.GetBatch(ctx, f.j.js, streamName, batch,
		jetstreamext.GetBatchSeq(last+1), jetstreamext.GetBatchSubject(stored+f.subject))
	if err != nil {
		return nil, err
	}
	for m, err := range all {
		switch {
		case errors.Is(err, jetstreamext.ErrNoMessages):
			return found, nil
		case err != nil:
			return found, err
		}
		found = append(found, Message{m.Sequence, m.Time, m.Data})
	}
	return found, nil
}

// subject returns a name as one token of a NATS subject, which a dot, a star or a
// space would break.
func subject(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

// What nodes say to each other, and the one state that they share. None of it is
// kept longer than it is needed.

package journal

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const askFor = time.Second // a node that does not answer within this is gone

// Tell says something to all nodes that listen to a topic, this one among them.
func (j *Journal) Tell(topic string, data []byte) error {
	return j.nc.Publish(told+subject(topic), data)
}

// Ask says something to the nodes that listen to a topic, and returns what the
// first of them replies.
func (j *Journal) Ask(ctx context.Context, topic string, data []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	msg, err := j.nc.RequestWithContext(ctx, told+subject(topic), data)
	if err != nil {
		return nil, err
	}
	return msg.Data, nil
}

// Listen calls fn, on a goroutine of its own, with what is told and asked. What
// fn returns is the reply to who asked.
func (j *Journal) Listen(topic string, fn func(data []byte) []byte) (stop func(), err error) {
	sub, err := j.nc.Subscribe(told+subject(topic), func(m *nats.Msg) {
		if reply := fn(m.Data); m.Reply != "" {
			m.Respond(reply)
		}
	})
	if err != nil {
		return nil, err
	}
	return func() { sub.Unsubscribe() }, nil
}

// Change replaces a value that all nodes share by what fn makes of it. fn may be
// called more than once: two nodes at a time do not overwrite each other.
func (j *Journal) Change(ctx context.Context, name string, fn func(old []byte) []byte) error {
	key := subject(name)
	for {
		var old []byte
		var revision uint64
		entry, err := j.pairs.Get(ctx, key)
		switch {
		case err == nil:
			old, revision = entry.Value(), entry.Revision()
		case !errors.Is(err, jetstream.ErrKeyNotFound):
			return err
		}
		if revision == 0 {
			_, err = j.pairs.Create(ctx, key, fn(nil))
		} else {
			_, err = j.pairs.Update(ctx, key, fn(old), revision)
		}
		var wrong *jetstream.APIError
		if err == nil || !errors.Is(err, jetstream.ErrKeyExists) && !(errors.As(err, &wrong) && wrong.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence) {
			return err
		}
	}
}

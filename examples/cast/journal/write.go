// Writing: a message is acknowledged once the stream has stored it.

package journal

import (
	"errors"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	maxBusy  = 1 << 14         // messages that wait for their acknowledgement
	storeFor = 5 * time.Second // within which it has to come
	twice    = 2 * time.Minute // within which a key is known again
)

// Errors of Append.
var (
	ErrBusy    = errors.New("journal: too many messages wait to be stored")
	ErrUnknown = errors.New("journal: no acknowledgement has come: send the message again with the same key")
)

type request struct {
	msg    *nats.Msg
	until  time.Time // when its acknowledgement has to be there
	future jetstream.PubAckFuture
	done   func(seq uint64, err error)
}

// Append stores a message of a room and calls done, on another goroutine, with
// its number. It does not wait. key names the message: one that comes again with
// the same key, from a sender that did not hear of its acknowledgement, is not
// stored a second time, and has the number of the first.
func (j *Journal) Append(room string, data []byte, key string, done func(seq uint64, err error)) error {
	msg := nats.NewMsg(stored + subject(room))
	msg.Data = data
	if key != "" {
		msg.Header.Set(jetstream.MsgIDHeader, subject(room)+"."+key)
	}
	select {
	case j.requests <- request{msg: msg, done: done}:
		return nil
	default:
		return ErrBusy
	}
}

// publish hands messages to the stream, in order. It may have to wait.
func (j *Journal) publish() {
	for r := range j.requests {
		f, err := j.js.PublishMsgAsync(r.msg)
		if err != nil {
			r.done(0, ErrUnknown)
			continue
		}
		r.future, r.until = f, time.Now().Add(storeFor)
		j.acks <- r
	}
}

// acknowledge waits for what the stream says, in the order of publish: as a
// rule that is the order in which it comes. The time of each runs from its own
// publishing: of many that get lost with a leader, none waits for those before it.
func (j *Journal) acknowledge() {
	timer := time.NewTimer(storeFor)
	for r := range j.acks {
		select {
		case ack := <-r.future.Ok(): // however late it is looked at
			r.done(ack.Sequence, nil)
			continue
		default:
			timer.Reset(time.Until(r.until))
		}
		select {
		case ack := <-r.future.Ok():
			r.done(ack.Sequence, nil)
		case <-r.future.Err():
			r.done(0, ErrUnknown)
		case <-timer.C:
			r.done(0, ErrUnknown)
		}
	}
}

// Package journal keeps the messages of rooms in NATS JetStream, which is
// embedded in the process, in a cluster of such processes, or elsewhere.
//
// One stream holds all rooms, a subject each. What the stream has stored it
// publishes again, with the sequence of the message and that of the one before
// it in the room (NATS calls this republish). A node subscribes to that once for
// each room it serves: no consumer is made, for a client or for a room, so none
// can be left over. A gap in the sequences is seen at once, and is filled from
// the stream.
//
// A message's number is its sequence in the stream. Within a room numbers
// rise, and no two messages have the same. They are good for one epoch, the
// life of the stream: a stream in memory that was lost begins another.
package journal

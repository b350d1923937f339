// Package rooms is what a cast node does with messages: it keeps the last ones of
// the rooms that are visited, and hands each new one to all visitors, whatever
// transport they came by.
//
// A visitor gets arrays of events as JSON, in a frame, a server-sent event or an
// answer:
//
//	{"id":"E-17","at":1764166000000,"from":"ann","text":"hello"}
//	{"who":{"count":2,"names":["ann","ben"]}}
//	{"move":"help.c2f1"}       a room for two was found: go there
//	{"wait":true}              nobody is free yet
//	{"lost":true}              messages between the last id and these are not kept any more
//	{"id":"E-0"}               nothing has been said yet: where to go on
//	{"end":"too slow"}         the last event of a stream, with the reason: come again
//
// A WebSocket connection ends with a close frame that has the reason. A poll ends with
// each answer, so that one who does not read makes nobody wait.
//
// An id is the epoch of the journal and the message's number in it. Who comes back
// says the last id that was seen and gets what came after it: under a Room's
// lock a visitor is given what is missing and put among those who get the next
// message, so that nothing is missed and nothing comes twice. One who has seen more
// than this node has waits until the node has caught up.
//
// A nickname is what somebody says, not who it is: several visitors may use the same.
package rooms

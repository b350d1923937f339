// The answer as the session sends it: the parts of its body, framed as its head
// says.

package server

import (
	"cmp"
	"os"
	"strconv"

	"github.com/lurcher-net/lurcher/conn"
)

// write sends a part of the body.
func (s *session) write(p []byte) error {
	if !s.is(sent) {
		if err := s.startAnswer(-1, nil); err != nil {
			return err
		}
	}
	return s.writeBody(p)
}

func (s *session) writeBody(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if s.is(bodiless) {
		if s.is(headOnly) {
			s.drop(int64(len(p)))
			return nil // HEAD: only the answer to GET contains it
		}
		return ErrNoBody
	}
	if s.is(chunked) {
		var line [18]byte
		b := append(strconv.AppendInt(line[:0], int64(len(p)), 16), "\r\n"...)
		if s.x != nil {
			s.x.written += int64(len(p))
			s.x.out += len(b) + len(p) + len(crlf)
		}
		_, err := s.conn.Writev(b, p, crlf)
		return err
	}
	if x := s.x; x != nil {
		if x.declared >= 0 && x.written+int64(len(p)) > x.declared {
			x.tooLong = true
			return ErrLength
		}
		x.written += int64(len(p))
		x.out += len(p)
	}
	_, err := s.conn.Write(p)
	return err
}

// finish sends the last part and completes the exchange.
func (s *session) finish(body []byte) error {
	if s.x != nil || s.flags&(sent|headOnly) != 0 || len(body) > mostWhole || !s.usual() {
		return s.finishAny(body)
	}
	// Most answers are given to End whole, without an exchange to look into, and without
	// anything between them and the next request. So a dozen calls are saved, a tenth of
	// what pipelined requests cost outside the kernel.
	w := s.worker
	w.counts.status(200)
	h := w.usualHead(int64(len(body)))
	b := s.conn.AvailableBuffer(len(h) + len(body))
	_, err := s.conn.Write(append(append(b, h...), body...))
	s.endUsual()
	return err
}

// finishAny is finish for every answer.
func (s *session) finishAny(body []byte) error {
	var err error
	s.set(whole)
	if s.clear(bulky); len(body) >= bulk || s.wroteMuch() {
		s.set(bulky)
		if s.lasting != nil {
			s.lasting.undelivered = 0
		}
	}
	if s.trails() {
		if err = s.startAnswer(unknown, nil); err != nil {
			return err
		}
	}
	if !s.is(sent) {
		err = s.finishWhole(body)
	} else {
		err = s.writeBody(body)
		switch {
		case s.is(chunked) && !s.is(bodiless):
			s.endChunks()
		case s.misfits():
			// Abort the connection, so that the client does not take the answer for whole.
			s.happens(misfit, nil)
			return ErrLength
		}
	}
	if s.phase == receiving || s.phase == answering {
		s.happens(answered, nil)
	}
	return err
}

// wroteMuch reports whether what the program has written of the answer is large. Nobody
// has counted that of a streamed answer without an exchange, so it may be.
func (s *session) wroteMuch() bool {
	if s.x == nil {
		return s.is(chunked)
	}
	return s.x.written >= bulk
}

// misfits reports whether the program wrote less than Content-Length said, or tried
// to write more.
func (s *session) misfits() bool {
	x := s.x
	return x != nil && x.declared >= 0 && (x.tooLong || x.written < x.declared) && !s.is(bodiless)
}

// finishWhole sends an answer in one piece: none of it has been sent.
func (s *session) finishWhole(body []byte) error {
	if x := s.x; x != nil && x.declared >= 0 && x.declared != int64(len(body)) && !s.noBody() {
		s.refuse(500, "the answer did not have the length it was said to have", ErrLength)
		return ErrLength
	}
	err := s.startAnswer(int64(len(body)), body)
	if err == nil && s.is(bodiless) && len(body) > 0 && !s.is(headOnly) {
		return ErrNoBody
	}
	return err
}

func (s *session) sendFile(f *os.File, off, n int64) error {
	if send, err := s.beforeFile(off, n); !send {
		return cmp.Or(err, f.Close())
	}
	return s.afterFile(s.conn.SendFile(f, off, n))
}

func (s *session) sendShared(f *conn.File, off, n int64) error {
	if send, err := s.beforeFile(off, n); !send {
		return err
	}
	err := s.conn.SendShared(f, off, n)
	if err == os.ErrClosed {
		s.happens(givenUp, err) // what was written promises the file
		return err
	}
	return s.afterFile(err)
}

// beforeFile sends what comes before n bytes of a file. It reports whether they are to
// be sent.
func (s *session) beforeFile(off, n int64) (send bool, err error) {
	if off < 0 || n < 0 {
		return false, errRange
	}
	s.extra() // which counts what is written
	if !s.is(sent) {
		if err := s.startAnswer(n, nil); err != nil {
			return false, err
		}
	}
	switch x := s.x; {
	case s.is(headOnly):
		s.drop(n)
		s.headInHub()
		return false, nil
	case s.is(bodiless):
		return false, ErrNoBody
	case n == 0:
		return false, nil // an empty chunk would be the last one
	case s.is(chunked):
		s.conn.WriteString(strconv.FormatInt(n, 16) + "\r\n")
	case x.declared >= 0 && x.written+n > x.declared:
		x.tooLong = true
		return false, ErrLength
	}
	s.x.written += n
	return true, nil
}

// afterFile sends what comes after a file.
func (s *session) afterFile(err error) error {
	if s.is(chunked) {
		s.conn.Write(crlf)
	}
	return err
}

// mostDropped bytes of a body may be left out in one turn before Full is true.
const mostDropped = 1 << 20

// drop counts bytes that the answer to HEAD leaves out. Without a bound, a program
// that writes a long answer to HEAD until Full would block its loop.
func (s *session) drop(n int64) {
	x, w := s.extra(), s.worker
	if x.dropTurn != w.turns {
		x.dropped, x.dropTurn = 0, w.turns
	}
	x.dropped += n
}

// droppedMuch reports whether enough was left out in this turn.
func (s *session) droppedMuch() bool {
	x := s.x
	return x != nil && x.dropped >= mostDropped && x.dropTurn == s.worker.turns
}

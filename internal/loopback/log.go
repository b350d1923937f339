// What was logged.

package loopback

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A Log is a slog.Handler that keeps what it gets, a line for each record: the
// message and its attributes.
type Log struct {
	// Aside, if it is set, says which messages are kept apart: a test expects them.
	Aside func(message string) bool

	mu    sync.Mutex
	text  strings.Builder
	apart []slog.Record
}

func (l *Log) Enabled(context.Context, slog.Level) bool { return true }
func (l *Log) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *Log) WithGroup(string) slog.Handler            { return l }
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Aside != nil && l.Aside(r.Message) {
		l.apart = append(l.apart, r)
		return nil
	}
	l.text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&l.text, " %v", a); return true })
	l.text.WriteByte('\n')
	return nil
}

// Take returns what was logged, and forgets it.
func (l *Log) Take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.text.Reset()
	return l.text.String()
}

// Want waits until all words have been logged, and takes what was logged up to then. A
// program may see that something has happened before it is logged.
func (l *Log) Want(t testing.TB, words ...string) string {
	t.Helper()
	text := ""
	Until(t, fmt.Sprintf("to be logged: %q", words), func() bool {
		text += l.Take()
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
	return text
}

// Apart returns the records that were kept apart.
func (l *Log) Apart() []slog.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.apart
}

// WantEmpty fails the test if anything was logged that no test has taken.
func (l *Log) WantEmpty(t testing.TB) {
	t.Helper()
	if text := l.Take(); text != "" {
		t.Errorf("logged: %s", text)
	}
}

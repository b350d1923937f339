// Package faulty has what goes wrong on purpose, for tests.
package faulty

// A Sink is a conn.Sink of which one method calls Bad.
type Sink struct {
	In  string // the method's name
	Bad func()
}

func (s Sink) try(method string) {
	if s.In == method {
		s.Bad()
	}
}

func (s Sink) Write(p []byte) (int, error) { s.try("Write"); return len(p), nil }
func (s Sink) Full() bool                  { s.try("Full"); return s.In == "OnDrain" }
func (s Sink) OnDrain(func())              { s.try("OnDrain") }
func (s Sink) Close() error                { s.try("Close"); return nil }
func (s Sink) Abort() error                { s.try("Abort"); return nil }

// Events: what visitors are told, as JSON.

package rooms

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lurcher-net/lurcher/examples/cast/journal"
)

// A said is what the journal holds of a message.
type said struct {
	From string `json:"from"`
	Text string `json:"text"`
	Key  string `json:"key,omitempty"`
}

// An event is a message as visitors get it.
type event struct {
	ID   string `json:"id"`
	At   int64  `json:"at"` // ms of Unix time
	From string `json:"from"`
	Text string `json:"text"`
	Key  string `json:"key,omitempty"` // the sender's: by it the sender knows that the message was stored
}

type crowd struct {
	Count int      `json:"count"`
	Names []string `json:"names"`
}

// An ID is a message's name: where a visitor goes on.
type ID struct {
	Epoch string
	Seq   uint64
}

func (id ID) String() string { return id.Epoch + "-" + strconv.FormatUint(id.Seq, 10) }

// ParseID reads an id; the zero ID, which is before all messages, if s is not one.
func ParseID(s string) ID {
	epoch, number, ok := strings.Cut(s, "-")
	seq, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return ID{}
	}
	return ID{epoch, seq}
}

// encode makes a visitor's event of a message, and returns the message's key; nil if it
// is none of ours.
func encode(epoch string, m journal.Message) (e []byte, key string) {
	var s said
	if json.Unmarshal(m.Data, &s) != nil {
		return nil, ""
	}
	return marshal(event{ID{epoch, m.Seq}.String(), m.Time.UnixMilli(), s.From, s.Text, s.Key}), s.Key
}

// marshal is json.Marshal of what cannot fail. It escapes <, > and &, so that a
// page that puts an event into HTML by mistake is not harmed by it.
func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// array puts events into one array.
func array(events ...[]byte) []byte {
	n := 1
	for _, e := range events {
		n += len(e) + 1
	}
	b := append(make([]byte, 0, n), '[')
	for i, e := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	return append(b, ']')
}

func word(name string, value any) []byte { return array(marshal(map[string]any{name: value})) }

// clean returns a text without what does not belong there: broken UTF-8, control
// characters, and spaces around it.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r != '\n' && unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, s))
}

// cleanName returns a name of one line, without the characters that would turn the text
// around it (Unicode's Bidi_Control). It is empty if there would be nothing to see.
func cleanName(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= ' ' && r < 0x7F: // nearly all that come
			return r
		case unicode.IsControl(r), r == utf8.RuneError, unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, s))
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) }) {
		return ""
	}
	return s
}

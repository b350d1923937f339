// Modes: what the file and the flags may say.

package main

import (
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
)

func TestModes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("r", 60)
	for _, c := range []struct {
		what  string
		file  string
		flags []string
		want  map[string]rooms.Mode
		err   string // a part of it
	}{
		{"nothing", "", nil, map[string]rooms.Mode{}, ""},
		{"flags", "", []string{"meet=random", "a b=room", "news=broadcast:of:the=speaker"},
			map[string]rooms.Mode{"meet": {Kind: rooms.Random}, "a b": {Kind: rooms.Open}, "news": {Kind: rooms.Broadcast, Key: "of:the=speaker"}}, ""},
		{"a file", `{"a=b": {"mode": "queue", "key": "k"}}`, nil, map[string]rooms.Mode{"a=b": {Kind: rooms.Queue, Key: "k"}}, ""},
		{"both: the flag counts", `{"a": {"mode": "queue", "key": "k"}, "b": {"mode": "random"}}`, []string{"a=room"},
			map[string]rooms.Mode{"a": {Kind: rooms.Open}, "b": {Kind: rooms.Random}}, ""},
		{"no mode", "", []string{"meet"}, nil, "NAME=MODE"},
		{"an unknown mode", "", []string{"meet=Random"}, nil, `"Random"`},
		{"a queue without a key", "", []string{"help=queue"}, nil, "needs a key"},
		{"a queue with an empty key", "", []string{"help=queue:"}, nil, "needs a key"},
		{"twice", "", []string{"a=room", "a=random"}, nil, "already"},
		{"no name", "", []string{"=random"}, nil, "no name"},
		{"a lobby's name that leaves no space for its rooms'", "", []string{long + "=random"}, nil, "no name"},
		{"the same in a file", `{"` + long + `": {"mode": "random"}}`, nil, nil, "no name"},
		{"an unknown mode in a file", `{"a": {"mode": "x"}}`, nil, nil, `room "a"`},
		{"a file that is no JSON", `{`, nil, nil, "rooms.json"},
	} {
		s := settings{rooms: make(modeFlag), house: rooms.House{MaxName: 64}}
		if c.file != "" {
			s.config = filepath.Join(t.TempDir(), "rooms.json")
			if err := os.WriteFile(s.config, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		set := flag.NewFlagSet("cast", flag.ContinueOnError)
		set.SetOutput(io.Discard)
		set.Var(s.rooms, "room", "")
		var args []string
		for _, f := range c.flags {
			args = append(args, "-room", f)
		}
		err := set.Parse(args)
		if err == nil {
			err = s.modes()
		}
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, not %q", c.what, err, c.err)
			}
		case err != nil || !maps.Equal(s.house.Modes, c.want):
			t.Errorf("%s: %v, %v", c.what, s.house.Modes, err)
		}
	}
}

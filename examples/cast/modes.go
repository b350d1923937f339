// Modes: of what kind rooms are, as the file and the flags say.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lurcher-net/lurcher/examples/cast/rooms"
)

// A modeFlag is -room, which may be given for each of several rooms.
type modeFlag map[string]rooms.Mode

func (f modeFlag) String() string { return "" }

// Set takes NAME=MODE or NAME=MODE:KEY. A name that has a = has to stand in the file.
func (f modeFlag) Set(s string) error {
	room, what, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("it is NAME=MODE, or NAME=MODE:KEY")
	}
	if _, twice := f[room]; twice {
		return fmt.Errorf("room %q has a mode already", room)
	}
	kind, key, _ := strings.Cut(what, ":")
	f[room] = rooms.Mode{Kind: rooms.Kind(kind), Key: key}
	return f[room].Check()
}

// modes gives the house what the file says, and for a room that both name, what the flags
// say.
func (s *settings) modes() error {
	all := make(map[string]rooms.Mode)
	if s.config != "" {
		b, err := os.ReadFile(s.config)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &all); err != nil {
			return fmt.Errorf("%s: %w", s.config, err)
		}
		for room, m := range all {
			if err := m.Check(); err != nil {
				return fmt.Errorf("%s: room %q: %w", s.config, room, err)
			}
			if err := s.house.CheckName(room, m); err != nil {
				return fmt.Errorf("%s: %w", s.config, err)
			}
		}
	}
	for room, m := range s.rooms {
		if err := s.house.CheckName(room, m); err != nil {
			return fmt.Errorf("-room: %w", err)
		}
		all[room] = m
	}
	s.house.Modes = all
	return nil
}

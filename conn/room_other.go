//go:build !linux

// Room for descriptors: only Linux needs it made.

package conn

func opened(int)      {}
func openedFirst(int) {}

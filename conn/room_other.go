//go:build !linux

package conn

func opened(int)      {}
func openedFirst(int) {}

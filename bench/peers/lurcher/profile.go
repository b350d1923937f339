// The profile of CPU that bench/pgo asks for.

package main

import (
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"

	"github.com/lurcher-net/lurcher/bench/peers/peer"
)

// A program that bench/pgo starts writes a profile of its CPU to the file that LURCHER_PROFILE names, once
// it is told to end.
func init() {
	name := os.Getenv("LURCHER_PROFILE")
	if name == "" {
		return
	}
	f, err := os.Create(name)
	peer.Fail(err)
	runtime.SetCPUProfileRate(1000) // most of the time is the kernel's: a hundred a second would find little else
	peer.Fail(pprof.StartCPUProfile(f))
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		pprof.StopCPUProfile()
		peer.Fail(f.Close())
		os.Exit(0)
	}()
}

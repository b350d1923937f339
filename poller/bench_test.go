// go test -bench IdleWait ./poller       what a wait costs over descriptors that are idle
// go test -bench . ./poller              and the rest

//go:build unix

package poller

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkIdleWait reports the cost of a Wait that finds nothing, over n idle descriptors: the
// table in the package's documentation.
func BenchmarkIdleWait(b *testing.B) {
	for _, s := range native() {
		for _, n := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/n=%d", s.name, n), func(b *testing.B) {
				g := newRig(b, s)
				watchIdle(b, g, n)
				var buf [128]Event
				for b.Loop() {
					g.p.Wait(buf[:], 0)
				}
			})
		}
	}
}

// BenchmarkOneOf reports the cost of a Wait that finds one ready descriptor among n.
func BenchmarkOneOf(b *testing.B) {
	for _, s := range native() {
		for _, n := range []int{10, 1000, 10_000} {
			b.Run(fmt.Sprintf("%s/n=%d", s.name, n), func(b *testing.B) {
				g := newRig(b, s)
				watchIdle(b, g, n)
				a, c := g.unix()
				g.must(g.p.Add(a, Token(n), Read))
				g.write(c, "x")
				var buf [128]Event
				for b.Loop() {
					if n, _ := g.p.Wait(buf[:], 0); n != 1 {
						b.Fatal(n)
					}
				}
			})
		}
	}
}

// watchIdle registers n descriptors that never become ready: sockets of their own, since the kernel
// would find duplicates of one in its cache.
func watchIdle(b *testing.B, g *rig, n int) {
	if n+20 > g.limit {
		b.Skipf("%s takes descriptors below %d only", g.name, g.limit)
	}
	needFiles(b, uint64(n+100))
	for i := range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
		g.must(g.p.Add(g.own(fd, err), Token(i), Read))
	}
}

func BenchmarkModBackAndForth(b *testing.B) {
	for _, s := range native() {
		b.Run(s.name, func(b *testing.B) {
			g := newRig(b, s)
			a, _ := g.unix()
			g.must(g.p.Add(a, 1, Read))
			for b.Loop() {
				g.must(g.p.Mod(a, 1, Read|Write))
				g.must(g.p.Mod(a, 1, Read))
			}
		})
	}
}

func BenchmarkWake(b *testing.B) {
	for _, s := range native() {
		b.Run(s.name, func(b *testing.B) {
			g := newRig(b, s)
			var buf [1]Event
			for b.Loop() {
				g.must(g.p.Wake())
				g.p.Wait(buf[:], -1)
			}
		})
		b.Run(s.name+"/coalesced", func(b *testing.B) {
			g := newRig(b, s)
			for b.Loop() {
				g.p.Wake()
			}
		})
	}
}

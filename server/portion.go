package server

import "time"

// What one peer or one caller brings at once, requests in a batch say, or
// messages for the members of a Hub, is done in portions: the loop's other
// connections have their turn between two of them.
const (
	portionTime  = 2 * time.Millisecond
	portionHeads = 64   // requests of one connection
	portionMost  = 256  // members of a Hub
	portionBody  = 4096 // pieces of a body

	portionLook = 8 // so often the clock is read: it costs as much as a small callback
)

// A portion is what is done of it in one callback.
type portion struct {
	done  int
	began time.Time
}

// over reports whether the portion has been done, and counts one more piece of
// work, of which there may be most. The first few cost no look at the clock.
func (p *portion) over(most int) bool {
	if p.done++; p.done%portionLook == portionLook/2 {
		if p.began.IsZero() {
			p.began = time.Now()
		} else if time.Since(p.began) > portionTime {
			return true
		}
	}
	return p.done > most
}

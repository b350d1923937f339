package server

import "time"

// What one peer or one caller brings at once, requests in a batch say, or
// messages for the members of a Hub, is done in portions: the loop's other
// connections have their turn between two of them.
const (
	portionTime = 2 * time.Millisecond
	portionMost = 256 // members of a Hub
	portionLook = 8   // so often the clock is read: it costs as much as a small callback
)

// A portion is what is done of it in one callback.
type portion struct {
	done  int
	began time.Time
}

// over reports whether the portion has been done, and counts one more piece of
// work. The zero portion begins with the first call.
func (p *portion) over(most int) bool {
	p.done++
	if p.done%portionLook == 1 {
		switch {
		case p.began.IsZero():
			p.began = time.Now()
		case time.Since(p.began) > portionTime:
			return true
		}
	}
	return p.done > most
}

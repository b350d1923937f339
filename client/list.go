// list: doubly linked lists whose links are in what they hold, so that they allocate nothing.

package client

// A list holds values that have a link for it, each at most once.
type list[T any] struct {
	first, last *link[T]
	n           int
}

// A link is a place in a list. of is what holds the link, and is set once.
type link[T any] struct {
	prev, next *link[T]
	of         *T
}

func (l *list[T]) pushFront(e *link[T]) { l.insert(e, nil, l.first) }
func (l *list[T]) pushBack(e *link[T])  { l.insert(e, l.last, nil) }

// insert puts e between two neighbours; nil is the list's end.
func (l *list[T]) insert(e, prev, next *link[T]) {
	e.prev, e.next = prev, next
	if prev != nil {
		prev.next = e
	} else {
		l.first = e
	}
	if next != nil {
		next.prev = e
	} else {
		l.last = e
	}
	l.n++
}

func (l *list[T]) remove(e *link[T]) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.prev, e.next = nil, nil
	l.n--
}

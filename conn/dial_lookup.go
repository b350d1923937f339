// Look-ups: the addresses of a name, found on goroutines, for all loops of the process. Equal
// questions share one look-up, and its answer is remembered for some seconds.

package conn

import (
	"container/list"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/lurcher-net/lurcher/internal/stack"
)

const (
	maxLookups    = 64               // look-ups that run at a time
	lookupTimeout = 30 * time.Second // the time of one look-up
	maxAddrs      = 64               // addresses of a name that are tried

	maxAnswers   = 1024            // answers that are remembered
	answerLife   = 5 * time.Second // how long addresses are remembered
	notFoundLife = time.Second     // how long it is remembered that a name does not exist; other errors are not
)

// names makes the look-ups of the process.
var names = lookups{
	asked:  make(map[question]*lookup),
	recent: make(map[question]*list.Element),
}

// A question is what is looked up: the addresses of a host, and the port if that is a name.
type question struct {
	resolver               Resolver
	network, host, service string
}

// An answer is shared by all dials that have asked; it is never changed.
type answer struct {
	ips  []netip.Addr
	port uint16
	err  error

	question question
	until    time.Time // how long it is remembered
}

// A lookup is a look-up that has no answer yet.
type lookup struct {
	question
	waiting []*dial
	ctx     context.Context
	cancel  context.CancelFunc
	queued  *list.Element // in lookups.queue; nil: it runs
}

type lookups struct {
	mu      sync.Mutex
	asked   map[question]*lookup
	queue   list.List // of *lookup, in the order in which they came
	running int
	recent  map[question]*list.Element
	answers list.List // of *answer, the oldest first
}

// ask looks up d's question. d.resolved will be posted with the answer.
func (n *lookups) ask(d *dial) {
	q := d.question()
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.recent[q]; e != nil {
		if a := e.Value.(*answer); time.Now().Before(a.until) {
			d.conn.Post(func() { d.resolved(a) })
			return
		}
	}
	l := n.asked[q]
	if l == nil {
		l = &lookup{question: q}
		l.ctx, l.cancel = context.WithCancel(context.Background())
		n.asked[q] = l
		if n.running < maxLookups {
			n.running++
			go n.run(l)
		} else {
			l.queued = n.queue.PushBack(l)
		}
	}
	d.lookup, d.place = l, int32(len(l.waiting))
	l.waiting = append(l.waiting, d)
}

// forget undoes ask. It cancels the look-up if no other dial waits for it.
func (n *lookups) forget(d *dial) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := d.lookup
	if l == nil {
		return // the answer was posted already
	}
	last := len(l.waiting) - 1
	l.waiting[d.place] = l.waiting[last]
	l.waiting[d.place].place = d.place
	l.waiting[last] = nil
	l.waiting = l.waiting[:last]
	d.lookup = nil
	if last > 0 {
		return
	}
	delete(n.asked, l.question)
	l.cancel()
	if l.queued != nil {
		n.queue.Remove(l.queued)
	}
}

// run makes a look-up and then starts the next one, even if the resolver, which is the program's, ends the
// goroutine.
func (n *lookups) run(l *lookup) {
	a := &answer{question: l.question, err: errors.New("conn: the Resolver has ended its goroutine")}
	defer func() {
		if v := recover(); v != nil {
			a.err = panicked{"the Resolver", v, stack.Panicked()}
		}
		n.done(l, a)
	}()
	ctx, cancel := context.WithTimeout(l.ctx, lookupTimeout)
	defer cancel()
	a.ips, a.port, a.err = l.find(ctx)
}

// find asks the resolver.
func (l *lookup) find(ctx context.Context) (ips []netip.Addr, port uint16, err error) {
	if l.service != "" {
		p, err := net.DefaultResolver.LookupPort(ctx, "tcp"+l.network[len("ip"):], l.service)
		if err != nil {
			return nil, 0, err
		}
		port = uint16(p)
	}
	if l.host == "" {
		return thisMachine, port, nil
	}
	if ip, err := netip.ParseAddr(l.host); err == nil {
		return []netip.Addr{ip.Unmap()}, port, nil
	}
	ips, err = l.resolver.LookupNetIP(ctx, l.network, l.host)
	return interleave(ips), port, err
}

// interleave sorts so that families alternate, beginning with that of the first address, and keeps the order
// within each: RFC 8305 section 4, with a First Address Family Count of 1. The resolver has sorted by RFC
// 6724.
func interleave(ips []netip.Addr) []netip.Addr {
	var families [2][]netip.Addr
	for _, ip := range ips {
		i := 0
		if ip = ip.Unmap(); ip.Is4() != ips[0].Unmap().Is4() {
			i = 1
		}
		families[i] = append(families[i], ip)
	}
	var sorted []netip.Addr
	for i := 0; len(sorted) < min(len(ips), maxAddrs); i = 1 - i {
		if f := families[i]; len(f) > 0 {
			sorted, families[i] = append(sorted, f[0]), f[1:]
		}
	}
	return sorted
}

// done posts the answer to the dials that wait for it, and starts the next look-up.
func (n *lookups) done(l *lookup, a *answer) {
	l.cancel()
	waiting := n.finish(l, a)
	if p, ok := a.err.(panicked); ok && len(waiting) > 0 {
		waiting[0].conn.loop.logPanic(p.value, p.stack)
	}
	for _, d := range waiting {
		d.conn.Post(func() { d.resolved(a) })
	}
}

// finish is the part of done that needs the mutex. It returns the dials that wait for the answer.
func (n *lookups) finish(l *lookup, a *answer) []*dial {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked[l.question] == l { // else nobody waits for it any more
		delete(n.asked, l.question)
		n.remember(a)
	}
	waiting := l.waiting
	l.waiting = nil
	for _, d := range waiting {
		d.lookup = nil
	}
	if first := n.queue.Front(); first != nil {
		next := n.queue.Remove(first).(*lookup)
		next.queued = nil
		go n.run(next)
	} else {
		n.running--
	}
	return waiting
}

// remember keeps an answer for dials that ask soon, within the bound.
func (n *lookups) remember(a *answer) {
	now := time.Now()
	var dns *net.DNSError
	switch {
	case a.err == nil && len(a.ips) > 0:
		a.until = now.Add(answerLife)
	case errors.As(a.err, &dns) && dns.IsNotFound:
		a.until = now.Add(notFoundLife)
	default:
		return
	}
	if old := n.recent[a.question]; old != nil {
		n.answers.Remove(old)
	}
	n.recent[a.question] = n.answers.PushBack(a)
	for e := n.answers.Front(); e != nil; e = n.answers.Front() {
		old := e.Value.(*answer)
		if n.answers.Len() <= maxAnswers && now.Before(old.until) {
			break
		}
		n.answers.Remove(e)
		delete(n.recent, old.question)
	}
}

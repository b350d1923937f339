package conn

import (
	"container/list"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// What is remembered is bounded in number and in time.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	n := lookups{recent: make(map[question]*list.Element)}
	ips := []netip.Addr{netip.IPv6Loopback()}
	for i := range 3 * maxAnswers {
		n.remember(&answer{question: question{host: fmt.Sprint(i)}, ips: ips})
		if n.answers.Len() != len(n.recent) || n.answers.Len() > maxAnswers {
			t.Fatalf("%d answers, %d in the map", n.answers.Len(), len(n.recent))
		}
	}
	n.remember(&answer{question: question{host: "again"}, ips: ips})
	n.remember(&answer{question: question{host: "again"}, ips: ips})
	if n.answers.Len() != maxAnswers || len(n.recent) != maxAnswers {
		t.Errorf("%d answers, %d in the map", n.answers.Len(), len(n.recent))
	}
	for e := n.answers.Front(); e != nil; e = e.Next() {
		e.Value.(*answer).until = time.Now()
	}
	n.remember(&answer{question: question{host: "later"}, err: &net.DNSError{IsNotFound: true}})
	if n.answers.Len() != 1 || len(n.recent) != 1 {
		t.Errorf("%d answers are left, %d in the map", n.answers.Len(), len(n.recent))
	}
	n.remember(&answer{question: question{host: "fails"}, err: &net.DNSError{IsTimeout: true}})
	if len(n.recent) != 1 {
		t.Error("a failure that may be over at once is remembered")
	}
}

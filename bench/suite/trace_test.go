package suite

import "testing"

func TestStraceTable(t *testing.T) {
	c, err := parseStrace(`% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 51.20    0.400000          20     20000           sendto
 48.10    0.380000          18     20010        10 recvfrom
  0.70    0.005000           5      1000           epoll_pwait
------ ----------- ----------- --------- --------- ----------------
100.00    0.785000          19     41010       100 total
`)
	if err != nil {
		t.Fatal(err)
	}
	if c["sendto"] != 20000 || c["recvfrom"] != 20010 || c["epoll_pwait"] != 1000 || len(c) != 3 || c.total() != 41010 {
		t.Errorf("%v", c)
	}
	if got := c.most(2, 1./20000); got != "recvfrom 1.00, sendto 1.00" {
		t.Errorf("%q", got)
	}
	if _, err := parseStrace("strace: attach: ptrace: Operation not permitted"); err == nil {
		t.Error("no error for a table that is missing")
	}
}

// The protocol by which the suite makes the programs of parsers measure.

package heads

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/lurcher-net/lurcher/internal/heads"
	"golang.org/x/sys/unix"
)

// A Draw says which head comes next, see internal/heads.
type Draw = heads.Draw

// A Parser parses as many heads of a set as it has, each one the next that is drawn; an error ends the
// measurement.
type Parser struct {
	Name string
	Pass func(heads [][]byte, draw *Draw) error
}

// Serve is the protocol between bench and the programs that parse, whatever language they are in. The
// program is started with the files of sets as arguments and prints one line with the names of its
// parsers. Then for each line of input, "parser set passes seed" with the numbers of both, it prints the
// nanoseconds that the passes took, or "error" and the reason. The heads are drawn from the seed on: those
// who are given the same one get the same heads in the same order, however many each of them takes.
//
// What counts is the process's CPU time, so that who else uses the machine does not, once it has parsed for
// 10 ms that do not count. In that time a processor gets up to speed, and Go's runtime to rest: after a pause
// its monitor thread wakes up every 20 µs, fifty times, which makes a parser in Go a quarter slower meanwhile.
func Serve(parsers []Parser, files []string, in io.Reader, out io.Writer) error {
	var sets [][][]byte
	for _, f := range files {
		s, err := Read(f)
		if err != nil {
			return err
		}
		sets = append(sets, s)
	}
	for i, p := range parsers {
		if i > 0 {
			fmt.Fprint(out, "\t")
		}
		fmt.Fprint(out, p.Name)
	}
	fmt.Fprintln(out)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var p, s, passes int
		var seed uint32
		if _, err := fmt.Sscan(lines.Text(), &p, &s, &passes, &seed); err != nil || p < 0 || p >= len(parsers) || s < 0 || s >= len(sets) {
			fmt.Fprintf(out, "error no such line: %q\n", lines.Text())
			continue
		}
		ns, err := timed(parsers[p].Pass, sets[s], passes, Draw(seed))
		if err != nil {
			fmt.Fprintf(out, "error %v\n", err)
			continue
		}
		fmt.Fprintln(out, ns)
	}
	return nil
}

func timed(pass func([][]byte, *Draw) error, heads [][]byte, passes int, draw Draw) (int64, error) {
	seed := draw
	for start := cpuTime(); cpuTime()-start < warmUp; {
		if err := pass(heads, &draw); err != nil {
			return 0, err
		}
	}
	draw = seed
	start := cpuTime()
	for range passes {
		if err := pass(heads, &draw); err != nil {
			return 0, err
		}
	}
	return (cpuTime() - start).Nanoseconds(), nil
}

const warmUp = 10 * time.Millisecond

// cpuTime is what all threads of this process have used.
func cpuTime() time.Duration {
	var t unix.Timespec
	unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

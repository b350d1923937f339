package heads

import (
	"bufio"
	"fmt"
	"io"
	"time"
)

// A Parser parses all heads of a set once; an error ends the measurement.
type Parser struct {
	Name string
	Pass func(heads [][]byte) error
}

// Serve is the protocol between bench and the programs that parse, whatever language they are in. The
// program is started with the files of sets as arguments and prints one line with the names of its
// parsers. Then each line of input, "parser set passes" with the numbers of both, is answered with the
// nanoseconds that the passes took, or with "error" and the reason.
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
		if _, err := fmt.Sscan(lines.Text(), &p, &s, &passes); err != nil || p < 0 || p >= len(parsers) || s < 0 || s >= len(sets) {
			fmt.Fprintf(out, "error no such line: %q\n", lines.Text())
			continue
		}
		ns, err := timed(parsers[p].Pass, sets[s], passes)
		if err != nil {
			fmt.Fprintf(out, "error %v\n", err)
			continue
		}
		fmt.Fprintln(out, ns)
	}
	return nil
}

func timed(pass func([][]byte) error, heads [][]byte, passes int) (int64, error) {
	start := time.Now()
	for range passes {
		if err := pass(heads); err != nil {
			return 0, err
		}
	}
	return time.Since(start).Nanoseconds(), nil
}

// The properties again, without the engine: seeded, so that a failure is reproduced by its seed.
//
//	go test -run Soak ./fuzz -soak.n 1000000 -soak.seed 7

package fuzz

import (
	"flag"
	"testing"
)

var (
	soakN    = flag.Int("soak.n", 300, "how many messages each soak test makes")
	soakSeed = flag.Int64("soak.seed", 1, "the first seed; each message has the next one")
)

func soak(t *testing.T, check func(testing.TB, *Gen)) {
	t.Parallel()
	for i := range *soakN {
		seed := *soakSeed + int64(i)
		check(seeded{t, seed}, New(seed))
	}
}

// seeded names the seed in what it reports.
type seeded struct {
	testing.TB
	seed int64
}

func (s seeded) Fatalf(format string, args ...any) {
	s.Helper()
	s.TB.Fatalf("-soak.n 1 -soak.seed %d: "+format, append([]any{s.seed}, args...)...)
}

func TestSoakRequests(t *testing.T)  { soak(t, checkGeneratedRequest) }
func TestSoakResponses(t *testing.T) { soak(t, checkGeneratedResponse) }
func TestSoakPipelines(t *testing.T) { soak(t, checkGeneratedPipeline) }

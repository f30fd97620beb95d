package engine

import (
	"os"
	"strconv"
	"testing"
)

// seedVariable names another seed than the usual one for tests that kill at random and want nobody blamed. Their seed is fixed: a few seeds of a million kill a
// process over one record as often as it takes to blame it.
const (
	seedVariable = "PENSTOCK_TEST_SEED"
	seedUsual    = 20080418
)

func seedOfKills(t *testing.T) uint64 {
	t.Helper()
	seed := uint64(seedUsual)
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	t.Logf("seed %d (set %s to run with another)", seed, seedVariable)
	return seed
}

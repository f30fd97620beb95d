package realkafka

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// StartMax bounds the start of a broker or registry in a test, with the first download of its jars. It is for a start that has failed: on two processors that
// others kept busy, formatting the storage alone took more than five minutes.
const StartMax = 20 * time.Minute

// mode is the value of PENSTOCK_REAL: empty or "0" runs no real suite, "must" fails a test that lacks something, anything
// else skips it.
func mode() (wanted, must bool) {
	value := os.Getenv("PENSTOCK_REAL")
	return value != "" && value != "0", value == "must"
}

// Require skips the test unless PENSTOCK_REAL asks for the real suites. Call it before any work. It fails a test without Real in its name: `make real` would not
// run it.
func Require(t testing.TB) {
	t.Helper()
	if whole, _, _ := strings.Cut(t.Name(), "/"); !strings.Contains(whole, "Real") {
		t.Fatalf("%s asks for what is real, and `make real` runs only tests with Real in their names", whole)
	}
	if wanted, _ := mode(); !wanted {
		t.Skip("SKIPPED real-kafka: PENSTOCK_REAL is not set (`make real` runs these)")
	}
}

// ForTest starts a broker for one test and stops it at the end. It skips the test where the real suites are not asked for, or
// where Java, Maven or what Maven fetches is missing (with PENSTOCK_REAL=must it fails it). The log is kept and named if the test fails.
func ForTest(t testing.TB, options Options) *Broker {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), StartMax)
	defer cancel()
	broker, err := Start(ctx, options)
	orSkip(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the broker's data and log are kept in %s", broker.dir)
			broker.options.Dir = broker.dir
		}
		if err := broker.Stop(); err != nil {
			t.Error(err)
		}
	})
	return broker
}

// RegistryForTest starts a schema registry for one test and stops it at the end, under the same conditions as ForTest.
func RegistryForTest(t testing.TB) *Registry {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), StartMax)
	defer cancel()
	registry, err := StartRegistry(ctx)
	orSkip(t, err)
	t.Cleanup(func() {
		if err := registry.Stop(); err != nil {
			t.Error(err)
		}
	})
	return registry
}

// JarsForTest is Jars for one test, under the same conditions as ForTest.
func JarsForTest(t testing.TB, name string, pom []byte) (java, classPath string) {
	t.Helper()
	Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), StartMax)
	defer cancel()
	java, classPath, err := Jars(ctx, name, pom)
	orSkip(t, err)
	return java, classPath
}

// orSkip ends the test on an error: as skipped when the machine lacks something, else as failed.
func orSkip(t testing.TB, err error) {
	t.Helper()
	_, must := mode()
	switch {
	case err == nil:
	case errors.Is(err, ErrUnavailable) && !must:
		t.Skipf("SKIPPED real-kafka: %v", err)
	default:
		t.Fatal(err)
	}
}

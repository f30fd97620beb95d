package bench

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/streams/feed"
)

func TestEveryInstructionIsTimedOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stack")
	t.Cleanup(func() {
		if err := embedded.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	checkLatency(t, LatencyConfig{Dir: dir, Shards: 2})
}

func TestRealKafkaIsTimedToo(t *testing.T) {
	realkafka.Require(t)
	checkLatency(t, LatencyConfig{Dir: t.TempDir(), Shards: 2, Cluster: realCluster(t)})
}

func checkLatency(t *testing.T, config LatencyConfig) {
	t.Helper()
	config.Rate, config.Time, config.Warmup = 200, 500*time.Millisecond, 100*time.Millisecond
	report, err := Latency(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if report.Instructions != 100 {
		t.Errorf("%d instructions were measured, want 100", report.Instructions)
	}
	for name, times := range map[string]Quantiles{
		"readable": report.Readable, "routed": report.Routed, "acknowledged": report.Acknowledged, "whole": report.Whole,
	} {
		if times.P50 > times.P90 || times.P90 > times.P99 || times.P99 > times.Max || times.Max <= 0 {
			t.Errorf("%s: %+v", name, times)
		}
	}
	if report.Whole.Max < report.Readable.P50 {
		t.Errorf("the whole took less than its part: %+v", report)
	}
	var text strings.Builder
	if err := report.Print(&text); err != nil || !strings.Contains(text.String(), "100 instructions at 200 per second") {
		t.Errorf("printed %q, %v", text.String(), err)
	}
}

func TestAQuantileIsATimeThatWasSeen(t *testing.T) {
	var nanos []int64
	for n := range 200 {
		nanos = append(nanos, int64(200-n)*int64(time.Millisecond))
	}
	if got, want := quantilesOf(nanos), (Quantiles{P50: 100, P90: 180, P99: 198, Max: 200}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got, want := quantilesOf([]int64{3e6}), (Quantiles{P50: 3, P90: 3, P99: 3, Max: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAPaceThatMakesNoSenseIsRefused(t *testing.T) {
	good := LatencyConfig{Dir: t.TempDir(), Shards: 1, Rate: 1, Time: time.Second}
	for name, change := range map[string]func(*LatencyConfig){
		"no folder": func(c *LatencyConfig) { c.Dir = "" }, "no shard": func(c *LatencyConfig) { c.Shards = 0 },
		"no rate": func(c *LatencyConfig) { c.Rate = 0 }, "no time": func(c *LatencyConfig) { c.Time = 0 },
		"before it began": func(c *LatencyConfig) { c.Warmup = -1 }, "too many": func(c *LatencyConfig) { c.Rate = 1e9 },
	} {
		config := good
		change(&config)
		if _, err := Latency(t.Context(), config); err == nil {
			t.Errorf("%s was measured", name)
		}
	}
}

// realCluster is a real Kafka and a registry.
func realCluster(t testing.TB) feed.Connection {
	t.Helper()
	broker, registry := realkafka.ForTest(t, realkafka.Options{HeapMB: 1024}), realkafka.RegistryForTest(t)
	return feed.Connection{Brokers: []string{broker.Addr()}, Registry: feed.RegistryAddress{URL: registry.URL()}}
}

// BenchmarkRealLatency is `penstock bench latency` on a real Kafka and without a ledger: 1,000 instructions per second for 20 s.
func BenchmarkRealLatency(b *testing.B) {
	realkafka.Require(b)
	cluster := realCluster(b)
	for b.Loop() {
		report, err := Latency(b.Context(), LatencyConfig{
			Dir: filepath.Join(b.TempDir(), "stack"), Shards: 8, Cluster: cluster, Rate: 1000, Time: 20 * time.Second, Warmup: 5 * time.Second,
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := report.Print(b.Output()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(report.Readable.P50, "p50-ms")
		b.ReportMetric(report.Readable.P99, "p99-ms")
	}
}

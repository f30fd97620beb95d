package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// counter is the smallest process: a state of 120 bytes, one output of 100 bytes for each record.
type counter struct{}

const counterBytes = 120

func (counter) Restore(_, _ []byte) error                            { return nil }
func (counter) Dropped(*streams.Scope, *streams.Route, []byte) error { return nil }
func (counter) Tally() []byte                                        { return nil }
func (counter) Tags([]byte) ([]string, error)                        { return nil, nil }
func (counter) Close(*streams.Scope, *streams.Route) ([]byte, error) { return nil, nil }

func (counter) Route(r *streams.Record) (streams.Route, error) {
	return streams.Route{Key: r.Key, Message: r}, nil
}

func (counter) Decide(scope *streams.Scope, route *streams.Route, key string, state []byte) (streams.Change, error) {
	next := make([]byte, counterBytes)
	copy(next, state)
	binary.BigEndian.PutUint64(next, binary.BigEndian.Uint64(next)+1)
	scope.Emit("counter.out.v1", key, route.Record.Value)
	return streams.Change{State: next}, nil
}

func counterProcess() streams.Process {
	return streams.Process{
		Name: "counter", Inbox: streams.Topic{Name: "counter.inbox.v1"}, Outputs: []streams.Topic{{Name: "counter.out.v1"}},
		Table: streams.Changelog("counter", streams.WidthShards, ""), NewHandler: func(streams.Framing) streams.Handler { return counter{} },
	}
}

// BenchmarkCounter is the whole way of a record, exactly once, against an in-process broker that shares the processors. BENCH_RECORDS
// changes the number of records per run (1 M), BENCH_PROFILE names a file for a CPU profile of the run without its loading.
func BenchmarkCounter(b *testing.B) {
	records := 1_000_000
	if n, err := strconv.Atoi(os.Getenv("BENCH_RECORDS")); err == nil {
		records = n
	}
	for range b.N {
		b.StopTimer()
		f := newFixtureOf(b, counterProcess(), 8)
		f.limits, f.recent = Limits{}, 0
		loadCounter(f, records, 100_000)
		i := f.start()
		if name := os.Getenv("BENCH_PROFILE"); name != "" {
			file, err := os.Create(name)
			must(b, err)
			must(b, pprof.StartCPUProfile(file))
			b.Cleanup(pprof.StopCPUProfile)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b.StartTimer()
		began, cpu := time.Now(), cpuTime(b)
		f.awaitRecords(i, int64(records))
		took := time.Since(began)
		// Other work on the machine lengthens the first figure but hardly the second.
		b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(records), "cpu-ns/record")
		b.StopTimer()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(records)/took.Seconds(), "records/s")
		b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(records), "B/record")
		b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(records), "allocs/record")
		i.stop()
	}
}

func (f *fixture) awaitRecords(i *instance, want int64) {
	f.t.Helper()
	await(f.t, "the records to be processed", func() bool {
		total := int64(0)
		for _, s := range i.engine.Status() {
			total += s.Next
		}
		return total >= want
	})
}

func loadCounter(f *fixture, records, keys int) {
	ctx := context.Background()
	random := rand.New(rand.NewPCG(1, 1))
	for n := range records {
		key := fmt.Sprintf("pot-%08d", n%keys)
		value := make([]byte, 100) // half of it random: about as compressible as real records are
		for at := 1; at < 50; at++ {
			value[at] = byte(random.Uint32())
		}
		value[0] = frameMark
		f.client.Produce(ctx, &kgo.Record{
			Topic: f.process.Inbox.Name, Key: []byte(key), Value: value, Partition: streams.PartitionOf(key, f.shards),
		}, nil)
	}
	must(f.t, f.client.Flush(ctx))
}

// cpuTime is what the process, broker included, has used of all processors.
func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

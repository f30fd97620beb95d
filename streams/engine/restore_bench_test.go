package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/penstock-ledger/penstock/streams"
)

// The benchmarks of restoring: so many pots, each with a state of so many bytes.
const (
	benchPots       = 1_000_000
	benchStateBytes = 150
	benchShards     = 8
	// benchStride has no divisor in common with a number of pots such as 1 M, so that it leads to each of them.
	benchStride = 611_953
)

// kept is a process whose states have a tag each, so that restoring has an index to build. Nothing is ever sent to it.
type kept struct{ counter }

func (kept) Tags(state []byte) ([]string, error) { return []string{"day-" + string(state[1:2])}, nil }

func keptProcess(tagged bool) streams.Process {
	p := counterProcess()
	if tagged {
		p.TagsVersion = "kept-1"
		p.NewHandler = func(streams.Framing) streams.Handler { return kept{} }
	}
	return p
}

// benchSize is a size that an environment variable may change.
func benchSize(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return standard
}

// loadChangelog writes the states of so many pots to the changelogs, as a run that has visited each pot once left them.
func loadChangelog(f *fixture, pots int) {
	random := rand.New(rand.NewPCG(1, 1))
	metas := encodeMeta(progress{}, &f.process)
	for at := range pots {
		n := at * benchStride % pots // states are written in the order of what happens, not in that of their keys
		key := fmt.Sprintf("pot-%08d", n)
		value := make([]byte, benchStateBytes)
		for i := 2; i < benchStateBytes/2; i++ {
			value[i] = byte(random.Uint32())
		}
		value[0], value[1] = frameMark, byte('a'+n%10)
		shard := streams.PartitionOf(key, f.shards)
		f.client.Produce(context.Background(), &kgo.Record{Topic: f.process.Table.Name, Key: []byte(key), Value: value, Partition: shard}, nil)
	}
	for shard := range f.shards {
		f.client.Produce(context.Background(), &kgo.Record{Topic: f.process.Table.Name, Key: []byte(keyMeta), Value: metas, Partition: shard}, nil)
	}
	must(f.t, f.client.Flush(context.Background()))
}

// awaitRunning waits until an instance runs every shard.
func (f *fixture) awaitRunning(i *instance) {
	f.t.Helper()
	await(f.t, "every shard to run", func() bool { i.alive(); return runs(i) == int(f.shards) })
}

// profiled profiles the processors from here to the end of the benchmark, where BENCH_PROFILE names a file.
func profiled(b *testing.B) {
	if name := os.Getenv("BENCH_PROFILE"); name != "" {
		file, err := os.Create(name)
		must(b, err)
		must(b, pprof.StartCPUProfile(file))
		b.Cleanup(pprof.StopCPUProfile)
	}
}

// BenchmarkRestore restores all shards of one instance from nothing but the changelogs: from Run until every shard runs. BENCH_POTS changes the number of
// pots (1 M), BENCH_PROFILE names a file for a CPU profile, PENSTOCK_REAL=must takes a real Kafka instead of the in-process broker.
func BenchmarkRestore(b *testing.B) {
	for _, tagged := range []bool{false, true} {
		b.Run(fmt.Sprintf("tagged=%v", tagged), func(b *testing.B) {
			pots := benchSize("BENCH_POTS", benchPots)
			f := newFixtureOf(b, keptProcess(tagged), benchShards)
			f.limits, f.recent = Limits{}, 0
			loadChangelog(f, pots)
			profiled(b)
			b.ResetTimer()
			for range b.N {
				began, cpu := time.Now(), cpuTime(b)
				i := f.start(inDir(b.TempDir()))
				f.awaitRunning(i)
				b.ReportMetric(float64(pots)/time.Since(began).Seconds(), "records/s")
				b.ReportMetric(float64((cpuTime(b)-cpu).Nanoseconds())/float64(pots), "cpu-ns/record")
				b.StopTimer()
				i.stop()
				b.StartTimer()
			}
		})
	}
}

// BenchmarkRestart starts an instance whose stores are all there: from Run until every shard runs.
func BenchmarkRestart(b *testing.B) {
	pots := benchSize("BENCH_POTS", benchPots)
	f := newFixtureOf(b, keptProcess(true), benchShards)
	f.limits, f.recent = Limits{}, 0
	loadChangelog(f, pots)
	i := f.start()
	f.awaitRunning(i)
	i.stop()
	profiled(b)
	b.ResetTimer()
	for range b.N {
		began := time.Now()
		i := f.start()
		f.awaitRunning(i)
		b.ReportMetric(time.Since(began).Seconds(), "s/restart")
		b.StopTimer()
		i.stop()
		b.StartTimer()
	}
}

// BenchmarkTakeover lets one of two instances leave politely and measures until the other runs every shard: with empty stores, and with a standby's. The group's
// rebalance, which takes the same time either way, is part of it.
func BenchmarkTakeover(b *testing.B) {
	for _, standby := range []bool{false, true} {
		b.Run(fmt.Sprintf("standby=%v", standby), func(b *testing.B) {
			pots := benchSize("BENCH_POTS", benchPots)
			f := newFixtureOf(b, keptProcess(true), benchShards)
			f.limits = Limits{StandbyLookEvery: 100 * time.Millisecond}
			loadChangelog(f, pots)
			b.ResetTimer()
			for range b.N {
				b.StopTimer()
				leaves := f.start(inDir(b.TempDir()))
				f.awaitRunning(leaves)
				stays := f.start(inDir(b.TempDir()), func(c *Config) { c.Standby = standby })
				await(b, "both to run shards", func() bool { return runs(leaves) == benchShards/2 && runs(stays) == benchShards/2 })
				for shard := range f.shards {
					if standby && stays.status(shard).State != StateRunning {
						stays.follows(shard, leaves)
					}
				}
				before := stays.allRestored()
				b.StartTimer()
				began := time.Now()
				leaves.stop()
				f.awaitRunning(stays)
				b.ReportMetric(time.Since(began).Seconds(), "s/takeover")
				b.ReportMetric(float64(stays.allRestored()-before), "records-restored")
				b.StopTimer()
				stays.stop()
				b.StartTimer()
			}
		})
	}
}

// allRestored counts what an instance's restores have read of all changelogs.
func (i *instance) allRestored() (n int) {
	for shard := range i.f.shards {
		n += i.restored(shard)
	}
	return n
}

package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// scrape returns the metrics of the given names as lines of text, in order: buckets of a histogram by their bounds, times by their count alone.
func scrape(t testing.TB, registry *prometheus.Registry, names ...string) string {
	t.Helper()
	families, err := registry.Gather()
	must(t, err)
	var lines []string
	for _, family := range families {
		short := strings.TrimPrefix(family.GetName(), "penstock_shard_")
		if !slices.Contains(names, short) {
			continue
		}
		for _, m := range family.GetMetric() {
			lines = append(lines, metricLines(short+labelText(m), m, strings.HasSuffix(short, "_seconds"))...)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func labelText(m *dto.Metric) string {
	var pairs []string
	for _, l := range m.GetLabel() {
		if l.GetName() != "process" {
			pairs = append(pairs, l.GetName()+"="+l.GetValue())
		}
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

func metricLines(name string, m *dto.Metric, countAlone bool) []string {
	switch {
	case m.Counter != nil:
		return []string{fmt.Sprint(name, " ", m.GetCounter().GetValue())}
	case m.Gauge != nil:
		return []string{fmt.Sprint(name, " ", m.GetGauge().GetValue())}
	case countAlone:
		return []string{fmt.Sprint(name, " n=", m.GetHistogram().GetSampleCount())}
	}
	var buckets []string
	for _, b := range m.GetHistogram().GetBucket() {
		buckets = append(buckets, fmt.Sprintf("%g:%d", b.GetUpperBound(), b.GetCumulativeCount()))
	}
	return []string{fmt.Sprintf("%s n=%d sum=%g %s", name, m.GetHistogram().GetSampleCount(), m.GetHistogram().GetSampleSum(), strings.Join(buckets, " "))}
}

// Six records and a sweep over four keys, each record in a transaction of its own. The fourth transaction is dropped when all of it is written, and the
// last but one life's work with it: none of that is counted.
func TestNothingOfADroppedTransactionIsCounted(t *testing.T) {
	f := newFixture(t, 1)
	f.fake()
	f.limits.TransactionRecordsMax = 1
	for n := range 6 {
		f.send(fmt.Sprintf("key-%d", n%4), fmt.Sprintf("add %d", n))
	}
	f.control("sweep odd even")
	registry := prometheus.NewRegistry()
	i := f.start(toldWhy(t), func(c *Config) { c.Metrics = registry }, withFaults(crashAt(StepFlushed, 4, func() {})))
	f.caughtUp(i)
	await(t, "the end of the inbox to be known", func() bool { return i.status(0).End == 7 })
	got := scrape(t, registry, "records_total", "transactions_total", "sweep_visits_total", "astray_records_total", "aborts_total", "lives_total",
		"restored_records_total", "standby_records_total", "transaction_records", "transaction_seconds", "commit_seconds", "delay_seconds", "state",
		"inbox_next_offset", "inbox_end_offset", "journal_sequence", "lag_seconds", "transaction_age_seconds", "restore_remaining_offsets",
		"sweep_running", "sweep_visits", "parked_keys", "parked_records")
	const want = `aborts_total{cause=doubt,shard=0} 1
aborts_total{cause=fenced,shard=0} 0
aborts_total{cause=stopped,shard=0} 0
aborts_total{cause=undecidable,shard=0} 0
aborts_total{cause=unknown,shard=0} 0
astray_records_total{shard=0} 0
commit_seconds{} n=8
delay_seconds{} n=7
inbox_end_offset{shard=0} 7
inbox_next_offset{shard=0} 7
journal_sequence{shard=0} 11
lag_seconds{shard=0} 0
lives_total{shard=0} 2
parked_keys{shard=0} 0
parked_records{shard=0} 0
records_total{shard=0} 7
restore_remaining_offsets{shard=0} 0
restored_records_total{shard=0} 2
standby_records_total{shard=0} 0
state{shard=0,state=not ours} 0
state{shard=0,state=restoring} 0
state{shard=0,state=running} 1
state{shard=0,state=standing by} 0
state{shard=0,state=starting} 0
state{shard=0,state=stopped} 0
sweep_running{shard=0} 0
sweep_visits{shard=0} 0
sweep_visits_total{shard=0} 4
transaction_age_seconds{shard=0} 0
transaction_records{} n=8 sum=11 1:6 4:8 16:8 64:8 256:8 1024:8 4096:8 16384:8
transaction_seconds{} n=8
transactions_total{shard=0} 8
`
	if got != want {
		t.Errorf("the metrics are\n%s\nnot\n%s", got, want)
	}
	i.stop()
	if left := scrape(t, registry, "inbox_next_offset", "lag_seconds", "store_bytes"); left != "\n" {
		t.Errorf("a shard that is gone left\n%s", left)
	}
	f.check()
}

// A shard that cannot go on says so: its lag is the age of the record that it is stuck at, and grows.
func TestTheLagOfAStuckShardIsTheAgeOfWhatWaits(t *testing.T) {
	f := newFixture(t, 1)
	f.send("key", "add 1", "sing")
	i := f.start()
	await(t, "the shard to stop", func() bool { return i.status(0).State == StateStopped })
	s := i.status(0)
	if s.Lag <= 0 || s.SinceMillis == 0 {
		t.Errorf("a stopped shard with a record waiting has the status %+v", s)
	}
	await(t, "the lag to grow", func() bool { return i.status(0).Lag > s.Lag })
	i.stop()
}

func TestTheLagOfAShardThatDoesNotRunIsTheTimeSinceItDid(t *testing.T) {
	longAgo := time.Now().Add(-time.Hour)
	s := newStatus("sample", 0)
	s.fencing()
	s.awaySince = longAgo
	lag := func() time.Duration { return s.snapshot().Lag }
	s.restoring(3, 9)
	if lag() < time.Hour {
		t.Errorf("the lag of a restoring shard is %s", lag())
	}
	s.running(progress{next: 5}, nil, 9)
	if lag() != 0 {
		t.Errorf("the lag of a shard that runs and knows of nothing waiting is %s", lag())
	}
	s.starting(errCrash)
	if lag() < time.Hour {
		t.Errorf("a shard that ran for a moment between two deaths has a lag of %s", lag())
	}
	s.running(progress{next: 5}, nil, 9)
	s.reads(5, longAgo.Add(time.Minute))
	s.reads(6, longAgo)
	if l := lag(); l < 58*time.Minute || l > time.Hour {
		t.Errorf("the lag is %s, not the age of the record at 5", l)
	}
	s.committed(progress{next: 5}, nil, 9) // a sweep's part
	if lag() == 0 {
		t.Error("a part of the work ended the lag of the whole")
	}
	s.committed(progress{next: 6}, nil, 9)
	if lag() != 0 {
		t.Errorf("the lag of a shard that has processed everything is %s", lag())
	}
	s.starting(errCrash)
	s.leave()
	if lag() != 0 {
		t.Errorf("the lag of a shard that is another's is %s", lag())
	}
}

package engine

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
)

// metricSet holds what an instance counts; what it reads off at each look is in moments.go. All names are frozen, and each has its row in
// ops/docs/metrics.md. Work is counted when it is committed, so none that was dropped is ever among it.
type metricSet struct {
	records, transactions, visits, astray, bytes, aborts, restored, followed, lives *prometheus.CounterVec
	seconds, commitSeconds, delaySeconds, transactionRecords, transactionBytes      *prometheus.HistogramVec
}

// The causes of aborts, as their label says them.
const (
	causeFenced  = "fenced"
	causeStopped = "stopped"
	causeUnknown = "unknown"
	causeDoubt   = "doubt"
	// causeUndecidable: a decision failed, and the next life parks the key.
	causeUndecidable = "undecidable"
)

// labels are those of a shard's metrics, and more.
func labels(more ...string) []string { return append([]string{"process", "shard"}, more...) }

// Histograms have fixed bounds: from what a quick broker needs up to the limits of a transaction, each four times the one before.
func secondsBounds() []float64 { return prometheus.ExponentialBuckets(0.001, 4, 8) }
func countBounds() []float64   { return prometheus.ExponentialBuckets(1, 4, 8) }
func bytesBounds() []float64   { return prometheus.ExponentialBuckets(1<<10, 4, 9) }

func newMetricSet(registerer prometheus.Registerer) (*metricSet, error) {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "penstock", Subsystem: "shard", Name: name, Help: help},
			labels(more...))
	}
	histogram := func(name, help string, bounds []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "penstock", Subsystem: "shard", Name: name, Help: help, Buckets: bounds,
		}, []string{"process"})
	}
	m := &metricSet{
		records:      counter("records_total", "Inbox records processed in committed transactions."),
		transactions: counter("transactions_total", "Committed transactions."),
		visits:       counter("sweep_visits_total", "Keys visited by sweeps in committed transactions."),
		astray:       counter("astray_records_total", "Inbox records that were in the wrong shard and skipped."),
		bytes:        counter("written_bytes_total", "Bytes of keys and values written in committed transactions."),
		aborts:       counter("aborts_total", "Lives of the shard that ended otherwise than cleanly, by cause.", "cause"),
		lives:        counter("lives_total", "Lives of the shard that began."),
		restored:     counter("restored_records_total", "Changelog records read by restores, from fencing to running."),
		followed:     counter("standby_records_total", "Changelog records applied while standing by."),
		seconds:      histogram("transaction_seconds", "Time of a committed transaction, from its begin to its end.", secondsBounds()),
		commitSeconds: histogram("commit_seconds",
			"Time of a committed transaction that was spent waiting for the broker: the flush and the end.", secondsBounds()),
		delaySeconds: histogram("delay_seconds",
			"Time from the timestamp of a committed transaction's last inbox record to the commit.", secondsBounds()),
		transactionRecords: histogram("transaction_records", "Inbox records and visits of a committed transaction.", countBounds()),
		transactionBytes:   histogram("transaction_bytes", "Bytes read and written by a committed transaction.", bytesBounds()),
	}
	for _, c := range m.collectors() {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("registering the engine's metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metricSet) collectors() []prometheus.Collector {
	return []prometheus.Collector{
		m.records, m.transactions, m.visits, m.astray, m.bytes, m.aborts, m.lives, m.restored, m.followed,
		m.seconds, m.commitSeconds, m.delaySeconds, m.transactionRecords, m.transactionBytes,
	}
}

// shardMetrics are the metrics of one shard.
type shardMetrics struct {
	records, visits, astray, bytes, restored, followed, lives, committedTotal  prometheus.Counter
	seconds, commitSeconds, delaySeconds, transactionRecords, transactionBytes prometheus.Observer
	aborts                                                                     *prometheus.CounterVec
	committed                                                                  atomic.Int64
}

func (m *metricSet) of(process string, shard int32) *shardMetrics {
	l := prometheus.Labels{"process": process, "shard": strconv.Itoa(int(shard))}
	s := &shardMetrics{
		records: m.records.With(l), visits: m.visits.With(l), astray: m.astray.With(l), bytes: m.bytes.With(l), restored: m.restored.With(l),
		followed: m.followed.With(l), lives: m.lives.With(l), committedTotal: m.transactions.With(l), aborts: m.aborts.MustCurryWith(l),
		seconds: m.seconds.WithLabelValues(process), commitSeconds: m.commitSeconds.WithLabelValues(process),
		delaySeconds: m.delaySeconds.WithLabelValues(process), transactionRecords: m.transactionRecords.WithLabelValues(process),
		transactionBytes: m.transactionBytes.WithLabelValues(process),
	}
	// A rate needs the zero before the first.
	for _, cause := range []string{causeFenced, causeStopped, causeUnknown, causeDoubt, causeUndecidable} {
		s.aborts.WithLabelValues(cause)
	}
	return s
}

func (m *shardMetrics) transactions() int64 { return m.committed.Load() }

// cause is the label of an abort: few values, so that alerts can name them.
func cause(err error) string {
	var u *undecidableError
	switch {
	case isStop(err):
		return causeStopped
	case errors.As(err, &u):
		return causeUndecidable
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, errNotOurs):
		return causeFenced
	case errors.Is(err, errUnknownOutcome):
		return causeUnknown
	}
	return causeDoubt
}

func (m *shardMetrics) abort(err error) { m.aborts.WithLabelValues(cause(err)).Inc() }

func (m *shardMetrics) commit(t *transaction, written int64) {
	m.committed.Add(1)
	m.committedTotal.Inc()
	m.records.Add(float64(t.records))
	m.visits.Add(float64(t.visits))
	m.astray.Add(float64(t.astray))
	m.bytes.Add(float64(written))
	m.seconds.Observe(time.Since(t.began).Seconds())
	m.commitSeconds.Observe(t.ending.Seconds())
	m.transactionRecords.Observe(float64(t.records + t.visits))
	m.transactionBytes.Observe(float64(t.read + written))
	if !t.stamp.IsZero() {
		m.delaySeconds.Observe(time.Since(t.stamp).Seconds())
	}
}

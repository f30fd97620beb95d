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

// metricSet holds the metrics of an instance; their names are frozen.
type metricSet struct {
	records, transactions, visits, astray, bytes, aborts, restored *prometheus.CounterVec
	next, seconds, lag                                             *prometheus.GaugeVec
}

func newMetricSet(registerer prometheus.Registerer) (*metricSet, error) {
	labels := []string{"process", "shard"}
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "penstock", Subsystem: "shard", Name: name, Help: help}, append(labels, more...))
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "penstock", Subsystem: "shard", Name: name, Help: help}, labels)
	}
	m := &metricSet{
		records:      counter("records_total", "Inbox records processed in committed transactions."),
		transactions: counter("transactions_total", "Committed transactions."),
		visits:       counter("sweep_visits_total", "Keys visited by sweeps in committed transactions."),
		astray:       counter("astray_records_total", "Inbox records that were in the wrong shard and skipped."),
		bytes:        counter("written_bytes_total", "Bytes of keys and values written in committed transactions."),
		aborts:       counter("aborts_total", "Lives of the shard that ended in doubt or stopped, by cause.", "cause"),
		restored:     counter("restored_records_total", "Changelog keys restored."),
		next:         gauge("inbox_next_offset", "Offset of the next inbox record."),
		lag:          gauge("lag_seconds", "Time from the timestamp of the last processed record to its commit."),
		seconds:      gauge("transaction_seconds", "Length of the last committed transaction."),
	}
	for _, c := range []prometheus.Collector{m.records, m.transactions, m.visits, m.astray, m.bytes, m.aborts, m.restored, m.next, m.seconds, m.lag} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("registering the engine's metrics: %w", err)
		}
	}
	return m, nil
}

// shardMetrics are the metrics of one shard.
type shardMetrics struct {
	records, visits, astray, bytes, restored, committedTotal prometheus.Counter
	next, seconds, lag                                       prometheus.Gauge
	aborts                                                   *prometheus.CounterVec
	committed                                                atomic.Int64
}

func (m *metricSet) of(process string, shard int32) *shardMetrics {
	l := prometheus.Labels{"process": process, "shard": strconv.Itoa(int(shard))}
	return &shardMetrics{
		records: m.records.With(l), visits: m.visits.With(l), astray: m.astray.With(l), bytes: m.bytes.With(l), restored: m.restored.With(l),
		committedTotal: m.transactions.With(l), next: m.next.With(l), seconds: m.seconds.With(l), lag: m.lag.With(l), aborts: m.aborts.MustCurryWith(l),
	}
}

func (m *shardMetrics) transactions() int64 { return m.committed.Load() }

// cause is the label of an abort: few values, so that alerts can name them.
func cause(err error) string {
	switch {
	case isStop(err):
		return "stopped"
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch), errors.Is(err, errNotOurs):
		return "fenced"
	}
	return "doubt"
}

func (m *shardMetrics) abort(err error) { m.aborts.WithLabelValues(cause(err)).Inc() }

func (m *shardMetrics) commit(t *transaction, written, next int64) {
	m.committed.Add(1)
	m.committedTotal.Inc()
	m.records.Add(float64(t.records))
	m.visits.Add(float64(t.visits))
	m.astray.Add(float64(t.astray))
	m.bytes.Add(float64(written))
	m.next.Set(float64(next))
	m.seconds.Set(time.Since(t.began).Seconds())
	if !t.stamp.IsZero() {
		m.lag.Set(time.Since(t.stamp).Seconds())
	}
}

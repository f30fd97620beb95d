package postgres

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// sinkMetrics are the sink's metrics; their names are frozen. Work is counted once it is committed.
type sinkMetrics struct {
	journals, postings, batches, failures *prometheus.CounterVec
	events                                prometheus.Counter
	seconds                               prometheus.Histogram
	sequence, next, recorded, complete    *prometheus.GaugeVec
	waiting, stopped                      *prometheus.GaugeVec
}

func newSinkMetrics(registerer prometheus.Registerer) (*sinkMetrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "penstock", Subsystem: "ledger", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "penstock", Subsystem: "ledger", Name: name, Help: help}, labels)
	}
	m := &sinkMetrics{
		journals: counter("journals_total", "Journals booked.", "shard"),
		postings: counter("postings_total", "Postings booked.", "shard"),
		batches:  counter("batches_total", "Transactions committed.", "shard"),
		failures: counter("failures_total", "Sessions that ended with an error and were begun again, by cause.", "topic", "partition", "cause"),
		events: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "penstock", Subsystem: "ledger", Name: "trade_events_total", Help: "Trade events booked.",
		}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "penstock", Subsystem: "ledger", Name: "batch_seconds", Help: "Time of booking a batch of journals, its commit included.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8),
		}),
		next:     gauge("next_offset", "Offset of the next record to book.", "topic", "partition"),
		sequence: gauge("sequence", "Number of the last journal booked.", "shard"),
		recorded: gauge("recorded_seconds", "Recorded time of the last journal booked, in seconds since 1970.", "shard"),
		complete: gauge("complete_seconds", "Recorded time before which everything is booked, in seconds since 1970.", "shard"),
		waiting:  gauge("waiting", "1 while something keeps the partition from being booked.", "topic", "partition"),
		stopped:  gauge("stopped", "1 where a tripwire stopped the partition.", "topic", "partition"),
	}
	return m, register(registerer, m.journals, m.postings, m.batches, m.failures, m.events, m.seconds, m.sequence, m.next, m.recorded, m.complete, m.waiting, m.stopped)
}

// register shows the metrics where there is a registerer.
func register(registerer prometheus.Registerer, collectors ...prometheus.Collector) error {
	if registerer == nil {
		return nil
	}
	for _, c := range collectors {
		if err := registerer.Register(c); err != nil {
			return fmt.Errorf("registering the ledger sink's metrics: %w", err)
		}
	}
	return nil
}

func (m *sinkMetrics) booked(place feed.Place, position *Position, journals []ledger.Journal, took time.Duration) {
	const millisecondsPerSecond = 1000
	shard, postings := strconv.Itoa(int(position.Shard)), 0
	for i := range journals {
		postings += len(journals[i].Postings)
	}
	m.journals.WithLabelValues(shard).Add(float64(len(journals)))
	m.postings.WithLabelValues(shard).Add(float64(postings))
	m.batches.WithLabelValues(shard).Inc()
	m.seconds.Observe(took.Seconds())
	m.at(place, position.JournalOffset)
	m.sequence.WithLabelValues(shard).Set(float64(position.Sequence))
	m.recorded.WithLabelValues(shard).Set(float64(position.RecordedAt) / millisecondsPerSecond)
	m.complete.WithLabelValues(shard).Set(float64(position.RecordedBefore) / millisecondsPerSecond)
}

func (m *sinkMetrics) bookedTrades(place feed.Place, next int64, events []TradeEvent) {
	m.events.Add(float64(len(events)))
	m.at(place, next)
}

// at shows the position, of which a claim tells first.
func (m *sinkMetrics) at(place feed.Place, next int64) {
	m.next.WithLabelValues(place.Topic, strconv.Itoa(int(place.Partition))).Set(float64(next))
}

// begin shows a partition that was assigned; a comparison needs the zeros.
func (m *sinkMetrics) begin(place feed.Place) {
	partition := strconv.Itoa(int(place.Partition))
	m.waiting.WithLabelValues(place.Topic, partition).Set(0)
	m.stopped.WithLabelValues(place.Topic, partition).Set(0)
	for _, cause := range []string{causeAway, causeFenced} {
		m.failures.WithLabelValues(place.Topic, partition, cause)
	}
}

// forget takes away what was shown of a partition that is another sink's now: a number that stands still there would look like one that is stuck.
func (m *sinkMetrics) forget(place feed.Place) {
	partition := strconv.Itoa(int(place.Partition))
	for _, gauge := range []*prometheus.GaugeVec{m.next, m.waiting, m.stopped} {
		gauge.DeleteLabelValues(place.Topic, partition)
	}
	if place.Topic == streams.LedgerTrade {
		return
	}
	for _, gauge := range []*prometheus.GaugeVec{m.sequence, m.recorded, m.complete} {
		gauge.DeleteLabelValues(partition)
	}
}

func (m *sinkMetrics) wait(place feed.Place, waits bool) {
	value := 0.0
	if waits {
		value = 1
	}
	m.waiting.WithLabelValues(place.Topic, strconv.Itoa(int(place.Partition))).Set(value)
}

// The causes of failures, as their label says them.
const (
	causeAway   = "away"
	causeFenced = "fenced"
)

func (m *sinkMetrics) failure(place feed.Place, err error) {
	cause := causeAway
	if errors.Is(err, ErrFenced) {
		cause = causeFenced
	}
	m.failures.WithLabelValues(place.Topic, strconv.Itoa(int(place.Partition)), cause).Inc()
}

func (m *sinkMetrics) stop(place feed.Place) {
	m.stopped.WithLabelValues(place.Topic, strconv.Itoa(int(place.Partition))).Set(1)
}

// showHeld shows what a sink holds at the moment of the look.
func showHeld(registerer prometheus.Registerer, held func() (records, bytes int64)) error {
	gauge := func(name, help string, value func() int64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "penstock", Subsystem: "ledger", Name: name, Help: help},
			func() float64 { return float64(value()) })
	}
	return register(registerer,
		gauge("held_records", "Records that are read and not booked yet.", func() int64 { records, _ := held(); return records }),
		gauge("held_bytes", "Bytes of the records that are read and not booked yet.", func() int64 { _, bytes := held(); return bytes }),
	)
}

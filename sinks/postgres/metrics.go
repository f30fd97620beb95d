package postgres

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// sinkMetrics are the sink's metrics; their names are frozen. Work is counted once it is committed.
type sinkMetrics struct {
	journals, postings, batches, failures *prometheus.CounterVec
	events                                prometheus.Counter
	sequence, recorded, complete, stopped *prometheus.GaugeVec
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
		sequence: gauge("sequence", "Number of the last journal booked.", "shard"),
		recorded: gauge("recorded_seconds", "Recorded time of the last journal booked, in seconds since 1970.", "shard"),
		complete: gauge("complete_seconds", "Recorded time before which everything is booked, in seconds since 1970.", "shard"),
		stopped:  gauge("stopped", "1 where a tripwire stopped the partition.", "topic", "partition"),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.journals, m.postings, m.batches, m.failures, m.events, m.sequence, m.recorded, m.complete, m.stopped,
	} {
		if err := registerer.Register(c); err != nil {
			return nil, fmt.Errorf("registering the ledger sink's metrics: %w", err)
		}
	}
	return m, nil
}

func (m *sinkMetrics) booked(position *Position, journals []ledger.Journal) {
	const millisecondsPerSecond = 1000
	shard, postings := strconv.Itoa(int(position.Shard)), 0
	for i := range journals {
		postings += len(journals[i].Postings)
	}
	m.journals.WithLabelValues(shard).Add(float64(len(journals)))
	m.postings.WithLabelValues(shard).Add(float64(postings))
	m.batches.WithLabelValues(shard).Inc()
	m.sequence.WithLabelValues(shard).Set(float64(position.Sequence))
	m.recorded.WithLabelValues(shard).Set(float64(position.RecordedAt) / millisecondsPerSecond)
	m.complete.WithLabelValues(shard).Set(float64(position.RecordedBefore) / millisecondsPerSecond)
}

func (m *sinkMetrics) bookedTrades(events []TradeEvent) { m.events.Add(float64(len(events))) }

func (m *sinkMetrics) failure(place feed.Place, err error) {
	cause := "away"
	if errors.Is(err, ErrFenced) {
		cause = "fenced"
	}
	m.failures.WithLabelValues(place.Topic, strconv.Itoa(int(place.Partition)), cause).Inc()
}

func (m *sinkMetrics) stop(place feed.Place) {
	m.stopped.WithLabelValues(place.Topic, strconv.Itoa(int(place.Partition))).Set(1)
}

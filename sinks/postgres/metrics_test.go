package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// scrape returns what the sinks of a registry show under the given names, as lines of text.
func scrape(t *testing.T, registry *prometheus.Registry, names ...string) string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, family := range families {
		short := strings.TrimPrefix(family.GetName(), "penstock_ledger_")
		if !slices.Contains(names, short) {
			continue
		}
		for _, m := range family.GetMetric() {
			lines = append(lines, metricLine(short, m))
		}
	}
	return strings.Join(lines, "\n")
}

func metricLine(name string, m *dto.Metric) string {
	for _, label := range m.GetLabel() {
		name += " " + label.GetValue()
	}
	switch {
	case m.Counter != nil:
		return fmt.Sprint(name, ": ", m.GetCounter().GetValue())
	case m.Histogram != nil:
		return fmt.Sprint(name, ": n=", m.GetHistogram().GetSampleCount())
	}
	return fmt.Sprint(name, ": ", m.GetGauge().GetValue())
}

// A partition that a tripwire stopped shows so, its neighbour does not, and when they are let go of neither leaves a number that stands still.
func TestTheSinkShowsWhatItBookedAndWhatStopped(t *testing.T) {
	test, topics := openTestLedger(t), newTestTopics(t)
	bad, good := newTestChain(0), newTestChain(1)
	journals := bad.buy("p", "i", 100, 5)
	journals[1].Postings[0].Quantity += 10_000
	topics.journals(journals...)
	booked, postings := good.buy("p", "i", 100, 5), 0
	for i := range booked {
		postings += len(booked[i].Postings)
	}
	topics.journals(booked...)
	sink, stop := topics.runSink(test)
	registry := prometheus.NewRegistry()
	registry.MustRegister(sink.metrics.journals, sink.metrics.postings, sink.metrics.failures, sink.metrics.sequence, sink.metrics.stopped, sink.metrics.waiting)
	want := fmt.Sprintf(`failures_total away 0 ledger.journal.v1: 0
failures_total away 0 ledger.trade.v1: 0
failures_total away 1 ledger.journal.v1: 0
failures_total away 2 ledger.journal.v1: 0
failures_total fenced 0 ledger.journal.v1: 0
failures_total fenced 0 ledger.trade.v1: 0
failures_total fenced 1 ledger.journal.v1: 0
failures_total fenced 2 ledger.journal.v1: 0
journals_total 1: 3
postings_total 1: %d
sequence 1: 3
stopped 0 ledger.journal.v1: 1
stopped 0 ledger.trade.v1: 0
stopped 1 ledger.journal.v1: 0
stopped 2 ledger.journal.v1: 0
waiting 0 ledger.journal.v1: 0
waiting 0 ledger.trade.v1: 0
waiting 1 ledger.journal.v1: 0
waiting 2 ledger.journal.v1: 0`, postings)
	names := []string{"journals_total", "postings_total", "failures_total", "sequence", "stopped", "waiting"}
	until(t, "the sink shows all partitions, and what became of the two shards", func() bool {
		got := scrape(t, registry, names...)
		return strings.Contains(got, "sequence 1: 3") && strings.Contains(got, "stopped 0 ledger.journal.v1: 1") &&
			strings.Contains(got, "fenced 2 ledger.journal.v1") && strings.Contains(got, "fenced 0 ledger.trade.v1")
	})
	// The metrics of one look are not of one moment: what was counted before the sequence moved shows for certain only in the next.
	if got := scrape(t, registry, names...); got != want {
		t.Errorf("the metrics are\n%s\nnot\n%s", got, want)
	}
	stop()
	if left := scrape(t, registry, "sequence", "stopped", "waiting", "next_offset"); left != "" {
		t.Errorf("partitions that were let go of left\n%s", left)
	}
}

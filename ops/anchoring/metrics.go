package anchoring

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics tell who watches whether the ledger is signed; their names are frozen.
type metrics struct{ seconds, journals, waiting prometheus.Gauge }

func newMetrics(registerer prometheus.Registerer) (metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "penstock", Subsystem: "ledger_anchor", Name: name, Help: help})
	}
	m := metrics{
		seconds:  gauge("seconds", "When the ledger was last signed, in seconds since 1970; 0 where it never was."),
		journals: gauge("journals", "Journals that the last signature covers."),
		waiting:  gauge("waiting", "1 while something keeps the ledger from being signed."),
	}
	if registerer == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.seconds, m.journals, m.waiting} {
		if err := registerer.Register(c); err != nil {
			return m, fmt.Errorf("registering the metrics of anchors: %w", err)
		}
	}
	return m, nil
}

func (m metrics) signed(state State) {
	m.seconds.Set(float64(state.SignedAt.Unix()))
	m.journals.Set(float64(state.Journals))
}

func (m metrics) waits(waiting bool) {
	m.waiting.Set(0)
	if waiting {
		m.waiting.Set(1)
	}
}

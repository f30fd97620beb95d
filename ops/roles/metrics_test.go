package roles

import (
	"crypto/ed25519"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/ops/anchoring"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// registered keeps the collectors that are registered with it.
type registered struct {
	prometheus.Registerer
	collectors []prometheus.Collector
}

func (r *registered) Register(c prometheus.Collector) error {
	r.collectors = append(r.collectors, c)
	return r.Registerer.Register(c)
}

// names returns what the collectors say they collect. A vector without a child yet shows nothing, but it describes itself.
func (r *registered) names(t *testing.T) []string {
	t.Helper()
	fqName := regexp.MustCompile(`fqName: "([^"]+)"`)
	var names []string
	for _, c := range r.collectors {
		descs := make(chan *prometheus.Desc, 1<<10)
		c.Describe(descs)
		close(descs)
		for desc := range descs {
			name := fqName.FindStringSubmatch(desc.String())
			if name == nil {
				t.Fatalf("%s has no name", desc)
			}
			names = append(names, name[1])
		}
	}
	slices.Sort(names)
	return names
}

type noFraming struct{ streams.Framing }

func TestEveryMetricHasItsRowAndEveryRowItsMetric(t *testing.T) {
	all := &registered{Registerer: prometheus.NewRegistry()}
	_, err := engine.New(engine.Config{Processes: Processes(2), Shards: 2, Framing: noFraming{}, Dir: t.TempDir(), Metrics: all})
	if err == nil {
		_, err = postgres.NewSink(postgres.Config{Metrics: all})
	}
	if err == nil {
		_, err = anchoring.New(anchoring.Config{Every: anchoring.EveryMin, Key: make([]byte, ed25519.PrivateKeySize), Metrics: all})
	}
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(penstock_[a-z_]+)` \\| (counter|gauge|histogram)[^|]* \\| [^|]{10,} \\|").FindAllStringSubmatch(string(page), -1) {
		rows = append(rows, row[1])
	}
	slices.Sort(rows)
	names := all.names(t)
	for _, name := range names {
		if !slices.Contains(rows, name) {
			t.Errorf("the metric %s has no row in ops/docs/metrics.md that says its kind and what it means", name)
		}
	}
	for i, row := range rows {
		if !slices.Contains(names, row) {
			t.Errorf("ops/docs/metrics.md has a row for %s, which is not registered", row)
		}
		if i > 0 && rows[i-1] == row {
			t.Errorf("ops/docs/metrics.md has two rows for %s", row)
		}
	}
}

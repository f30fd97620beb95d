package engine

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// moments shows, at each look at the metrics, what the shards are doing right then. Nothing is kept from one look to the next, so a shard that went to
// another instance leaves no number behind, and an age goes on growing when nothing else moves.
type moments struct {
	engine *Engine
	state  *prometheus.Desc
	each   []moment
}

// moment is one gauge: what it says of a shard, and whether it has anything to say.
type moment struct {
	desc *prometheus.Desc
	of   func(s *ShardStatus) (value float64, known bool)
}

// states are the values of the label of penstock_shard_state.
func states() []State {
	return []State{StateNotOurs, StateStandingBy, StateStarting, StateRestoring, StateRunning, StateStopped}
}

func newMoments(engine *Engine) *moments {
	m := &moments{engine: engine}
	name := func(name string) string { return prometheus.BuildFQName("penstock", "shard", name) }
	m.state = prometheus.NewDesc(name("state"), "1 for what the instance does with the shard, 0 for what it does not.",
		labels("state"), nil)
	add := func(short, help string, of func(s *ShardStatus) (float64, bool)) {
		m.each = append(m.each, moment{prometheus.NewDesc(name(short), help, labels(), nil), of})
	}
	add("state_seconds", "Time since the state began.", func(s *ShardStatus) (float64, bool) {
		return time.Since(time.UnixMilli(s.SinceMillis)).Seconds(), s.SinceMillis > 0
	})
	add("inbox_next_offset", "Offset of the next inbox record.", func(s *ShardStatus) (float64, bool) { return float64(s.Next), s.running() })
	add("inbox_end_offset", "Where committed records of the inbox end, markers included.", func(s *ShardStatus) (float64, bool) {
		return float64(s.End), s.ours() && s.End >= 0
	})
	add("changelog_next_offset", "Offset of the changelog up to which the store holds everything.", func(s *ShardStatus) (float64, bool) {
		return float64(s.ChangelogNext), s.running()
	})
	add("journal_sequence", "Number of the last journal.", func(s *ShardStatus) (float64, bool) { return float64(s.Sequence), s.running() })
	add("lag_seconds", "Age of the oldest inbox record that is known to wait, 0 where none does; while the shard does not run, at least the time since it did.",
		func(s *ShardStatus) (float64, bool) { return s.Lag.Seconds(), s.ours() })
	add("transaction_age_seconds", "Time since the open transaction began, 0 without one.", func(s *ShardStatus) (float64, bool) {
		return s.TransactionAge.Seconds(), s.ours()
	})
	add("restore_remaining_offsets", "Changelog offsets that a restore still has to read.", func(s *ShardStatus) (float64, bool) {
		if s.State == StateRestoring {
			return float64(s.RestoreEnd - s.RestoredTo), true
		}
		return 0, s.ours()
	})
	add("sweep_running", "1 while a sweep of several transactions is under way.", func(s *ShardStatus) (float64, bool) {
		if s.Sweep != nil {
			return 1, s.ours()
		}
		return 0, s.ours()
	})
	add("sweep_visits", "Keys that the sweep under way has visited in committed transactions, 0 without one.", func(s *ShardStatus) (float64, bool) {
		if s.Sweep != nil {
			return float64(s.Sweep.Visits), s.ours()
		}
		return 0, s.ours()
	})
	add("parked_keys", "Keys that are parked because a record could not be decided.", func(s *ShardStatus) (float64, bool) {
		if s.Parked != nil {
			return float64(s.Parked.Keys), s.ours()
		}
		return 0, s.ours()
	})
	add("parked_records", "Inbox records in the queues of parked keys.", func(s *ShardStatus) (float64, bool) {
		if s.Parked != nil {
			return float64(s.Parked.Records), s.ours()
		}
		return 0, s.ours()
	})
	add("store_bytes", "Size of the store on disk.", func(s *ShardStatus) (float64, bool) {
		return float64(s.StoreBytes), s.ours() || s.State == StateStandingBy
	})
	add("standby_remaining_offsets", "Changelog offsets that the standby has not read, markers included.", func(s *ShardStatus) (float64, bool) {
		return float64(max(0, s.RestoreEnd-s.RestoredTo)), s.State == StateStandingBy
	})
	add("standby_lag_seconds", "Time since the standby last held all of the changelog.", func(s *ShardStatus) (float64, bool) {
		return s.StandbyLag.Seconds(), s.State == StateStandingBy
	})
	return m
}

func (s *ShardStatus) running() bool { return s.State == StateRunning }

// ours says that the group has assigned the shard to this instance.
func (s *ShardStatus) ours() bool { return s.State != StateNotOurs && s.State != StateStandingBy }

func (m *moments) register(registerer prometheus.Registerer) error {
	if err := registerer.Register(m); err != nil {
		return fmt.Errorf("registering the engine's metrics: %w", err)
	}
	return nil
}

// Describe is prometheus.Collector's.
func (m *moments) Describe(descs chan<- *prometheus.Desc) {
	descs <- m.state
	for _, moment := range m.each {
		descs <- moment.desc
	}
}

// Collect is prometheus.Collector's.
func (m *moments) Collect(metrics chan<- prometheus.Metric) {
	for _, s := range m.engine.Status() {
		shard := strconv.Itoa(int(s.Shard))
		for _, state := range states() {
			is := 0.0
			if s.State == state {
				is = 1
			}
			metrics <- prometheus.MustNewConstMetric(m.state, prometheus.GaugeValue, is, s.Process, shard, string(state))
		}
		for _, moment := range m.each {
			if value, known := moment.of(&s); known {
				metrics <- prometheus.MustNewConstMetric(moment.desc, prometheus.GaugeValue, value, s.Process, shard)
			}
		}
	}
}

package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"
)

// Report is what a run took. Its JSON form is an interface.
type Report struct {
	Pots    int     `json:"pots"`
	Shards  int32   `json:"shards"`
	Machine Machine `json:"machine"`
	// Opening is not part of the cycle.
	Opening Stage   `json:"opening"`
	Stages  []Stage `json:"stages"`
	// Cycle is all stages together, from the first contribution sent until Postgres was complete past the last settlement.
	Cycle Stage `json:"cycle"`
	// SendSeconds is how long the broker took to acknowledge all contributions, a part of the first stage.
	SendSeconds float64 `json:"send_seconds"`
	Journals    int64   `json:"journals"`
	// Process is this process: broker, registry, all roles and the benchmark itself, over the cycle. Its peak includes the opening.
	Process  Use `json:"process"`
	Postgres Use `json:"postgres"`
	// AllocatedBytes and GCCycles are the Go runtime's, over the cycle.
	AllocatedBytes uint64 `json:"allocated_bytes"`
	GCCycles       uint32 `json:"gc_cycles"`
	// Transactions counts the engine's, over the cycle, by process.
	Transactions map[string]int64 `json:"transactions"`
	Visits       int64            `json:"sweep_visits"`
	// WALBytes is what Postgres wrote to its log over the cycle.
	WALBytes      int64   `json:"wal_bytes"`
	WALPerPosting float64 `json:"wal_bytes_per_posting"`
	// Topics, Stores and Tables are as the cycle left them, the opening included.
	Topics []Size    `json:"topics"`
	Stores []Size    `json:"stores"`
	Tables []Size    `json:"tables"`
	Checks []Checked `json:"checks"`
}

// Stage is one part of a run.
type Stage struct {
	Name              string  `json:"name"`
	Seconds           float64 `json:"seconds"`
	PotsPerSecond     float64 `json:"pots_per_second"`
	Postings          int64   `json:"postings"`
	PostingsPerSecond float64 `json:"postings_per_second"`
	// PostingsBooked is how many Postgres had when the stage ended.
	PostingsBooked int64 `json:"postings_booked"`
}

// Checked is an invariant of the ledger and on what it was checked.
type Checked struct {
	Name    string `json:"name"`
	Checked int64  `json:"checked"`
	Of      string `json:"of"`
	Failed  int64  `json:"failed"`
}

// Machine is where a run took place.
type Machine struct {
	OS         string `json:"os"`
	Arch       string `json:"arch"`
	Go         string `json:"go"`
	Processors int    `json:"processors"`
	// Load is the load average when the run began: what others had the machine do.
	Load string `json:"load"`
}

// ThisMachine says where this program runs, and what others have the machine do now.
func ThisMachine() Machine {
	m := Machine{OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version(), Processors: runtime.NumCPU()}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		if fields := strings.Fields(string(text)); len(fields) > 0 {
			m.Load = fields[0]
		}
	}
	return m
}

// String is the machine in a line.
func (m Machine) String() string {
	return fmt.Sprintf("%s/%s, %d processors, %s, load %s when it began", m.OS, m.Arch, m.Processors, m.Go, m.Load)
}

func (s *Stage) rate(pots int) {
	if s.Seconds > 0 {
		s.PotsPerSecond = float64(pots) / s.Seconds
	}
}

func (s *Stage) setPostings(n int64) {
	s.Postings = n
	if s.Seconds > 0 {
		s.PostingsPerSecond = float64(n) / s.Seconds
	}
}

// counters are readings of which the report shows the difference.
type counters struct {
	process, postgres float64
	allocated         uint64
	collections       uint32
	wal               int64
	transactions      map[string]int64
	visits            int64
}

func (c *cycle) counters(ctx context.Context) (counters, error) {
	var now counters
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	now.allocated, now.collections = memory.TotalAlloc, memory.NumGC
	now.process, now.postgres = c.watch.cpu()
	now.transactions = c.counted("penstock_shard_transactions_total", "process")
	for _, n := range c.counted("penstock_shard_sweep_visits_total", "process") {
		now.visits += n
	}
	const ask = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
	if err := c.auditor.QueryRow(ctx, ask).Scan(&now.wal); err != nil {
		return now, fmt.Errorf("reading how much Postgres has logged: %w", err)
	}
	return now, nil
}

// counted sums a counter of the roles by one of its labels.
func (c *cycle) counted(name, label string) map[string]int64 {
	sums := make(map[string]int64)
	families, _ := c.metrics.Gather() // what could be gathered comes with an error, too
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			for _, pair := range metric.GetLabel() {
				if pair.GetName() == label {
					sums[pair.GetValue()] += int64(metric.GetCounter().GetValue())
				}
			}
		}
	}
	return sums
}

// postingsBooked is how many postings Postgres has.
func (c *cycle) postingsBooked() int64 {
	total := int64(0)
	for _, n := range c.counted("penstock_ledger_postings_total", "shard") {
		total += n
	}
	return total
}

func (r *Report) addUse(before, after counters, watch *memoryWatch) {
	r.Process.PeakBytes, r.Postgres.PeakBytes = watch.peaks()
	r.Process.CPUSeconds, r.Postgres.CPUSeconds = after.process-before.process, after.postgres-before.postgres
	r.AllocatedBytes, r.GCCycles = after.allocated-before.allocated, after.collections-before.collections
	r.WALBytes, r.Visits = after.wal-before.wal, after.visits-before.visits
	r.Transactions = make(map[string]int64)
	for process, n := range after.transactions {
		r.Transactions[process] = n - before.transactions[process]
	}
}

const mebibyte = 1 << 20

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d pots, %d shards; %s\n\n", r.Pots, r.Shards, r.Machine)
	fmt.Fprintln(w, "stage\tseconds\tpots/s\tpostings\tpostings/s\tbooked by then\t")
	for _, s := range append(append([]Stage{r.Opening}, r.Stages...), r.Cycle) {
		fmt.Fprintf(w, "%s\t%.2f\t%.0f\t%d\t%.0f\t%d\t\n", s.Name, s.Seconds, s.PotsPerSecond, s.Postings, s.PostingsPerSecond, s.PostingsBooked)
	}
	fmt.Fprintln(w, "\n\tpeak MiB\tCPU s\t")
	for _, use := range []struct {
		name string
		Use
	}{{"everything but Postgres", r.Process}, {"Postgres", r.Postgres}} {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t\n", use.name, use.PeakBytes/mebibyte, use.CPUSeconds)
	}
	fmt.Fprintf(w, "\nallocated %d MiB in %d GC cycles; %d sweep visits; transactions %v\n", r.AllocatedBytes/mebibyte, r.GCCycles, r.Visits, r.Transactions)
	fmt.Fprintf(w, "Postgres logged %d MiB, %.0f bytes per posting\n\n", r.WALBytes/mebibyte, r.WALPerPosting)
	fmt.Fprintln(w, "on the disk\tMiB\tindexes\tbytes/pot\t")
	for _, part := range []struct {
		kind  string
		sizes []Size
	}{{"topic", r.Topics}, {"store", r.Stores}, {"table", r.Tables}} {
		for _, s := range part.sizes {
			if s.PerPot >= 1 {
				fmt.Fprintf(w, "%s %s\t%.1f\t%.1f\t%.0f\t\n", part.kind, s.Name, float64(s.Bytes)/mebibyte, float64(s.Indexes)/mebibyte, s.PerPot)
			}
		}
	}
	failed := 0
	for _, check := range r.Checks {
		if check.Failed > 0 {
			failed++
		}
	}
	fmt.Fprintf(w, "\n%d checks of the ledger, %d failed; %d journals\n", len(r.Checks), failed, r.Journals)
	return w.Flush()
}

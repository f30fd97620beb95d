package anchoring_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/penstock-ledger/penstock/ops/anchoring"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// bench is a ledger that grows by a journal at each look, and a clock that only waiting moves on.
type bench struct {
	*testing.T
	file string
	now  time.Time
	// resumes says that the file is not made where there is none.
	resumes bool
	// behind is by how much the database's clock is behind.
	behind   time.Duration
	journals int64
	// away is what the database answers, faulty what the check finds; nil for nothing.
	away, faulty error
	// each is called at each wait, before the time passes.
	each    func()
	waited  []time.Duration
	log     bytes.Buffer
	metrics *prometheus.Registry
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return &bench{T: t, file: filepath.Join(t.TempDir(), "heads.jws"), now: time.Date(2008, time.March, 17, 9, 30, 0, 0, time.UTC)}
}

func (b *bench) key() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
}

// runs has a signer of its own run, as a process would, until so much time has passed.
func (b *bench) runs(days float64) *anchoring.Signer {
	b.Helper()
	ends := b.now.Add(time.Duration(days * float64(24*time.Hour)))
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.metrics = prometheus.NewRegistry()
	s, err := anchoring.New(anchoring.Config{
		File: b.file, Begin: !b.resumes, Key: b.key(), Every: 24 * time.Hour, Metrics: b.metrics, Logger: slog.New(slog.NewTextHandler(&b.log, nil)),
		Take: func(context.Context) (*anchor.Anchor, error) {
			b.journals++
			return &anchor.Anchor{Cluster: "c", TakenAt: b.now.Add(-b.behind), Heads: []anchor.Head{{Sequence: b.journals, Hash: "00"}}}, b.away
		},
		Check: func(context.Context, []anchor.Anchor) error { return b.faulty },
		Now:   func() time.Time { return b.now },
		Wait: func(_ context.Context, d time.Duration) error {
			if d <= 0 {
				b.Fatalf("it waits for %s", d)
			}
			if b.waited = append(b.waited, d); b.each != nil {
				b.each()
			}
			if b.now = b.now.Add(d); b.now.After(ends) {
				b.now = ends
				cancel()
			}
			return ctx.Err()
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	s.Run(ctx)
	return s
}

// days are those that have a line, by the database's clock.
func (b *bench) days() string {
	b.Helper()
	anchors, err := anchor.ReadFile(b.file, b.key().Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is of no other type
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.Fatal(err)
	}
	var days []string
	for i := range anchors {
		days = append(days, anchors[i].TakenAt.Format("02"))
	}
	return strings.Join(days, " ")
}

func (b *bench) want(days string) {
	b.Helper()
	if got := b.days(); got != days {
		b.Errorf("signed are the days %q, want %q; the log is\n%s", got, days, b.log.String())
	}
}

func TestEachDayIsSignedOnce(t *testing.T) {
	b := newBench(t)
	s := b.runs(3)
	b.want("17 18 19 20")
	state := s.State()
	if want := time.Date(2008, time.March, 20, 0, 0, 0, 0, time.UTC); state.Lines != 4 || state.Waiting != "" || !state.SignedAt.Equal(want) {
		t.Errorf("it says %+v, want the last one at %s", state, want)
	}
	if seconds, waiting := b.shows("seconds"), b.shows("waiting"); seconds != float64(state.SignedAt.Unix()) || waiting != 0 || b.shows("journals") != float64(state.Journals) {
		t.Errorf("it shows the time %f and %f, for %+v", seconds, waiting, state)
	}
}

// shows is the value of a metric.
func (b *bench) shows(name string) float64 {
	b.Helper()
	families, err := b.metrics.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "penstock_ledger_anchor_"+name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	b.Fatalf("there is no metric %s", name)
	return 0
}

// A process that is killed and begun again finds in the file what has been signed.
func TestARestartSignsNoDayTwice(t *testing.T) {
	b := newBench(t)
	for range 40 {
		b.runs(0.1)
	}
	b.want("17 18 19 20 21")
}

func TestDaysWithoutASignerHaveNoLine(t *testing.T) {
	b := newBench(t)
	b.runs(0.1)
	b.now = b.now.Add(10 * 24 * time.Hour)
	b.runs(1)
	b.want("17 27 28")
}

// The day is that of the database: the machine's clock may be ahead or behind.
func TestTheDatabasesClockDecides(t *testing.T) {
	for _, behind := range []time.Duration{7 * time.Hour, -7 * time.Hour} {
		b := newBench(t)
		b.behind = behind
		b.runs(2)
		b.want("17 18 19")
	}
}

// A clock that is behind the last line has to come back to it, or no period would get a line until then, and nobody be told.
func TestADatabaseWhoseClockWasSetBackIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.runs(0.1)
	b.behind = 48 * time.Hour
	if state := b.runs(1.9).State(); state.Lines != 1 || !strings.Contains(state.Waiting, "before the last line") || b.shows("waiting") != 1 {
		t.Errorf("with a clock that was set back it says %+v", state)
	}
	b.want("17")
	b.behind = 0
	if state := b.runs(0.1).State(); state.Lines != 2 || state.Waiting != "" {
		t.Errorf("with a clock that was put right it says %+v", state)
	}
	b.want("17 19")
}

// A line that is signed ahead of its time would stand in the way of all until then.
func TestADatabaseWhoseClockIsAheadIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.behind = -28 * 365 * 24 * time.Hour
	if state := b.runs(0.5).State(); state.Lines != 0 || !strings.Contains(state.Waiting, "ahead of this machine's") || b.shows("waiting") != 1 {
		t.Errorf("with a clock that is ahead it says %+v", state)
	}
	b.behind = 0
	b.runs(0.1)
	b.want("17")
}

func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	b := newBench(t)
	b.away = errors.New("connection refused")
	if state := b.runs(0.3).State(); state.Lines != 0 || state.Waiting != "connection refused" {
		t.Errorf("while it is away it says %+v", state)
	}
	if b.shows("waiting") != 1 || b.shows("seconds") != 0 {
		t.Errorf("while it is away it shows %f and %f", b.shows("waiting"), b.shows("seconds"))
	}
	if !strings.Contains(b.log.String(), "nothing is signed") || b.waited[0] != 5*time.Second || b.waited[1] != 10*time.Second || b.waited[len(b.waited)-1] != time.Hour {
		t.Errorf("it waited %v, and said %s", b.waited, b.log.String())
	}
	b.each = func() { b.away = nil }
	if state := b.runs(0.1).State(); state.Lines != 1 || state.Waiting != "" {
		t.Errorf("when it is back it says %+v", state)
	}
	b.want("17")
}

// A file that had lines and has not any more, such as one on a disk that was not mounted again, is not begun anew.
func TestAFileThatIsAwayIsWaitedFor(t *testing.T) {
	for name, takeAway := range map[string]func(b *bench) error{
		"moved away": func(b *bench) error { return os.Rename(b.file, b.file+".away") },
		"emptied": func(b *bench) error {
			return errors.Join(os.Rename(b.file, b.file+".away"), os.WriteFile(b.file, nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			took := false
			b.each = func() {
				if len(b.waited) == 3 {
					took = takeAway(b) == nil
				}
			}
			if state := b.runs(2).State(); !took || state.Lines != 1 || !strings.Contains(state.Waiting, "bring the file back") {
				t.Errorf("without its file it says %+v", state)
			}
			b.want("")
			if err := os.Rename(b.file+".away", b.file); err != nil {
				t.Fatal(err)
			}
			b.each = nil
			b.runs(1)
			b.want("17 19 20")
		})
	}
	b := newBench(t)
	b.file = filepath.Join(t.TempDir(), "not mounted", "heads.jws")
	if state := b.runs(0.1).State(); !strings.Contains(state.Waiting, "no such file or directory") {
		t.Errorf("without a folder it says %+v", state)
	}
}

// Who is begun again in a place without the file, such as a disk that is not mounted yet, would otherwise begin another one there and seem well.
func TestASignerBeginsNoFileUnlessToldTo(t *testing.T) {
	for name, make := range map[string]func(b *bench) error{
		"none":     func(*bench) error { return nil },
		"an empty": func(b *bench) error { return os.WriteFile(b.file, nil, 0o600) },
	} {
		b := newBench(t)
		b.resumes = true
		if err := make(b); err != nil {
			t.Fatal(err)
		}
		if state := b.runs(1).State(); state.Lines != 0 || !strings.Contains(state.Waiting, "--begin") || b.shows("waiting") != 1 {
			t.Errorf("with %s file it says %+v", name, state)
		}
		b.want("")
		b.resumes = false
		b.runs(0.1)
		b.resumes = true
		b.runs(1)
		b.want("18 19")
	}
}

func TestWhatIsNotAsItMustBeIsNotSigned(t *testing.T) {
	b := newBench(t)
	b.runs(0.1)
	b.faulty = errors.New("check chain fails")
	if state := b.runs(1).State(); state.Waiting != "check chain fails" || state.Lines != 1 {
		t.Errorf("with a check that fails it says %+v", state)
	}
	b.faulty, b.journals = nil, -1000 // a ledger that went back
	if state := b.runs(0.1).State(); !strings.Contains(state.Waiting, "shard 0 went back") || state.Lines != 1 {
		t.Errorf("with a ledger that went back it says %+v", state)
	}
	b.want("17")
}

// Periods begin at midnight, so that each day has the same ones.
func TestPeriodsFitIntoDays(t *testing.T) {
	b := newBench(t)
	for every, taken := range map[time.Duration]bool{
		time.Hour: true, 8 * time.Hour: true, 24 * time.Hour: true, 48 * time.Hour: true, 5 * time.Hour: false, 7 * time.Hour: false, 36 * time.Hour: false, -24 * time.Hour: false,
	} {
		if _, err := anchoring.New(anchoring.Config{Every: every, Key: b.key()}); (err == nil) != taken {
			t.Errorf("a line every %s: %v", every, err)
		}
	}
}

func TestALineEachMomentIsRefused(t *testing.T) {
	b := newBench(t)
	if _, err := anchoring.New(anchoring.Config{Every: time.Second, Key: b.key()}); err == nil {
		t.Error("a line each second is taken")
	}
	if _, err := anchoring.New(anchoring.Config{Every: time.Hour}); err == nil {
		t.Error("no key is taken")
	}
}

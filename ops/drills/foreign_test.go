package drills_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/ops/embedded"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// The clients of these tests share no code with Penstock: Confluent's for Python with its Avro serializers, Apache's for Java with Avro, and kcat. What they
// run is in testdata, and the page for those who write clients shows the same files.

const (
	produceScript  = "produce.py"
	consumeScript  = "consume.py"
	strangerScript = "stranger.py"
	ownSchema      = "instruction.avsc"

	// contributions is how many the produce script has sent when the readers start.
	contributions = 2
	// acceptedBefore is how many instructions have been accepted when the readers start: two of each run of the produce script, and what the stranger sends well.
	acceptedBefore = 2*2 + 3

	// foreignStackMax bounds the start of the embedded stack, whose Postgres may have to be fetched first.
	foreignStackMax = 10 * time.Minute
)

func TestRealForeignClientsOnTheEmbeddedStack(t *testing.T) {
	python := findPython(t)
	foreigners(t, python, newRig(t, onEmbeddedStack(t)), day("2008-03-20"))
}

func TestRealKafkaWithAForeignClient(t *testing.T) {
	python := findPython(t)
	foreigners(t, python, newRig(t, onRealKafka(t, true)), schemas.DateOf(time.Now().UTC().Date()))
}

// findPython returns the interpreter that has the foreign client, or skips the test.
func findPython(t *testing.T) string {
	t.Helper()
	python := os.Getenv("PENSTOCK_PYTHON")
	if python == "" {
		t.Skip("SKIPPED foreign-client: PENSTOCK_PYTHON names no interpreter with .ci/requirements.txt installed")
	}
	return python
}

// onEmbeddedStack is a site on what `penstock up` gives its users, where it is always the morning of the first day.
func onEmbeddedStack(t *testing.T) site {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), foreignStackMax)
	defer cancel()
	dir := t.TempDir()
	stack, err := embedded.Start(ctx, embedded.Config{
		Dir:           dir,
		RestampTopics: func(topic string) bool { return strings.HasPrefix(topic, "ingest.") },
		Now:           morning.Time,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(stack.Close(context.Background()), embedded.Remove(dir)); err != nil {
			t.Error(err)
		}
	})
	return site{brokers: []string{stack.KafkaAddr()}, registry: stack.RegistryURL(), suffix: stack.TransactionalSuffix()}
}

// foreigners has strangers write to the pipeline and read from it, as of the day on which the broker stamps.
func foreigners(t *testing.T, python string, r *rig, today schemas.Date) {
	r.refer(foreignReference(today))
	f := &foreign{rig: r, python: python, today: today}
	f.run(produceScript, "latest", today.String())
	f.run(produceScript, "own", today.String(), filepath.Join("testdata", ownSchema))
	wrong := f.sendUnusual()
	rejections := await(r, streams.AuditRejection, "rejections", count[audit.Rejection](len(wrong)))
	statuses := await(r, streams.StatusInstruction, "answers to what was accepted and to what was refused", answered(acceptedBefore, rejections))
	journals := await(r, streams.LedgerJournal, "contributions", count[ledger.Journal](contributions))
	t.Run("each wrong record is rejected once", func(t *testing.T) { f.in(t).checkRejections(wrong) })
	t.Run("keys of any partitioner are taken", func(t *testing.T) { f.in(t).checkPartitions() })
	t.Run("statuses are read as told", func(t *testing.T) { f.in(t).checkStatuses(statuses) })
	t.Run("journals are read as booked", func(t *testing.T) { f.in(t).checkJournals(journals, statuses) })
	t.Run("kcat sees keys and framing of journals", func(t *testing.T) { f.in(t).checkKcat(streams.LedgerJournal, framedJournals(journals)) })
	t.Run("kcat sees keys and framing of statuses", func(t *testing.T) { f.in(t).checkKcat(streams.StatusInstruction, framedStatuses(statuses)) })
	t.Run("Java sends and reads", func(t *testing.T) { f.in(t).checkJava() })
}

// foreignReference is the reference data of two assets around a day.
func foreignReference(today schemas.Date) []reference.EntryBody {
	const around = 60
	from := today - around
	always := func(name string) *reference.Calendar {
		return &reference.Calendar{Name: name, FirstDay: from, LastDay: today + around}
	}
	return []reference.EntryBody{
		always("XLON"), always("XNYS"),
		&reference.Custodian{ID: "CUST", Name: "A custodian"},
		&reference.Settings{EffectiveFrom: from, PlatformCalendar: "XLON", Zone: "Europe/London", BackdatingDays: around},
		asset("AAPL", from), asset("GOOG", from),
	}
}

// foreign runs foreign clients against a rig.
type foreign struct {
	*rig
	python string
	today  schemas.Date
}

// in is the same for a subtest.
func (f *foreign) in(t *testing.T) *foreign {
	r := *f.rig
	r.t = t
	return &foreign{&r, f.python, f.today}
}

// run runs a script to its end and returns the lines that it printed.
func (f *foreign) run(script string, arguments ...string) []string {
	f.t.Helper()
	arguments = append([]string{filepath.Join("testdata", script), f.connection.Brokers[0], f.connection.Registry.URL}, arguments...)
	return f.output(exec.CommandContext(f.ctx, f.python, arguments...))
}

func (f *foreign) output(command *exec.Cmd) []string {
	f.t.Helper()
	var failure bytes.Buffer
	command.Stderr = &failure
	out, err := command.Output()
	if err != nil {
		f.t.Fatalf("%s: %v\n%s%s", command, err, out, failure.Bytes())
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

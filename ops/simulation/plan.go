package simulation

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/penstock-ledger/penstock/ops/faults"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// Plan is what is to go wrong in a run.
type Plan struct {
	// Members is how many instances begin, RecordsMax and VisitsMax bound their transactions.
	Members, RecordsMax, VisitsMax int
	// Wire are the faults on the wire of each instance, by its number; Outside and Sink are those of whoever sends records, and of the sinks.
	Wire          map[int][]faults.Rule
	Outside, Sink []faults.Rule
	Answers       []faults.Answer
	Crashes       []Crash
	SQL           []faults.SQLRule
	Bookings      []Booking
	Events        []Event
}

// Crash is a crash at a step of a process's shards: an error there or, where Kill is set, the end of the whole instance.
type Crash struct {
	Process string
	Step    engine.Step
	Nth     int
	Kill    bool
}

func (c Crash) String() string {
	what := "crash"
	if c.Kill {
		what = "kill"
	}
	return fmt.Sprintf("%s at %s #%d of %s", what, c.Step, c.Nth, c.Process)
}

// Booking is a crash of the sink at a step.
type Booking struct {
	Step postgres.Step
	Nth  int
}

func (b Booking) String() string { return fmt.Sprintf("sink crash at %s #%d", b.Step, b.Nth) }

// Deed is what an event does.
type Deed string

// The deeds.
const (
	// Join starts another instance, on a disk of its own.
	Join Deed = "an instance joins"
	// Stop ends the oldest instance politely, Kill without a word.
	Stop Deed = "an instance stops"
	Kill Deed = "an instance is killed"
	// Freeze keeps everything that the oldest instance sends or hears back until others have taken over.
	Freeze Deed = "an instance freezes"
	// Restart ends the sinks and starts one; Beside starts another one.
	Restart Deed = "the sink restarts"
	Beside  Deed = "another sink joins"
	// Audit verifies the ledger in Postgres while everything goes on.
	Audit Deed = "the ledger is verified"
)

// Disk is what an instance finds that takes the place of another one.
type Disk string

// The disks.
const (
	// DiskNew is empty. DiskSame is that of the other one, with all that it wrote; DiskCrashed what a power cut leaves of it; DiskOld what
	// it, or one before it, left a while ago. DiskAhead claims to be ahead of the changelogs, DiskForeign is of another cluster.
	DiskNew     Disk = "an empty disk"
	DiskSame    Disk = "the same disk"
	DiskCrashed Disk = "the disk after a power cut"
	DiskOld     Disk = "an old disk"
	DiskAhead   Disk = "a disk that is ahead"
	DiskForeign Disk = "a disk of another cluster"
)

// Event is something that happens when shards have committed so many transactions.
type Event struct {
	After int
	Do    Deed
	// Disk is what the instance finds that begins after a Stop or Kill.
	Disk Disk
}

func (e Event) String() string {
	text := fmt.Sprintf("after %d transactions %s", e.After, e.Do)
	if e.Disk != "" {
		text += ", one begins with " + string(e.Disk)
	}
	return text
}

// The sizes of plans.
const (
	membersMax      = 2
	faultsMax       = 5
	eventsMax       = 3
	moreMax         = 2
	transactionsMax = 160
)

// DrawPlan draws a plan from the seed of a workload and a second number.
func DrawPlan(seed, number uint64) *Plan {
	d := drawer{rand.New(rand.NewPCG(seed, number))} //nolint:gosec // it is to be repeatable
	p := &Plan{Members: 1 + d.IntN(membersMax), RecordsMax: 1 + d.IntN(20), VisitsMax: 1 + d.IntN(4), Wire: make(map[int][]faults.Rule)}
	for range 1 + d.IntN(faultsMax) {
		d.fault(p)
	}
	for range d.IntN(eventsMax + 1) {
		p.Events = append(p.Events, d.event())
	}
	// What plans have learned since is drawn last, so that a seed keeps all that it had.
	for range d.IntN(moreMax + 1) {
		d.more(p)
	}
	return p
}

// Lines tells the plan in words.
func (p *Plan) Lines() []string {
	lines := []string{fmt.Sprintf("%d instances begin; transactions of %d records and %d visits", p.Members, p.RecordsMax, p.VisitsMax)}
	for _, number := range slices.Sorted(maps.Keys(p.Wire)) {
		lines = told(lines, fmt.Sprintf("instance %d: ", number), p.Wire[number])
	}
	lines = told(told(lines, "senders: ", p.Outside), "sinks: ", p.Sink)
	lines = told(told(told(lines, "broker: ", p.Answers), "", p.Crashes), "Postgres: ", p.SQL)
	return told(told(lines, "", p.Bookings), "", p.Events)
}

func told[T fmt.Stringer](lines []string, where string, what []T) []string {
	for _, w := range what {
		lines = append(lines, where+w.String())
	}
	return lines
}

type drawer struct{ *rand.Rand }

func pick[T any](d drawer, from ...T) T { return from[d.IntN(len(from))] }

// fault adds a fault.
func (d drawer) fault(p *Plan) {
	switch d.IntN(10) {
	case 0, 1, 2:
		number := d.IntN(p.Members)
		p.Wire[number] = append(p.Wire[number], d.rule(faults.Actions()...))
	case 3, 4:
		p.Answers = append(p.Answers, d.answer())
	case 5, 6:
		p.Crashes = append(p.Crashes, d.crash())
	case 7:
		p.SQL = append(p.SQL, faults.SQLRule{Statement: pick(d, faults.Begin, faults.Copy, faults.Commit, faults.Commit), Nth: 1 + d.IntN(20), Done: d.IntN(2) == 0})
	case 8:
		p.Bookings = append(p.Bookings, Booking{Step: pick(d, postgres.StepCopied, postgres.StepBooked), Nth: 1 + d.IntN(12)})
	default:
		rule := d.rule(briefly()...)
		if d.IntN(2) == 0 {
			rule.Key, rule.Nth = pick(d, kmsg.Produce, kmsg.Produce, kmsg.InitProducerID, kmsg.Metadata), 1+d.IntN(3)
			p.Outside = append(p.Outside, rule)
			return
		}
		rule.Key, rule.Nth = pick(d, kmsg.Fetch, kmsg.Fetch, kmsg.ListOffsets, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Metadata), 1+d.IntN(6)
		p.Sink = append(p.Sink, rule)
	}
}

// rule draws a fault on the wire of an instance.
func (d drawer) rule(actions ...faults.Action) faults.Rule {
	return d.ruleOf(instanceRequests(), actions)
}

func (d drawer) ruleOf(requests []request, actions []faults.Action) faults.Rule {
	r := pick(d, requests...)
	return faults.Rule{Key: r.key, Nth: 1 + d.IntN(r.max), Do: pick(d, actions...)}
}

func (d drawer) answer() faults.Answer { return d.answerOf(answers()) }

func (d drawer) answerOf(requests []request) faults.Answer {
	r := pick(d, requests...)
	return faults.Answer{Key: r.key, Nth: 1 + d.IntN(r.max), Err: pick(d, r.errs...)}
}

// more adds a fault of the kinds that the first plans did not know.
func (d drawer) more(p *Plan) {
	switch d.IntN(5) {
	case 0:
		p.Outside = append(p.Outside, d.ruleOf(senderRequests(), briefly()))
	case 1, 2:
		p.Sink = append(p.Sink, d.ruleOf(sinkRequests(), briefly()))
	default:
		p.Answers = append(p.Answers, d.answerOf(moreAnswers()))
	}
}

func (d drawer) crash() Crash {
	steps := []engine.Step{
		engine.StepFenced, engine.StepOwned, engine.StepRestored, engine.StepBegun, engine.StepDecided, engine.StepWritten, engine.StepFlushed,
		engine.StepCommitted, engine.StepStored,
	}
	c := Crash{Process: pick(d, "pot", "pot", "pot", "dealing", "dealing", "intake-instruction", "intake-confirmation", "intake-price"), Step: pick(d, steps...), Kill: d.IntN(3) == 0}
	c.Nth = 1 + d.IntN(20)
	if c.Step == engine.StepFenced || c.Step == engine.StepOwned || c.Step == engine.StepRestored {
		c.Nth = 1 + d.IntN(2)
	}
	return c
}

func (d drawer) event() Event {
	e := Event{After: 1 + d.IntN(transactionsMax), Do: pick(d, Join, Stop, Stop, Kill, Kill, Freeze, Restart, Beside, Audit)}
	if e.Do == Stop || e.Do == Kill {
		e.Disk = pick(d, DiskNew, DiskSame, DiskSame, DiskCrashed, DiskOld, DiskAhead, DiskForeign)
	}
	return e
}

package history

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	hour   = 60 * 60 * 1000
	minute = 60 * 1000
	day    = 24 * hour
)

// TailDays are the days without instructions after a history, in which all of it settles.
const TailDays = 20

// Pipeline is what a history is played against.
type Pipeline interface {
	// Produce appends a record to the partition that its key belongs to, ProduceTo to one of the caller's choice.
	Produce(topic, key string, value []byte, timestamp schemas.Instant)
	ProduceTo(topic string, partition int32, key string, value []byte, timestamp schemas.Instant)
	// Run returns when the pipeline has come to rest.
	Run() error
	// Topic returns the records of a topic, partition by partition.
	Topic(name string) []sim.Record
}

// World plays a history against a pipeline: upstreams, the clock, vendors and custodians.
type World struct {
	*History
	Pipeline
	Shards int32
	// Now is the time by the clock of whoever sends.
	Now schemas.Instant
	// Restless changes reference data while the history goes on.
	Restless bool
	// Operators lets operators act in the evenings of the first days: prices are corrected, charges taken, income given to who holds units,
	// journals reversed; and members leave.
	Operators bool
	// Rare lets happen what is rare: members choose how contributions are invested, settlements are given up, units split, merged or moved in specie, income is reinvested, units are sold for charges, and
	// another version of a rule starts.
	Rare bool
	// Done, where given, is asked at the end of each day after the last instructions; the history ends where it says so.
	Done func() bool
	// Interlude, where given, is called at each moment of each day, for whoever has something of their own to do there. Only after a step has
	// the pipeline come to rest.
	Interlude func(Moment, schemas.Date) error

	// unread says that something was sent since the pipeline came to rest.
	unread bool
	sent   []ingest.Instruction
	// answered counts the custodian orders whose pricing was answered; due are those that are still to settle.
	answered int
	due      []*delivery
	// paying are the payments that the bank has still to say something of.
	paying []*paying
	// seen are the payments and deliveries that were ordered.
	seen map[schemas.ID]bool
	// delivering are the deliveries of units of which custodians have still to say something.
	delivering []*inSpecie
	// transfers are the day's transfers in.
	transfers []Action
	// orphans are references under which cash came that nobody claims.
	orphans []orphan
	// operated is what operators have done.
	operated
	// closed are the days that a restless world has tried to close in London.
	closed []schemas.Date
}

// Moment is a moment of a day.
type Moment int

// The moments of a day: before each thing that somebody sends, before the day is closed, after each step of the evening, and after its last.
const (
	BeforeAction Moment = iota
	BeforeClose
	AfterStep
	AfterDay
)

func (w *World) interlude(moment Moment, today schemas.Date) error {
	if w.Interlude == nil {
		return nil
	}
	return w.Interlude(moment, today)
}

// New makes a world at the time before its first record.
func New(h *History, shards int32, pipeline Pipeline) *World {
	return &World{History: h, Pipeline: pipeline, Shards: shards, seen: make(map[schemas.ID]bool)}
}

// Play plays the history to its end, until everything has settled.
func (w *World) Play() error {
	if err := w.LearnReference(); err != nil {
		return err
	}
	days := len(w.Days) + TailDays
	if w.Restless {
		days += TailDays // holidays and lags that are announced on the way make it longer
	}
	for n := range days {
		if err := w.playDay(n); err != nil {
			return fmt.Errorf("on day %d: %w", n+1, err)
		}
		if n >= len(w.Days) && w.Done != nil && w.Done() {
			break
		}
	}
	return nil
}

// AtRest says whether custodians and the bank have nothing left to say.
func (w *World) AtRest() bool {
	w.readPayments() // some may have been ordered since the bank had its say today
	w.readDeliveries()
	return len(w.due) == 0 && len(w.paying) == 0 && len(w.delivering) == 0 && len(w.orphans) == 0
}

// LearnReference sends the reference data that the history begins with, in an order in which nothing refers to what is still to come.
func (w *World) LearnReference() error {
	w.At(Monday-3, 9*hour)
	for n, entry := range append(w.ReferenceEntries(), w.glidePaths()...) {
		w.Send(streams.IngestReference, "reference", &ingest.ReferenceData{Source: "reference", ID: fmt.Sprint(n), Entry: *entry})
	}
	return w.Run()
}

// change announces a holiday in London, or another cut-off or lag of an asset, within the next days. Dealing takes it or refuses it.
func (w *World) change(today schemas.Date) error {
	n := uint64(today)                                     //nolint:gosec // after 1970
	day := today + schemas.Date(w.dice(6, aboutChange, n)) //nolint:gosec // few
	entry := &reference.Entry{}
	switch w.dice(3, aboutChange, n, 1) {
	case 0:
		w.closed = append(w.closed, day)
		closed := slices.Sorted(slices.Values(append([]schemas.Date{Monday + 4, Monday + 7}, w.closed...)))
		entry.Body = &reference.Calendar{Name: "london", FirstDay: Monday - 100, LastDay: Monday + 200, Closed: slices.Compact(closed)}
	default:
		asset := Assets()[w.dice(assetsCount, aboutChange, n, 2)]
		asset.EffectiveFrom = day
		if day > w.gatedThrough() {
			asset.Rejection = reference.RejectionPolicyReverse
		}
		asset.CutOffMinute = int32(9*60 + w.dice(8*60, aboutChange, n, 3)) //nolint:gosec // less than a day
		asset.SettlementLag = int32(w.dice(6, aboutChange, n, 4))          //nolint:gosec // few
		entry.Body = &asset
	}
	w.Send(streams.IngestReference, "reference", &ingest.ReferenceData{Source: "reference", ID: fmt.Sprint("day", n), Entry: *entry})
	return w.Run()
}

// At moves the time on; it never runs backwards.
func (w *World) At(date schemas.Date, time schemas.Instant) {
	w.Now = max(w.Now, schemas.Instant(date)*day+time)
}

// Send sends a record a moment later.
func (w *World) Send(topic, key string, value streams.Value) {
	w.Now++
	w.unread = true
	w.Produce(topic, key, sim.Frame(topic, value), w.Now)
}

// Tick tells every shard what time it is.
func (w *World) Tick() {
	w.unread = true
	for partition := range w.Shards {
		w.Now++
		w.ProduceTo(streams.IngestInstruction, partition, "", sim.Frame(streams.IngestInstruction, &ingest.Instruction{Body: &ingest.Tick{}}), w.Now)
	}
}

func (w *World) playDay(n int) error {
	today := Monday + schemas.Date(n) //nolint:gosec // days are few
	w.At(today, 8*hour)
	if n == 0 {
		for p := range Pots - 2 {
			w.Instruct(&ingest.Instruction{Source: "portal", ID: "open", Pot: PotName(p), InstructedOn: today, Body: &ingest.PotOpened{}})
		}
	}
	if err := w.act(n, today, false); err != nil {
		return err
	}
	if w.Restless && n < len(w.Days)+TailDays/2 {
		if err := w.Run(); err != nil {
			return err
		}
		if err := w.change(today); err != nil {
			return err
		}
	}
	if err := w.interlude(BeforeClose, today); err != nil {
		return err
	}
	w.At(today, 20*hour)
	w.Tick()
	if w.scheduledFrom > 0 {
		// What a pot is worth when a charge accrues must not depend on how far what comes after the tick has got.
		if err := w.rest(); err != nil {
			return err
		}
	}
	if err := w.act(n, today, true); err != nil {
		return err
	}
	for _, step := range []func(schemas.Date) error{
		w.early, w.Prices, w.Releases, w.fills, w.settlements, w.corrections, w.charges, w.distributions, w.reversals, w.leavings, w.deliveries,
		w.payments, w.refunds, w.transfersIn,
	} {
		if err := w.rest(); err != nil {
			return err
		}
		if err := w.interlude(AfterStep, today); err != nil {
			return err
		}
		if err := step(today); err != nil {
			return err
		}
	}
	if err := w.Run(); err != nil {
		return err
	}
	return w.interlude(AfterDay, today)
}

// rest lets the pipeline come to rest where there is something that it has not read.
func (w *World) rest() error {
	if !w.unread {
		return nil
	}
	w.unread = false
	return w.Run()
}

// act does a day's actions, or those of its evening.
func (w *World) act(n int, today schemas.Date, evening bool) error {
	if n >= len(w.Days) {
		return nil
	}
	for _, a := range w.Days[n] {
		if (a.Kind == SendsLate) != evening {
			continue
		}
		w.Now += schemas.Instant(a.Minute) * minute
		if err := w.interlude(BeforeAction, today); err != nil {
			return err
		}
		w.do(a, today)
	}
	return nil
}

func (w *World) do(a Action, today schemas.Date) {
	switch a.Kind {
	case SendsGarbage:
		w.garbage(a, today)
	case Resends:
		for _, i := range w.sent[max(0, len(w.sent)-a.Target):] {
			w.Instruct(&i)
		}
	case TransfersIn:
		w.transfers = append(w.transfers, a)
	case Lags:
		// It stays within its day: on which day it was received must not depend on what else came to its partition.
		w.instruct(a.instruction(len(w.sent), today, w.sent), min(schemas.Instant(a.Target)*hour, w.Now-schemas.Instant(today)*day))
	default:
		if i := a.instruction(len(w.sent), today, w.sent); i != nil {
			w.choose(a, i)
			w.Instruct(i)
		}
	}
}

// Instruct sends an instruction. Some pots' senders have a partitioner of their own: intake puts their records right.
func (w *World) Instruct(i *ingest.Instruction) { w.instruct(i, 0) }

// instruct sends an instruction whose timestamp lies a while back.
func (w *World) instruct(i *ingest.Instruction, back schemas.Instant) {
	w.sent = append(w.sent, *i)
	w.send(i, back)
}

// send sends an instruction that no later one repeats.
func (w *World) send(i *ingest.Instruction, back schemas.Instant) {
	w.Now++
	w.unread = true
	key, value := string(i.Pot), sim.Frame(streams.IngestInstruction, i)
	if key == string(PotName(1)) {
		w.ProduceTo(streams.IngestInstruction, w.Shards-1, key, value, w.Now-back)
		return
	}
	w.Produce(streams.IngestInstruction, key, value, w.Now-back)
}

// garbage sends what must be refused, and with one record each. None of it may be good: a pot whose good instructions lie in two
// partitions has no one order of them.
func (w *World) garbage(a Action, today schemas.Date) {
	w.Now++
	w.unread = true
	i := &ingest.Instruction{Source: "portal", ID: schemas.InstructionID(fmt.Sprintf("g%d", w.Now)), Pot: PotName(a.Pot), InstructedOn: today, Body: &ingest.Buy{Asset: "COARSE", Cash: a.Cash}}
	key, value := string(i.Pot), sim.Frame(streams.IngestInstruction, i)
	switch a.Target {
	case 0:
		value = []byte("garbage")
	case 1:
		value = value[:len(value)-1]
	case 2:
		value = append(value, make([]byte, streams.IngestRecordBytesMax)...)
	case 3:
		key = streams.ControlKey(0)
	case 4:
		i.Body = &ingest.Buy{Asset: "COARSE", Cash: -a.Cash}
		value = sim.Frame(streams.IngestInstruction, i)
	case 5:
		i.Body = &ingest.Buy{Asset: "NONE", Cash: a.Cash}
		value = sim.Frame(streams.IngestInstruction, i)
	case 6:
		i.Pot = ""
		value = sim.Frame(streams.IngestInstruction, i)
	case 7:
		i.Body = &ingest.Contribution{Cash: a.Cash, Split: []ingest.SplitPart{{Asset: "COARSE", Weight: a.Weight}}}
		value = sim.Frame(streams.IngestInstruction, i)
	case 8:
		value = sim.Frame(streams.IngestPrice, i)
	default:
		value = nil
	}
	w.Produce(streams.IngestInstruction, key, value, w.Now)
}

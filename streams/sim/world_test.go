package sim_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

const (
	hour   = 60 * 60 * 1000
	minute = 60 * 1000
	day    = 24 * hour
)

// tailDays are the days without instructions after a history, in which all of it settles.
const tailDays = 10

// world plays a history against a pipeline: upstreams, the clock, vendors and custodians.
type world struct {
	*history
	*sim.Pipeline
	shards int32
	now    schemas.Instant
	sent   []ingest.Instruction
	// answered counts the custodian orders whose pricing was answered; due are those that are still to settle.
	answered int
	due      []*custodian.CustodianOrder
	// restless changes reference data while the history goes on; closed are the days that it has tried to close in London.
	restless bool
	closed   []schemas.Date
}

func newWorld(h *history, shards int32, schedule sim.Schedule) (*world, error) {
	processes := append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))
	pipeline, err := sim.New(shards, processes...)
	if err != nil {
		return nil, err
	}
	pipeline.Vary(schedule)
	return &world{history: h, Pipeline: pipeline, shards: shards}, nil
}

// play plays the history to its end, until everything has settled.
func play(h *history, shards int32, schedule sim.Schedule) (*world, error) {
	w, err := newWorld(h, shards, schedule)
	if err != nil {
		return nil, err
	}
	return w, w.playThrough()
}

func (w *world) playThrough() error {
	w.at(monday-3, 9*hour)
	if err := w.learnReference(); err != nil {
		return err
	}
	days := len(w.days) + tailDays
	if w.restless {
		days += 2 * tailDays // holidays and lags that are announced on the way make it longer
	}
	for n := range days {
		if err := w.playDay(n); err != nil {
			return fmt.Errorf("on day %d: %w", n+1, err)
		}
	}
	return nil
}

// change announces a holiday in London, or another cut-off or lag of an asset, within the next days. Dealing takes it or refuses it.
func (w *world) change(today schemas.Date) error {
	n := uint64(today)
	day := today + schemas.Date(w.dice(6, aboutChange, n))
	entry := &reference.Entry{}
	switch w.dice(3, aboutChange, n, 1) {
	case 0:
		w.closed = append(w.closed, day)
		closed := slices.Sorted(slices.Values(append([]schemas.Date{monday + 4, monday + 7}, w.closed...)))
		entry.Body = &reference.Calendar{Name: "london", FirstDay: monday - 100, LastDay: monday + 200, Closed: slices.Compact(closed)}
	default:
		asset := assets[w.dice(uint64(len(assets)), aboutChange, n, 2)]
		asset.EffectiveFrom = day
		asset.CutOffMinute = int32(9*60 + w.dice(8*60, aboutChange, n, 3))
		asset.SettlementLag = int32(w.dice(6, aboutChange, n, 4))
		entry.Body = &asset
	}
	w.send(streams.IngestReference, "reference", &ingest.ReferenceData{Source: "reference", ID: fmt.Sprint("day", n), Entry: *entry})
	return w.Run()
}

// at moves the time on; it never runs backwards.
func (w *world) at(date schemas.Date, time schemas.Instant) {
	w.now = max(w.now, schemas.Instant(date)*day+time)
}

func (w *world) send(topic, key string, value streams.Value) {
	w.now++
	w.Produce(topic, key, sim.Frame(topic, value), w.now)
}

func (w *world) playDay(n int) error {
	today := monday + schemas.Date(n)
	w.at(today, 8*hour)
	if n == 0 {
		for p := range potsOfHistory - 2 {
			w.instruct(&ingest.Instruction{Source: "portal", ID: "open", Pot: potName(p), InstructedOn: today, Body: &ingest.PotOpened{}})
		}
	}
	if n < len(w.days) {
		for _, a := range w.days[n] {
			w.now += schemas.Instant(a.minute) * minute
			w.act(a, today)
		}
	}
	if w.restless && n < len(w.days)+tailDays {
		if err := w.Run(); err != nil {
			return err
		}
		if err := w.change(today); err != nil {
			return err
		}
	}
	w.at(today, 20*hour)
	w.tick()
	for _, step := range []func(schemas.Date){w.early, w.prices, w.releases, w.fills, w.settlements} {
		if err := w.Run(); err != nil {
			return err
		}
		step(today)
	}
	return w.Run()
}

// instruct sends an instruction. Some pots' senders have a partitioner of their own: intake puts their records right.
func (w *world) instruct(i *ingest.Instruction) {
	w.now++
	w.sent = append(w.sent, *i)
	key, value := string(i.Pot), sim.Frame(streams.IngestInstruction, i)
	if key == string(potName(1)) {
		w.ProduceTo(streams.IngestInstruction, w.shards-1, key, value, w.now)
		return
	}
	w.Produce(streams.IngestInstruction, key, value, w.now)
}

func (w *world) act(a action, today schemas.Date) {
	if a.kind == sendsGarbage {
		w.garbage(a, today)
		return
	}
	if i := a.instruction(len(w.sent), today, w.sent); i != nil {
		w.instruct(i)
	}
}

// garbage sends what must be refused, and with one record each. None of it may be good: a pot whose good instructions lie in two
// partitions has no one order of them.
func (w *world) garbage(a action, today schemas.Date) {
	w.now++
	i := &ingest.Instruction{Source: "portal", ID: schemas.InstructionID(fmt.Sprintf("g%d", w.now)), Pot: potName(a.pot), InstructedOn: today, Body: &ingest.Buy{Asset: "COARSE", Cash: a.cash}}
	key, value := string(i.Pot), sim.Frame(streams.IngestInstruction, i)
	switch a.target {
	case 0:
		value = []byte("garbage")
	case 1:
		value = value[:len(value)-1]
	case 2:
		value = append(value, make([]byte, streams.IngestRecordBytesMax)...)
	case 3:
		key = streams.ControlKey(0)
	case 4:
		i.Body = &ingest.Buy{Asset: "COARSE", Cash: -a.cash}
		value = sim.Frame(streams.IngestInstruction, i)
	case 5:
		i.Body = &ingest.Buy{Asset: "NONE", Cash: a.cash}
		value = sim.Frame(streams.IngestInstruction, i)
	case 6:
		i.Pot = ""
		value = sim.Frame(streams.IngestInstruction, i)
	case 7:
		i.Body = &ingest.Contribution{Cash: a.cash, Split: []ingest.SplitPart{{Asset: "COARSE", Weight: a.weight}}}
		value = sim.Frame(streams.IngestInstruction, i)
	case 8:
		value = sim.Frame(streams.IngestPrice, i)
	default:
		value = nil
	}
	w.Produce(streams.IngestInstruction, key, value, w.now)
}

// early lets some custodians confirm before the price is known: their confirmations wait.
func (w *world) early(schemas.Date) {
	orders := w.orders()
	for _, o := range orders[w.answered:] {
		if w.dice(2, aboutEarly, uint64(o.Trade[3])) == 0 {
			w.confirm(w.answersTo(o))
		}
	}
}

// prices sends the day's closes, and some again.
func (w *world) prices(today schemas.Date) {
	for n := range assets {
		asset := &assets[n]
		price := &ingest.Price{Source: "vendor", Asset: asset.Code, Date: today, Close: w.closeOf(n, today), Quotation: asset.Quotation}
		w.send(streams.IngestPrice, string(asset.Code), price)
		if w.dice(4, aboutNoise, uint64(n), uint64(today)) == 0 {
			other := *price
			other.Close += schemas.Price(schemas.Power10(schemas.PriceScale))
			w.send(streams.IngestPrice, string(asset.Code), price)
			w.send(streams.IngestPrice, string(asset.Code), &other)
		}
	}
}

// releases releases every price of the day, whether it is parked or not; the pipeline knows. Some are refused first, and come again.
func (w *world) releases(today schemas.Date) {
	for n := range assets {
		asset := &assets[n]
		if w.dice(3, aboutRelease, uint64(n), uint64(today)) == 0 {
			w.send(streams.IngestOperator, "ann", &ingest.Operation{Operator: "ann", ID: fmt.Sprint("refuse", w.now), Reason: "asking the vendor", Body: &ingest.PriceRefusal{
				Asset: asset.Code, Date: today, Price: w.pounds(n, today),
			}})
			if err := w.Run(); err != nil {
				panic(err)
			}
			w.send(streams.IngestPrice, string(asset.Code), &ingest.Price{Source: "vendor", Asset: asset.Code, Date: today, Close: w.closeOf(n, today), Quotation: asset.Quotation})
			if err := w.Run(); err != nil {
				panic(err)
			}
		}
		w.send(streams.IngestOperator, "ann", &ingest.Operation{Operator: "ann", ID: fmt.Sprint("release", w.now), Reason: "the vendor says so", Body: &ingest.PriceRelease{
			Asset: asset.Code, Date: today, Price: w.pounds(n, today),
		}})
	}
}

// fills answers the orders that came since.
func (w *world) fills(schemas.Date) {
	orders := w.orders()
	for _, o := range orders[w.answered:] {
		w.confirm(w.answersTo(o))
		w.due = append(w.due, o)
	}
	w.answered = len(orders)
}

// settlements settles what is due, and tries once a day before it is.
func (w *world) settlements(today schemas.Date) {
	var rest []*custodian.CustodianOrder
	for _, o := range w.due {
		id := "settled"
		if today < o.SettlesOn {
			rest = append(rest, o)
			id = fmt.Sprintf("early-%s", today)
		}
		w.confirm([]*ingest.Confirmation{{Custodian: o.Custodian, ID: id, Trade: o.Trade, Body: &ingest.TradeSettled{SettledOn: today}}})
	}
	w.due = rest
}

func (w *world) confirm(confirmations []*ingest.Confirmation) {
	for _, c := range confirmations {
		w.send(streams.IngestConfirmation, c.Trade.String(), c)
	}
}

// orders returns the custodians' orders in an order that no schedule changes.
func (w *world) orders() []*custodian.CustodianOrder {
	orders := decoded(w.Pipeline, streams.CustodianOrder, func() *custodian.CustodianOrder { return new(custodian.CustodianOrder) })
	slices.SortStableFunc(orders[w.answered:], func(a, b *custodian.CustodianOrder) int { return slices.Compare(a.Trade[:], b.Trade[:]) })
	return orders
}

// decoded reads a topic. Whatever is not a value of it is passed over.
func decoded[T interface{ DecodeAvro(*avrobin.Reader) }](p *sim.Pipeline, topic string, fresh func() T) []T {
	var values []T
	for _, record := range p.Topic(topic) {
		if value, ok := decode(topic, record.Value, fresh()); ok {
			values = append(values, value)
		}
	}
	return values
}

func decode[T interface{ DecodeAvro(*avrobin.Reader) }](topic string, framed []byte, value T) (T, bool) {
	payload, err := sim.Unframe(topic, framed)
	if err != nil {
		return value, false
	}
	r := avrobin.NewReader(payload)
	value.DecodeAvro(r)
	return value, r.Done() == nil
}

// input is what an auditor would read of the pipeline.
func (w *world) input() invariants.Input {
	return invariants.Input{
		Shards:        w.shards,
		Journals:      decoded(w.Pipeline, streams.LedgerJournal, func() *ledger.Journal { return new(ledger.Journal) }),
		Trades:        decoded(w.Pipeline, streams.LedgerTrade, func() *ledger.Trade { return new(ledger.Trade) }),
		Statuses:      decoded(w.Pipeline, streams.StatusInstruction, func() *status.InstructionStatus { return new(status.InstructionStatus) }),
		Instructions:  w.received(),
		Orders:        decoded(w.Pipeline, streams.CustodianOrder, func() *custodian.CustodianOrder { return new(custodian.CustodianOrder) }),
		Confirmations: decoded(w.Pipeline, streams.IngestConfirmation, func() *ingest.Confirmation { return new(ingest.Confirmation) }),
		Prices:        decoded(w.Pipeline, streams.IngestPrice, func() *ingest.Price { return new(ingest.Price) }),
		Reference:     referenceEntries(),
	}
}

// received are the instructions that can be answered, with the receipt time that intake gave them.
func (w *world) received() []invariants.Received {
	latest := make(map[int32]schemas.Instant)
	var all []invariants.Received
	for _, record := range w.Topic(streams.IngestInstruction) {
		latest[record.Partition] = max(latest[record.Partition], record.Timestamp)
		i, ok := decode(streams.IngestInstruction, record.Value, new(ingest.Instruction))
		if _, tick := i.Body.(*ingest.Tick); !ok || tick || i.Pot == "" || strings.HasPrefix(record.Key, "!") {
			continue
		}
		all = append(all, invariants.Received{ReceivedAt: latest[record.Partition], Instruction: i})
	}
	return all
}

func (w *world) rejections() []*audit.Rejection {
	return decoded(w.Pipeline, streams.AuditRejection, func() *audit.Rejection { return new(audit.Rejection) })
}

// underWay counts the orders that pots still have.
func (w *world) underWay() int {
	count := 0
	for p := range potsOfHistory {
		name := string(potName(p))
		framed := w.State(pot.Name, streams.PartitionOf(name, w.shards), name)
		if table, ok := decode(pot.Process().Table.Name, framed, new(state.PotTable)); ok {
			held, _ := table.Body.(*state.PotState)
			count += len(held.Orders)
		}
	}
	return count
}

// position is where an ingest record lies.
type position struct {
	topic     string
	partition int32
	offset    int64
}

// outcomes counts, by ingest position, the inbox records that intake made.
func (w *world) outcomes() map[position]int {
	outcomes := make(map[position]int)
	count := func(c *inbox.Cause) { outcomes[position{c.Topic, c.Partition, c.Offset}]++ }
	for _, m := range decoded(w.Pipeline, streams.PotInbox, func() *inbox.PotMessage { return new(inbox.PotMessage) }) {
		if _, ok := m.Body.(*inbox.Instructed); ok {
			count(&m.Cause)
		}
	}
	for _, m := range decoded(w.Pipeline, streams.DealingInbox, func() *inbox.DealingMessage { return new(inbox.DealingMessage) }) {
		switch m.Body.(type) {
		case *inbox.Flush, *inbox.ShardTotal:
		default:
			count(&m.Cause)
		}
	}
	return outcomes
}

// opening is an inbox record that opens a pot.
func opening(pot string) *inbox.PotMessage {
	return &inbox.PotMessage{Body: &inbox.Instructed{Instruction: ingest.Instruction{
		Source: "portal", ID: "open", Pot: schemas.PotID(pot), Body: &ingest.PotOpened{},
	}}}
}

package model_test

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/internal/scenario"
	"github.com/penstock-ledger/penstock/processors/model"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// rig plays lines to the processes in memory and to the model, and compares them after each.
type rig struct {
	shards   int32
	pipeline *sim.Pipeline
	model    *model.World
	// booked are the balances as the journals say; read is how far each partition of a topic was read.
	booked model.Books
	read   map[string]int
	// told are the answers since the last comparison.
	told   []string
	orders []*custodian.CustodianOrder
	desk   map[schemas.ID]*dealt
	stages map[string]int // of the postings so far
	held   [][2]string    // the pots and ids of instructions that were held for review
	// charges are the journals by which each pot was charged.
	charges  map[schemas.PotID][]schemas.ID
	payments []*payment.PaymentOrder
	// deliveries are units in specie, and specie is what was booked, ordered and refused of them since the last comparison.
	deliveries     map[deliveryOf]*handed
	deliveryOrders []*custodian.DeliveryOrder
	specie         []string
	step           scenario.Step // that is played
	at             schemas.Instant
}

// fault is what a test's own mistake or a difference is told as.
type fault struct{ text string }

// reporter turns what is wrong into a fault.
type reporter struct{}

func (reporter) Helper() {}

func (reporter) Errorf(format string, args ...any) { panic(fault{fmt.Sprintf(format, args...)}) }

func (reporter) Fatalf(format string, args ...any) { panic(fault{fmt.Sprintf(format, args...)}) }

func newRig(shards int32, schedule sim.Schedule) *rig {
	pipeline, err := sim.New(shards, append(intake.Processes([]byte("secret")), pot.Process(), dealing.Process(shards))...)
	if err != nil {
		panic(fault{err.Error()})
	}
	pipeline.Vary(schedule)
	shardOf := func(pot string) int { return int(streams.PartitionOf(pot, shards)) }
	return &rig{
		shards: shards, pipeline: pipeline, model: model.New(int(shards), shardOf), booked: make(model.Books), read: make(map[string]int),
		desk: make(map[schemas.ID]*dealt), stages: make(map[string]int), charges: make(map[schemas.PotID][]schemas.ID),
		deliveries: make(map[deliveryOf]*handed),
	}
}

// play lets one line happen on both sides.
func (r *rig) play(line string) {
	steps, err := scenario.Parse(line)
	if err != nil {
		panic(fault{err.Error()})
	}
	for _, step := range steps {
		if step.Verb == "at" {
			r.at = moment(step)
			continue
		}
		r.step = step
		r.produce(step)
		if err := r.pipeline.Run(); err != nil {
			panic(fault{err.Error()})
		}
		r.model.Tell(r.at.Time(), step.Kind, step.Args)
		charged := r.stages["booked charged"]
		r.compare()
		switch step.Kind {
		case "ChargeCollection":
			r.stages["collected"] += r.stages["booked charged"] - charged
		case "Tick":
			r.stages["collected by the calendar"] += r.stages["booked charged"] - charged
		}
	}
}

func moment(step scenario.Step) schemas.Instant {
	t, err := time.Parse("2006-01-02 15:04", step.Kind+" "+step.Args[0].Key)
	if err != nil {
		panic(fault{err.Error()})
	}
	return schemas.InstantOf(t)
}

// produce sends what a line tells of to its topic: a tick to every partition.
func (r *rig) produce(step scenario.Step) {
	topic, value := scenario.Ingested(reporter{}, r.at, step)
	if o, ok := value.(*ingest.Operation); ok {
		r.name(o, step)
	}
	framed := sim.Frame(topic, value)
	switch v := value.(type) {
	case *ingest.Instruction:
		if _, tick := v.Body.(*ingest.Tick); !tick {
			r.pipeline.Produce(topic, string(v.Pot), framed, r.at)
			return
		}
		for partition := range r.shards {
			r.pipeline.ProduceTo(topic, partition, "", framed, r.at)
		}
	case *ingest.Confirmation:
		r.nameUnits(v.Trade, step)
		r.pipeline.Produce(topic, v.Trade.String(), framed, r.at)
	default:
		r.pipeline.Produce(topic, "", framed, r.at)
	}
}

// name puts the id of a charge's journal in its place: lines say which of the pot's charges they mean, from 1.
func (r *rig) name(o *ingest.Operation, step scenario.Step) {
	reversal, ok := o.Body.(*ingest.JournalReversal)
	if !ok || !step.Args.Has("charge") {
		return
	}
	charges := r.charges[reversal.Pot]
	if n, err := strconv.Atoi(step.Args.Get("charge", "")); err == nil && n >= 1 && n <= len(charges) {
		reversal.Journal = charges[n-1]
	}
}

// compare reads what is new on the topics, and reports every balance and every answer that the model knows otherwise.
func (r *rig) compare() {
	for _, process := range []string{pot.Name, dealing.Name} {
		if parked := r.pipeline.Parked(process); len(parked) > 0 {
			panic(fault{fmt.Sprintf("%s could not decide for %v", process, parked)})
		}
	}
	r.told, r.specie = nil, nil
	each(r, streams.CustodianDelivery, r.order)
	each(r, streams.AuditRejection, r.refuse)
	each(r, streams.LedgerJournal, r.book)
	each(r, streams.StatusInstruction, r.answer)
	each(r, streams.CustodianOrder, func(o *custodian.CustodianOrder) { r.orders = append(r.orders, o) })
	each(r, streams.LedgerTrade, r.follow)
	each(r, streams.PaymentOrder, func(p *payment.PaymentOrder) {
		r.payments = append(r.payments, p)
		r.model.Named(string(p.Pot), string(p.Instruction), p.Payment.String())
		if strings.HasPrefix(string(p.Pot), "suspense:") {
			r.stages["refunded"]++
		}
		if p.Payee == "another-scheme" {
			r.stages["transferred out"]++
		}
	})
	slices.Sort(r.told)
	if !slices.Equal(r.told, r.model.Told) {
		panic(fault{fmt.Sprintf("answered is %q, the model says %q", r.told, r.model.Told)})
	}
	slices.Sort(r.specie)
	if slices.Sort(r.model.Specie); !slices.Equal(r.specie, r.model.Specie) {
		panic(fault{fmt.Sprintf("of units in specie it is told\n  %s\nand by the model\n  %s", strings.Join(r.specie, "\n  "), strings.Join(r.model.Specie, "\n  "))})
	}
	if lines := r.booked.Differences(r.model.Books); len(lines) > 0 {
		panic(fault{"booked is here, the model there:\n  " + strings.Join(lines, "\n  ")})
	}
}

// each reads the records that came to a topic since the last time.
func each[T any, P interface {
	*T
	DecodeAvro(*avrobin.Reader)
}](r *rig, topic string, do func(P)) {
	width := streams.TopicNamed(topic).Width.Partitions(r.shards)
	for partition := range width {
		name := fmt.Sprint(topic, "/", partition)
		records := r.pipeline.Partition(topic, partition)
		for _, record := range records[r.read[name]:] {
			payload, err := sim.Unframe(topic, record.Value)
			if err != nil {
				panic(fault{err.Error()})
			}
			value := P(new(T))
			reader := avrobin.NewReader(payload)
			value.DecodeAvro(reader)
			if err := reader.Done(); err != nil {
				panic(fault{err.Error()})
			}
			do(value)
		}
		r.read[name] = len(records)
	}
}

// book adds a journal up.
func (r *rig) book(j *ledger.Journal) {
	owner := ""
	if j.Pot != nil {
		owner = string(*j.Pot)
	}
	for i := range j.Postings {
		p := &j.Postings[i]
		r.stages["booked "+p.Stage]++
		r.bookUnits(j, p)
		if p.Stage == "charged" {
			r.charges[*j.Pot] = append(r.charges[*j.Pot], j.ID)
		}
		if p.Stage == "reserved" && j.Topic == streams.IngestOperator && p.From == ledger.PotSettled {
			r.stages["sells for a charge"]++
		}
		if p.Stage == "reserved" && j.Topic == streams.IngestOperator && p.From == ledger.PotAvailable {
			r.stages["invests income"]++
		}
		if p.Stage == "bounced" && j.Pot == nil {
			r.stages["held again from "+string(p.From)]++
		}
		if p.To == ledger.SchemeCharges && p.Trade != nil {
			r.stages["sold for a charge"]++
		}
		if p.Stage == "reversed" && p.Trade == nil {
			r.stages["reversed "+string(p.From)]++
		}
		quantity := big.NewRat(int64(p.Quantity), schemas.Power10(schemas.QuantityScale))
		r.booked.Move(int(j.Shard), owner, string(p.Asset), string(p.From), string(p.To), quantity)
	}
}

// dealt is what became of an order so far.
type dealt struct {
	pieces         int
	parts          [][2]schemas.Quantity // cash and units of each piece
	cash, units    schemas.Quantity      // of all
	price          *schemas.Price        // at which it was dealt
	final, settled bool
	failed         bool   // to settle
	last           string // the last piece that was sent
}

// follow notes what became of a trade.
func (r *rig) follow(t *ledger.Trade) {
	if r.desk[t.Trade] == nil {
		r.desk[t.Trade] = &dealt{}
	}
	d := r.desk[t.Trade]
	switch t.Event {
	case "priced":
		d.pieces, d.parts, d.final = d.pieces+1, append(d.parts, [2]schemas.Quantity{}), t.Final
		d.take(t)
	case "corrected":
		r.stages["corrected "+r.kind(t.Trade)+map[bool]string{true: " settled"}[d.settled]]++
		d.take(t)
	case "rejected", "deferred", "settled":
		if t.Event == "rejected" && d.pieces > 0 {
			r.stages["given up "+r.kind(t.Trade)]++
		}
		d.final, d.settled = true, true
	case "carried", "rest-carried":
		r.stages[t.Event+" "+r.kind(t.Trade)+map[bool]string{true: " again"}[t.Event == "carried" && d.pieces > 0]]++
	}
}

// kind says what the orders of a trade are for.
func (r *rig) kind(trade schemas.ID) string {
	at := slices.IndexFunc(r.orders, func(o *custodian.CustodianOrder) bool { return o.Trade == trade })
	return kindOf(r.orders[at])
}

// take notes a piece, or what a correction made of it.
func (d *dealt) take(t *ledger.Trade) {
	part := &d.parts[t.Piece-1]
	d.cash, d.units = d.cash+t.Cash-part[0], d.units+t.Units-part[1]
	*part = [2]schemas.Quantity{t.Cash, t.Units}
	if t.Price != nil {
		d.price = t.Price
	}
}

func (r *rig) answer(s *status.InstructionStatus) {
	r.answerUnits(s)
	id := string(s.ID)
	if s.Source == "!rebalance" {
		id = "run" // there is one a day
		r.stages["rebalanced "+string(s.State)]++
	}
	line := fmt.Sprintf("%s %s %s", s.Pot, id, s.State)
	if s.Code != "" {
		line += " " + string(s.Code)
	}
	if s.Duplicate {
		line += " again"
	}
	if s.State == "held" && !s.Duplicate {
		r.held = append(r.held, [2]string{string(s.Pot), string(s.ID)})
	}
	r.told = append(r.told, line)
}

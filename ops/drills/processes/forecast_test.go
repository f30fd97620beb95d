package processes

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	orders "github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/sim"
)

// fate is what an instruction's sender is told of it, in order, but for answers to duplicates.
type fate string

// fates are the fates of all instructions.
type fates map[string]fate

// add takes in a status and says whether it told anything new.
func (f fates) add(s *status.InstructionStatus) bool {
	if s.Duplicate {
		return false
	}
	key := string(s.Pot) + "/" + string(s.ID)
	f[key] += fate(" " + string(s.State) + string(s.Code))
	return true
}

// milestone is how much the world outside has been told when a phase is over.
type milestone struct{ statuses, orders, deliveries int }

// forecast is what a load comes to where nothing fails.
type forecast struct {
	phases     []phase
	milestones []milestone
	fates      fates
	deliveries deliveries
	canonical  [32]byte
	postings   int
}

// oracle runs a load on the pipeline in memory.
type oracle struct {
	*sim.Pipeline
	custodians *custodian.Simulator
	placed     int
	delivering [shards]int // read of each partition
}

func foresee(l load, market *demo.Market) (*forecast, error) {
	custodians, err := custodian.ParseBehaviour([]byte(behaviour))
	if err != nil {
		return nil, err
	}
	processes := append(intake.Processes([]byte(intakeKey)), pot.Process(), dealing.Process(shards))
	pipeline, err := sim.New(shards, processes...)
	if err != nil {
		return nil, err
	}
	o := &oracle{Pipeline: pipeline, custodians: custodian.NewSimulator(custodians, market.Zone())}
	entries := market.Reference()
	for n := range entries {
		o.Produce(streams.IngestReference, entries[n].ID, sim.Frame(streams.IngestReference, &entries[n]), dawn())
	}
	if err := o.settle(nil); err != nil {
		return nil, err
	}
	f := &forecast{phases: l.phases(market)}
	for n := range f.phases {
		if err := o.play(&f.phases[n]); err != nil {
			return nil, fmt.Errorf("foreseeing the phase %q: %w", f.phases[n].name, err)
		}
		reached := milestone{orders: o.placed}
		if f.fates, reached.statuses, err = o.fates(); err != nil {
			return nil, err
		}
		if reached.deliveries, err = f.countDeliveries(o); err != nil {
			return nil, err
		}
		f.milestones = append(f.milestones, reached)
	}
	return f, f.add(o)
}

// dawn is when reference data is loaded.
func dawn() schemas.Instant { return at(day(dealingDays[0]), 7, 0) }

func (o *oracle) play(p *phase) error {
	if p.tick > 0 {
		tick := ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}
		for partition := range int32(shards) {
			o.ProduceTo(streams.IngestInstruction, partition, "", sim.Frame(streams.IngestInstruction, &tick), p.tick)
		}
		if err := o.settle(o.custodians.Reached(p.tick)); err != nil {
			return err
		}
	}
	for _, w := range p.waves {
		for n := range w.instructions {
			i := &w.instructions[n]
			for range times(n) {
				o.Produce(streams.IngestInstruction, string(i.Pot), sim.Frame(streams.IngestInstruction, i), w.at)
			}
		}
	}
	var said []ingest.Confirmation
	for n := range p.said {
		c := &p.said[n]
		for range toldAgain(n) {
			o.Produce(streams.IngestConfirmation, c.Trade.String(), sim.Frame(streams.IngestConfirmation, c), p.saidAt)
		}
	}
	for n := range p.prices {
		o.Produce(streams.IngestPrice, string(p.prices[n].Asset), sim.Frame(streams.IngestPrice, &p.prices[n]), p.at)
		said = append(said, o.custodians.Published(&p.prices[n], p.at)...)
	}
	return o.settle(said)
}

// times is how often instruction n of a wave is sent.
func times(n int) int {
	if n%twiceEvery == 0 {
		return 2
	}
	return 1
}

// settle confirms what the custodians say, and runs the pipeline until they have nothing more to say.
func (o *oracle) settle(said []ingest.Confirmation) error {
	for {
		for n := range said {
			c := &said[n]
			o.Produce(streams.IngestConfirmation, c.Trade.String(), sim.Frame(streams.IngestConfirmation, c), o.custodians.Now())
		}
		if err := o.Run(); err != nil {
			return err
		}
		said = nil
		placed := o.Topic(streams.CustodianOrder)
		for _, record := range placed[o.placed:] {
			var order orders.CustodianOrder
			if err := decodeSim(streams.CustodianOrder, record.Value, &order); err != nil {
				return err
			}
			said = append(said, o.custodians.Ordered(&order)...)
		}
		o.placed = len(placed)
		answers, err := o.deliver()
		if said = append(said, answers...); err != nil || len(said) == 0 {
			return err
		}
	}
}

// deliver lets custodians hear what they are to deliver, or to stop.
func (o *oracle) deliver() ([]ingest.Confirmation, error) {
	var said []ingest.Confirmation
	for shard := range int32(shards) {
		records := o.Partition(streams.CustodianDelivery, shard)
		for _, record := range records[o.delivering[shard]:] {
			var order orders.DeliveryOrder
			if err := decodeSim(streams.CustodianDelivery, record.Value, &order); err != nil {
				return nil, err
			}
			said = append(said, o.custodians.Delivering(&order)...)
		}
		o.delivering[shard] = len(records)
	}
	return said, nil
}

func (o *oracle) fates() (fates, int, error) {
	found, told := make(fates), 0
	for _, record := range o.Topic(streams.StatusInstruction) {
		var s status.InstructionStatus
		if err := decodeSim(streams.StatusInstruction, record.Value, &s); err != nil {
			return nil, 0, err
		}
		if found.add(&s) {
			told++
		}
	}
	return found, told, nil
}

// countDeliveries counts the steps of deliveries so far.
func (f *forecast) countDeliveries(o *oracle) (int, error) {
	f.deliveries = make(deliveries)
	steps := 0
	for _, record := range o.Topic(streams.LedgerJournal) {
		var j ledger.Journal
		if err := decodeSim(streams.LedgerJournal, record.Value, &j); err != nil {
			return 0, err
		}
		if f.deliveries.add(&j) {
			steps++
		}
	}
	return steps, nil
}

// add adds what the ledger comes to in the end.
func (f *forecast) add(o *oracle) error {
	var canonical postgres.Canonical
	for _, record := range o.Topic(streams.LedgerJournal) {
		var j ledger.Journal
		if err := decodeSim(streams.LedgerJournal, record.Value, &j); err != nil {
			return err
		}
		canonical.Add(&j)
		f.postings += len(j.Postings)
	}
	f.canonical = canonical.Sum()
	return nil
}

type readable interface{ DecodeAvro(*avrobin.Reader) }

func decodeSim(topic string, value []byte, into readable) error {
	payload, err := sim.Unframe(topic, value)
	if err != nil {
		return err
	}
	return decode(payload, into)
}

func decode(payload []byte, into readable) error {
	reader := avrobin.NewReader(payload)
	into.DecodeAvro(reader)
	return reader.Done()
}

// differences tells up to so many instructions whose fates differ, and counts those that were told less, and more, than they should.
func (f fates) differences(want fates, examplesMax int) (lost, doubled int, examples []string) {
	for key, wanted := range want {
		switch got := f[key]; {
		case got == wanted:
			continue
		case len(got) < len(wanted):
			lost++
		default:
			doubled++
		}
		examples = append(examples, fmt.Sprintf("%s:%s instead of%s", key, f[key], wanted))
	}
	for key := range f {
		if _, known := want[key]; !known {
			doubled++
			examples = append(examples, key+" was never sent")
		}
	}
	slices.Sort(examples)
	return lost, doubled, examples[:min(len(examples), examplesMax)]
}

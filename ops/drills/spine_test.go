package drills_test

import (
	"fmt"
	"testing"

	"github.com/penstock-ledger/penstock/ops/containers"
	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

const pots = 20

func TestAContributionBecomesSettledUnits(t *testing.T) { settle(newRig(t, inProcess(t))) }

func TestRealKafkaTakesAContributionToSettledUnits(t *testing.T) {
	settle(newRig(t, onRealKafka(t, false)))
}

func TestContainersTakeAContributionToSettledUnits(t *testing.T) {
	on := containers.ForTest(t)
	settle(newRig(t, site{brokers: []string{on.Kafka}, registry: on.Registry}))
}

// The broker is killed while contributions are being decided, and again while the fill is being shared out: everybody waits for it,
// goes on by themselves, and the ledger is the same.
func TestRealKafkaKilledInTheMiddleChangesNothing(t *testing.T) {
	broker := realkafka.ForTest(t, realkafka.Options{})
	on := site{brokers: []string{broker.Addr()}, registry: realkafka.RegistryForTest(t).URL()}
	on.disturb = func() {
		if err := broker.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := broker.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	settle(newRig(t, on))
}

// onRealKafka is a site on Apache Kafka and on a registry that enforces compatibility.
func onRealKafka(t *testing.T, stamping bool) site {
	t.Helper()
	broker := realkafka.ForTest(t, realkafka.Options{})
	return site{brokers: []string{broker.Addr()}, registry: realkafka.RegistryForTest(t).URL(), stamping: stamping}
}

// settle takes contributions through the whole pipeline.
func settle(r *rig) {
	t := r.t
	r.refer(spineReference())
	r.contribute()
	r.tick(at("2008-03-20T12:00:01Z"))
	orders := await(r, streams.CustodianOrder, "the external trade", count[custodian.CustodianOrder](1))
	if want := schemas.Money(pots * 100_00); *orders[0].Cash != want {
		t.Fatalf("ordered %s, want %s", *orders[0].Cash, want)
	}
	r.fill(orders[0])
	r.disturb()
	await(r, streams.StatusInstruction, "priced orders", reachedBy("priced"))
	r.send(streams.IngestConfirmation, orders[0].Trade.String(), at("2008-03-25T09:00:00Z"), &ingest.Confirmation{
		Custodian: "CUST", ID: "s1", Trade: orders[0].Trade, Body: &ingest.TradeSettled{SettledOn: orders[0].SettlesOn},
	})
	await(r, streams.StatusInstruction, "settled orders", reachedBy("settled"))
	journals := await(r, streams.LedgerJournal, "closing journals", count[ledger.Journal](3*pots+shards))
	sums := balances(t, journals)
	for account, want := range map[[2]string]string{
		{"GBP", "bank:client-money"}:             "0.000000",
		{"GBP", "custodian/CUST:cash-owed"}:      "0.000000",
		{"GBP", "pot:reserved"}:                  "0.000000",
		{"AAPL", "custodian/CUST:units-owed"}:    "0.000000",
		{"AAPL", "custodian/CUST:units-settled"}: "-15.007100",
		{"AAPL", "pot:settled"}:                  "15.006000",
		{"AAPL", "scheme:rounding"}:              "0.001100",
	} {
		if got := sums[account].String(); got != want {
			t.Errorf("%s of %s is %s, want %s", account[1], account[0], got, want)
		}
	}
	if rejections := read[audit.Rejection](r, streams.AuditRejection); len(rejections) > 0 {
		t.Errorf("rejections: %+v", rejections)
	}
}

// spineReference is the reference data of one asset, around Easter.
func spineReference() []reference.EntryBody {
	year := func(name string, closed ...schemas.Date) *reference.Calendar {
		return &reference.Calendar{Name: name, FirstDay: day("2008-01-01"), LastDay: day("2008-12-31"), Closed: closed}
	}
	return []reference.EntryBody{
		year("XLON", day("2008-03-21"), day("2008-03-24")),
		year("XNYS", day("2008-03-21")),
		&reference.Custodian{ID: "CUST", Name: "A custodian"},
		&reference.Settings{EffectiveFrom: day("2008-01-01"), PlatformCalendar: "XLON", Zone: "Europe/London", BackdatingDays: 90},
		asset("AAPL", day("2008-01-02")),
	}
}

func asset(code schemas.AssetCode, from schemas.Date) *reference.Asset {
	return &reference.Asset{
		Code: code, EffectiveFrom: from, Name: string(code) + " tracker", Custodian: "CUST", Calendar: "XNYS", UnitsScale: 4, PriceScale: 4,
		CutOffMinute: 12 * 60, SettlementLag: 2, PriceTolerance: 150_000,
	}
}

// refer sends reference data with one custodian and waits until every shard has it.
func (r *rig) refer(entries []reference.EntryBody) {
	r.t.Helper()
	for i, body := range entries {
		r.send(streams.IngestReference, "r", morning, &ingest.ReferenceData{Source: "ops", ID: fmt.Sprint(i), Entry: reference.Entry{Body: body}})
	}
	inShards := len(entries) - 1 // custodians concern dealing alone
	await(r, streams.PotInbox, "reference data in every shard", count[inbox.PotMessage](inShards*shards))
}

// contribute opens pots and pays into each.
func (r *rig) contribute() {
	r.t.Helper()
	for i := range pots {
		id := schemas.PotID(fmt.Sprintf("pot-%d", i))
		instruction := ingest.Instruction{Source: "payroll", ID: "open", Pot: id, InstructedOn: day("2008-03-20"), Body: &ingest.PotOpened{}}
		r.send(streams.IngestInstruction, string(id), morning+1, &instruction)
		instruction.ID = "c1"
		instruction.Body = &ingest.Contribution{Cash: 100_00, Split: []ingest.SplitPart{{Asset: "AAPL", Weight: schemas.WeightOne}}}
		r.send(streams.IngestInstruction, string(id), morning+2, &instruction)
		if i == pots/2 {
			r.disturb()
		}
	}
	await(r, streams.LedgerJournal, "contributions", count[ledger.Journal](pots))
}

// fill confirms the whole of the order at the close, which comes after the confirmation.
func (r *rig) fill(order *custodian.CustodianOrder) {
	r.t.Helper()
	price, err := schemas.ParsePrice("133.27")
	r.must(err)
	units, err := schemas.MulDivFloor(int64(*order.Cash), schemas.Power10(10), int64(price))
	r.must(err)
	quantity, err := schemas.QuantityOf(units, 4)
	r.must(err)
	evening := at("2008-03-20T21:00:00Z")
	r.send(streams.IngestConfirmation, order.Trade.String(), evening, &ingest.Confirmation{
		Custodian: "CUST", ID: "f1", Trade: order.Trade, Body: &ingest.FillPriced{Piece: 1, Cash: *order.Cash, Units: quantity, Price: price, Final: true},
	})
	r.send(streams.IngestPrice, "AAPL", evening+1, &ingest.Price{Source: "vendor", Asset: "AAPL", Date: order.DealingDay, Close: price})
}

// reachedBy holds when every pot's contribution has reached the state.
func reachedBy(state schemas.Code) func([]*status.InstructionStatus) bool {
	return func(all []*status.InstructionStatus) bool {
		n := 0
		for _, s := range all {
			if s.State == state {
				n++
			}
		}
		return n == pots
	}
}

// balances sums the journals by asset and account, and checks their hashes.
func balances(t *testing.T, journals []*ledger.Journal) map[[2]string]schemas.Quantity {
	t.Helper()
	sums := map[[2]string]schemas.Quantity{}
	for _, j := range journals {
		if j.ExpectedHash() != j.Hash {
			t.Errorf("journal %s does not have the hash of its content", j.ID)
		}
		for _, p := range j.Postings {
			sums[[2]string{string(p.Asset), string(p.From)}] -= p.Quantity
			sums[[2]string{string(p.Asset), string(p.To)}] += p.Quantity
		}
	}
	return sums
}

package custodian_test

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	orders "github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/sinks/custodian"
)

var (
	trade  = schemas.DeriveID("trade", "one")
	monday = schemas.DateOf(2008, time.March, 31)
	// evening is when the vendor publishes Monday's closes.
	evening = at("2008-03-31T20:15:00Z")
)

// order is for 100.00 of IBM on a Monday, due two days later.
func order(cash schemas.Money) *orders.CustodianOrder {
	return &orders.CustodianOrder{
		Trade: trade, Custodian: "HARBOUR", Asset: "IBM", UnitsScale: 3, Side: orders.OrderSideBuy, Cash: &cash,
		DealingDay: monday, SettlesOn: monday + 2, PlacedAt: at("2008-03-31T11:00:00Z"),
	}
}

func closeOf(text string) *ingest.Price {
	price, err := schemas.ParsePrice(text)
	if err != nil {
		panic(err)
	}
	return &ingest.Price{Source: "vendor", Asset: "IBM", Date: monday, Close: price, Quotation: reference.QuotationPounds}
}

func at(text string) schemas.Instant {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return schemas.InstantOf(t)
}

func london(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func newSimulator(t *testing.T, rules ...custodian.Rule) *custodian.Simulator {
	t.Helper()
	return custodian.NewSimulator(custodian.Behaviour{Rules: rules}, london(t))
}

// told writes confirmations in one line each, without the trade.
func told(due []ingest.Confirmation) string {
	var lines []string
	for _, c := range due {
		line := strings.TrimPrefix(c.ID, c.Trade.String()+"/")
		switch body := c.Body.(type) {
		case *ingest.FillPriced:
			line += " " + body.Cash.String() + " " + body.Units.String() + " at " + body.Price.String()
			if body.Final {
				line += " final"
			}
		case *ingest.TradeSettled:
			line += " on " + body.SettledOn.String()
		case *ingest.TradeRejected:
			line += ": " + body.Reason
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "; ")
}

func expect(t *testing.T, due []ingest.Confirmation, want string) {
	t.Helper()
	if got := told(due); got != want {
		t.Errorf("confirmed %q, want %q", got, want)
	}
}

func TestATradeIsDealtAtThePublishedCloseAndSettledWhenDue(t *testing.T) {
	s := newSimulator(t)
	expect(t, s.Reached(at("2008-03-31T11:00:00Z")), "")
	expect(t, s.Ordered(order(100_00)), "")
	expect(t, s.Published(closeOf("115.14"), evening), "priced/1 100.00 0.868000 at 115.14000000 final")
	expect(t, s.Published(closeOf("115.14"), evening), "")
	expect(t, s.Reached(at("2008-04-01T22:59:59Z")), "")
	// Summer time: midnight in London is an hour before midnight in UTC.
	expect(t, s.Reached(at("2008-04-01T23:00:00Z")), "settled on 2008-04-02")
	expect(t, s.Reached(at("2008-04-09T23:00:00Z")), "")
}

func TestThePriceMayComeBeforeTheOrderAndAfterTheDueDay(t *testing.T) {
	s := newSimulator(t)
	s.Published(closeOf("115.14"), evening)
	expect(t, s.Ordered(order(100_00)), "priced/1 100.00 0.868000 at 115.14000000 final")

	late := newSimulator(t)
	late.Ordered(order(100_00))
	expect(t, late.Reached(at("2008-04-07T08:00:00Z")), "")
	expect(t, late.Published(closeOf("115.14"), evening), "priced/1 100.00 0.868000 at 115.14000000 final; settled on 2008-04-02")
}

func TestACloseOfADayToComeIsPassedOver(t *testing.T) {
	s := newSimulator(t)
	s.Ordered(order(100_00))
	expect(t, s.Published(closeOf("99.99"), at("2008-03-30T22:59:59Z")), "")
	expect(t, s.Published(closeOf("115.14"), evening), "priced/1 100.00 0.868000 at 115.14000000 final")
}

func TestPenceAreConvertedToPounds(t *testing.T) {
	s := newSimulator(t)
	s.Ordered(order(100_00))
	price := closeOf("11514")
	price.Quotation = reference.QuotationPence
	expect(t, s.Published(price, evening), "priced/1 100.00 0.868000 at 115.14000000 final")
}

func TestATradeIsDealtInPiecesWhenAsked(t *testing.T) {
	s := newSimulator(t, custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{500_000, 300_000, 200_000}})
	s.Ordered(order(100_01))
	expect(t, s.Published(closeOf("115.14"), evening), "priced/1 50.00 0.434000 at 115.14000000; "+
		"priced/2 30.00 0.260000 at 115.14000000; priced/3 20.01 0.173000 at 115.14000000 final")
}

func TestASplitWithAnEmptyPieceIsDealtInOne(t *testing.T) {
	s := newSimulator(t, custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{999_000, 1_000}})
	s.Ordered(order(1_00))
	expect(t, s.Published(closeOf("115.14"), evening), "priced/1 1.00 0.008000 at 115.14000000 final")
}

func TestATradeIsRejectedWhenAsked(t *testing.T) {
	s := newSimulator(t, custodian.Rule{Asset: "IBM", Day: monday, Reject: "fund suspended"})
	expect(t, s.Ordered(order(100_00)), "rejected: fund suspended")
	expect(t, s.Published(closeOf("115.14"), evening), "")
}

func TestATradeThatBuysNothingIsRejected(t *testing.T) {
	s := newSimulator(t)
	s.Ordered(order(1))
	expect(t, s.Published(closeOf("115.14"), evening), "rejected: 0.01 buys less than the smallest part of a unit at 115.14000000")
}

func TestARestartSaysOnlyWhatIsMissing(t *testing.T) {
	rule := custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{500_000, 300_000, 200_000}}
	first := newSimulator(t, rule)
	first.Ordered(order(100_01))
	whole := first.Published(closeOf("115.14"), evening)
	whole = append(whole, first.Reached(at("2008-04-02T08:00:00Z"))...)
	for said := range len(whole) + 1 {
		again := newSimulator(t, rule)
		for i := range said {
			again.Said(&whole[i])
		}
		rest := again.Ordered(order(100_01))
		rest = append(rest, again.Published(closeOf("115.14"), evening)...)
		rest = append(rest, again.Reached(at("2008-04-02T08:00:00Z"))...)
		expect(t, rest, told(whole[said:]))
	}
}

func TestWhatOthersConfirmedIsNotTakenForOurs(t *testing.T) {
	s := newSimulator(t)
	s.Said(&ingest.Confirmation{Custodian: "HARBOUR", ID: "stray", Trade: trade, Body: &ingest.TradeSettled{SettledOn: monday}})
	s.Ordered(order(100_00))
	expect(t, s.Published(closeOf("115.14"), evening), "priced/1 100.00 0.868000 at 115.14000000 final")
}

func TestBehaviourIsReadFromYAML(t *testing.T) {
	b, err := custodian.ParseBehaviour([]byte(`
rules:
  - {asset: WTI, day: "2008-03-28", reject: fund suspended}
  - {asset: IBM, day: "2008-03-20", pieces: ["0.5", "0.3", "0.2"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Rules) != 2 || b.Rules[0].Reject != "fund suspended" || b.Rules[1].Pieces[2] != 200_000 {
		t.Errorf("read %+v", b)
	}
	for _, wrong := range []string{
		`rules: [{asset: IBM, day: "2008-03-20", pieces: ["0.5", "0.3"]}]`,
		`rules: [{asset: IBM, day: "2008-03-20", pieces: ["1.5", "-0.5"]}]`,
		`rules: [{asset: IBM, day: "2008-03-20"}]`,
		`rules: [{asset: IBM, day: "2008-03-20", reject: no, pieces: ["1"]}]`,
		`rules: [{asset: IBM, day: "20 March", reject: no}]`,
		`rules: [{day: "2008-03-20", reject: no}]`,
		`rule: []`,
	} {
		if _, err := custodian.ParseBehaviour([]byte(wrong)); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}

// sellOrder sells units, or cash out of so many units at most.
func sellOrder(units schemas.Quantity, cash *schemas.Money) *orders.CustodianOrder {
	o := order(0)
	o.Side, o.Cash, o.Units = orders.OrderSideSell, cash, &units
	return o
}

func TestUnitsAreSoldForWhatTheyAreWorth(t *testing.T) {
	s := newSimulator(t, custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{500_000, 500_000}})
	s.Ordered(sellOrder(1_001_000, nil))
	expect(t, s.Published(closeOf("115.14"), evening), "priced/1 57.57 0.500000 at 115.14000000; priced/2 57.68 0.501000 at 115.14000000 final")
	expect(t, s.Reached(at("2008-04-01T23:00:00Z")), "settled on 2008-04-02")
}

func TestASellByCashTakesTheUnitsThatItNeedsAndNoMoreThanItMay(t *testing.T) {
	cash := schemas.Money(100_00)
	pieces := custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{300_000, 300_000, 400_000}}
	s := newSimulator(t, pieces)
	s.Ordered(sellOrder(869_000, &cash))
	// One by one, the pieces would take 0.261, 0.261 and 0.348, a quantum more than the whole may.
	expect(t, s.Published(closeOf("115.14"), evening),
		"priced/1 30.00 0.261000 at 115.14000000; priced/2 30.00 0.261000 at 115.14000000; priced/3 40.00 0.347000 at 115.14000000 final")

	fallen := newSimulator(t, custodian.Rule{Asset: "IBM", Day: monday})
	fallen.Ordered(sellOrder(869_000, &cash))
	expect(t, fallen.Published(closeOf("100.00"), evening), "priced/1 86.90 0.869000 at 100.00000000 final")
}

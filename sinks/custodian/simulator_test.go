package custodian_test

import (
	"reflect"
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
		case *ingest.TradeDeferred:
			line += " until " + body.Until.String() + ": " + body.Reason
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

func TestATradeIsDeferredWhileItsFundIsGated(t *testing.T) {
	gate := custodian.Rule{Asset: "IBM", Day: monday - 4, Through: monday + 1, Gate: "fund suspended"}
	for day, want := range map[schemas.Date]string{
		monday - 5: "", monday - 4: "deferred until 2008-04-02: fund suspended", monday + 1: "deferred until 2008-04-02: fund suspended", monday + 2: "",
	} {
		s := newSimulator(t, gate)
		o := order(100_00)
		o.DealingDay = day
		expect(t, s.Ordered(o), want)
	}
	s := newSimulator(t, gate)
	s.Ordered(order(100_00))
	expect(t, s.Published(closeOf("115.14"), evening), "")
	expect(t, s.Reached(at("2008-04-09T08:00:00Z")), "")
}

func TestWhatPiecesLeaveIsRejectedOrDeferredAndWhatWasDealtSettles(t *testing.T) {
	for text, rule := range map[string]custodian.Rule{
		"deferred until 2008-04-01: gated": {Gate: "gated"},
		"rejected: no more for today":      {Reject: "no more for today"},
	} {
		rule.Asset, rule.Day, rule.Pieces = "IBM", monday, []schemas.Weight{300_000, 200_000}
		s := newSimulator(t, rule)
		expect(t, s.Ordered(order(100_00)), "")
		expect(t, s.Published(closeOf("115.14"), evening),
			"priced/1 30.00 0.260000 at 115.14000000; priced/2 20.00 0.173000 at 115.14000000; "+text)
		expect(t, s.Reached(at("2008-04-02T08:00:00Z")), "settled on 2008-04-02")
	}
	s := newSimulator(t, custodian.Rule{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{1_000}, Gate: "gated"})
	s.Ordered(order(1_00))
	expect(t, s.Published(closeOf("115.14"), evening), "deferred until 2008-04-01: gated")
	expect(t, s.Reached(at("2008-04-02T08:00:00Z")), "")
}

func TestUnitsAreRoundedAsTheyAreReported(t *testing.T) {
	units := schemas.Quantity(1_234_565_000) // 1234.565, of which five digits are told
	half := []schemas.Weight{500_000, 500_000}
	for name, c := range map[string]struct {
		order *orders.CustodianOrder
		want  string
	}{
		"a buy": {order(200_000_00), "priced/1 100000.00 868.510000 at 115.14000000; priced/2 100000.00 868.510000 at 115.14000000 final"},
		// The first piece is what it says; the last one is 617.285, and says so to five digits.
		"a sell by units": {sellOrder(units, nil), "priced/1 71073.61 617.280000 at 115.14000000; priced/2 71074.19 617.290000 at 115.14000000 final"},
		"a sell by cash": {
			sellOrder(units, new(schemas.Money(100_000_00))),
			"priced/1 50000.00 434.254000 at 115.14000000; priced/2 50000.00 434.254000 at 115.14000000 final",
		},
	} {
		s := custodian.NewSimulator(custodian.Behaviour{Digits: 5, Rules: []custodian.Rule{{Asset: "IBM", Day: monday, Pieces: half}}}, london(t))
		s.Ordered(c.order)
		if got := told(s.Published(closeOf("115.14"), evening)); got != c.want {
			t.Errorf("%s: confirmed %q, want %q", name, got, c.want)
		}
	}
}

func TestATradeThatBuysNothingIsRejected(t *testing.T) {
	s := newSimulator(t)
	s.Ordered(order(1))
	expect(t, s.Published(closeOf("115.14"), evening), "rejected: 0.01 buys less than the smallest part of a unit at 115.14000000")
}

func TestARestartSaysOnlyWhatIsMissing(t *testing.T) {
	for name, rule := range map[string]custodian.Rule{
		"in pieces":         {Pieces: []schemas.Weight{500_000, 300_000, 200_000}},
		"a part, then none": {Pieces: []schemas.Weight{500_000}, Reject: "closed"},
		"a part, then more": {Pieces: []schemas.Weight{500_000}, Gate: "gated"},
		"gated":             {Gate: "gated"},
	} {
		rule.Asset, rule.Day = "IBM", monday
		hear := func(s *custodian.Simulator) []ingest.Confirmation {
			due := s.Ordered(order(100_01))
			due = append(due, s.Published(closeOf("115.14"), evening)...)
			return append(due, s.Reached(at("2008-04-02T08:00:00Z"))...)
		}
		whole := hear(newSimulator(t, rule))
		for said := range len(whole) + 1 {
			again := newSimulator(t, rule)
			for i := range said {
				again.Said(&whole[i])
			}
			if got, want := told(hear(again)), told(whole[said:]); got != want {
				t.Errorf("%s, restarted after %d: confirmed %q, want %q", name, said, got, want)
			}
		}
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
digits: 10
rules:
  - {asset: WTI, day: "2008-03-31", reject: desk closed}
  - {asset: IBM, day: "2008-03-31", pieces: ["0.5", "0.3", "0.2"]}
  - {asset: GOOG, day: "2008-03-31", through: "2008-04-02", gate: gated, pieces: ["0.25"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := custodian.Behaviour{Digits: 10, Rules: []custodian.Rule{
		{Asset: "WTI", Day: monday, Reject: "desk closed"},
		{Asset: "IBM", Day: monday, Pieces: []schemas.Weight{500_000, 300_000, 200_000}},
		{Asset: "GOOG", Day: monday, Through: monday + 2, Gate: "gated", Pieces: []schemas.Weight{250_000}},
	}}
	if !reflect.DeepEqual(b, want) {
		t.Errorf("read %+v", b)
	}
	for _, wrong := range []string{
		`rules: [{asset: IBM, day: "2008-03-20", pieces: ["0.5", "0.3"]}]`,
		`rules: [{asset: IBM, day: "2008-03-20", pieces: ["1.5", "-0.5"]}]`,
		`rules: [{asset: IBM, day: "2008-03-20"}]`,
		`rules: [{asset: IBM, day: "2008-03-20", reject: no, pieces: ["1"]}]`,
		`rules: [{asset: IBM, day: "20 March", reject: no}]`,
		`rules: [{day: "2008-03-20", reject: no}]`,
		`rules: [{asset: IBM, day: "2008-03-20", reject: no, gate: yes}]`,
		`rules: [{asset: IBM, day: "2008-03-20", through: "2008-03-19", gate: yes}]`,
		`rules: [{asset: IBM, day: "2008-03-20", through: "in April", gate: yes}]`,
		`digits: 19`,
		`digits: -1`,
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

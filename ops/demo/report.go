package demo

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
)

// Report is what a run came to. Its JSON form is an interface.
type Report struct {
	Members     int          `json:"members"`
	DealingDays int          `json:"dealingDays"`
	Seed        uint64       `json:"seed"`
	Days        []*DayReport `json:"days"`
	// Cases are the records that were sent to show what becomes of them.
	Cases []Case `json:"cases"`
	// Stories are what takes several steps.
	Stories []StoryReport       `json:"stories"`
	Totals  Totals              `json:"totals"`
	Checks  []invariants.Result `json:"checks"`
	OK      bool                `json:"ok"`
	// Milliseconds is how long the run took, the start of the stack included.
	Milliseconds int64 `json:"milliseconds"`
}

// DayReport is one weekday.
type DayReport struct {
	Date     string         `json:"date"`
	Weekday  string         `json:"weekday"`
	Holiday  string         `json:"holiday,omitempty"`
	Sent     int            `json:"sent"`
	Accepted int            `json:"accepted"`
	Refused  int            `json:"refused"`
	Trades   []*TradeReport `json:"trades"`
	Notes    []string       `json:"notes,omitempty"`
	// Corrections are the closes that an operator corrected.
	Corrections []*CorrectionReport `json:"corrections,omitempty"`
}

// TradeReport is one external trade beside the member orders that it is made of.
type TradeReport struct {
	Trade string            `json:"trade"`
	Asset schemas.AssetCode `json:"asset"`
	// Sell says that units are sold; the amounts are of units then.
	Sell bool `json:"sell,omitempty"`
	// Cash is what they brought.
	Cash string `json:"cash,omitempty"`
	// Orders and MemberOrders are what the workload expects; PlacedOrders and Placed what was placed.
	Orders       int64  `json:"orders"`
	MemberOrders string `json:"memberOrders"`
	PlacedOrders int64  `json:"placedOrders"`
	Placed       string `json:"placed"`
	Equal        bool   `json:"equal"`
	Pieces       int    `json:"pieces"`
	Units        string `json:"units"`
	Price        string `json:"price,omitempty"`
	State        string `json:"state"`
	SettlesOn    string `json:"settlesOn"`
	SettledOn    string `json:"settledOn,omitempty"`
	Reason       string `json:"reason,omitempty"`

	scale int
	// waited says that its price waited for a person.
	waited bool
}

// Case is a record that was sent to show what becomes of it.
type Case struct {
	About string `json:"about"`
	Want  string `json:"want"`
	Got   string `json:"got"`
	OK    bool   `json:"ok"`
}

// compare sets what the members' orders add up to beside what was placed.
func (t *TradeReport) compare(want *ExpectedTrade, placed *custodian.CustodianOrder) {
	t.Equal = t.Orders == t.PlacedOrders
	switch {
	case !want.Sell && placed.Cash != nil:
		t.MemberOrders, t.Placed = want.Cash.String(), placed.Cash.String()
		t.Equal = t.Equal && *placed.Cash == want.Cash
	case want.Sell && placed.Units != nil:
		t.MemberOrders, t.Placed = "all", unitsText(*placed.Units, t.scale)
		if want.Units != 0 {
			t.MemberOrders = unitsText(want.Units, t.scale)
			t.Equal = t.Equal && *placed.Units == want.Units
		}
	default:
		t.Equal = false
	}
}

// fill notes what the custodian has made of the trade so far.
func (t *TradeReport) fill(view *tradeView) {
	t.Pieces = view.pieces
	if view.pieces > 0 {
		quanta, _ := view.units.Quanta(t.scale)
		if t.Sell {
			t.Cash = moneyText(view.cash)
		}
		t.Units, t.Price = schemas.Units(quanta).Text(t.scale), priceText(view.price)
	}
	switch {
	case view.refused != "":
		t.State, t.Reason = view.refused, view.reason
	case view.final:
		t.State = "priced"
	}
}

func priceText(p schemas.Price) string {
	return decimal.New(int64(p), -schemas.PriceScale).StringFixed(priceDecimals)
}

func percentText(w schemas.Weight) string {
	return decimal.New(int64(w), -schemas.WeightScale+2).String()
}

func settledNotes(settled map[schemas.Date][]string) []string {
	var notes []string
	for _, day := range slices.Sorted(maps.Keys(settled)) {
		notes = append(notes, fmt.Sprintf("settled: %s of %s", strings.Join(settled[day], ", "), day))
	}
	return notes
}

// Totals are the sums over the whole ledger, at the end.
type Totals struct {
	Assets []AssetTotal `json:"assets"`
	Cash   CashTotal    `json:"cash"`
}

// AssetTotal says where the units of an asset are.
type AssetTotal struct {
	Asset schemas.AssetCode `json:"asset"`
	// Bought is what the custodians delivered less what they took back, Spent what buys cost. Members what is in pots, Rounding what is the scheme's,
	// MadeGood what the scheme gave to pots that had given away what a correction takes: it is less than nothing of the scheme's.
	Bought   string `json:"bought"`
	Spent    string `json:"spent"`
	Members  string `json:"members"`
	Rounding string `json:"rounding"`
	MadeGood string `json:"madeGood,omitempty"`
	// Trades and Orders count what was dealt.
	Trades int   `json:"trades"`
	Orders int64 `json:"orders"`
}

// CashTotal says where the cash is.
type CashTotal struct {
	PaidIn string `json:"paidIn"`
	// Transferred came from other schemes, Proceeds from sales, Income from distributions.
	Transferred string `json:"transferred"`
	Proceeds    string `json:"proceeds"`
	Income      string `json:"income"`
	// Withdrawn went to members and to other schemes, Charges to the scheme.
	Withdrawn string `json:"withdrawn"`
	Charges   string `json:"charges"`
	Spent     string `json:"spent"`
	Available string `json:"available"`
	Reserved  string `json:"reserved"`
	Rounding  string `json:"rounding"`
}

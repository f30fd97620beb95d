package sim_test

import (
	"fmt"
	"math"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/ops/history"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// hostileInputs are the kinds of input; instructions come more often, so that there is something to disturb.
var hostileInputs = []string{"contribution", "contribution", "buy", "buy", "sell", "sell", "switch", "cancel", "asset", "calendar", "settings", "price"}

func (h *hostile) inputs() map[string]func() {
	return map[string]func(){
		"contribution": h.extremeContribution,
		"buy":          h.extremeBuy,
		"sell":         h.extremeSell,
		"switch":       h.extremeSwitch,
		"cancel":       h.cancelOfAnything,
		"asset":        h.randomAssetRow,
		"calendar":     h.randomCalendar,
		"settings":     h.randomSettings,
		"price":        h.extremePrice,
	}
}

// anyDate is mostly the given one; else a day near it, a quarter away, or at an end of what a date can say.
func (h *hostile) anyDate(near schemas.Date) schemas.Date {
	return oneOf(h.t, "date", near, near, near+1, near-1, near+2, near+3, near+7, near-7, near-91, near+100, 0, math.MinInt32, math.MaxInt32)
}

func (h *hostile) anyAsset() schemas.AssetCode {
	return oneOf(h.t, "asset", history.Assets()[0].Code, history.Assets()[1].Code, history.Assets()[2].Code, "NONE", "GBP")
}

// reusedID is one of so few that most are used again: by the same sender or another, in the same pot or another, for something else.
func (h *hostile) reusedID() schemas.InstructionID {
	return schemas.InstructionID(fmt.Sprintf("i%d", rapid.IntRange(0, 40).Draw(h.t, "id")))
}

func (h *hostile) instructReusingIDs(body ingest.InstructionBody) {
	h.Instruct(&ingest.Instruction{
		// A sender may call itself what a process is called; their ids must not meet.
		Source: oneOf(h.t, "source", schemas.SourceID("portal"), "dealing"), ID: h.reusedID(),
		Pot: history.PotName(rapid.IntRange(0, hostilePots).Draw(h.t, "pot")), InstructedOn: oneOf(h.t, "instructed", h.today, h.today, h.today, h.anyDate(h.today)),
		Body: body,
	})
}

// extremeContribution is a penny or all the money there is, divided as unevenly as weights allow.
func (h *hostile) extremeContribution() {
	cash := oneOf(h.t, "cash", schemas.Money(1), 3, 100_00, 100_000_000_00)
	split := oneOf(
		h.t, "split", nil,
		[]ingest.SplitPart{{Asset: history.Assets()[0].Code, Weight: 333_333}, {Asset: history.Assets()[2].Code, Weight: 666_667}},
		[]ingest.SplitPart{{Asset: history.Assets()[2].Code, Weight: 1}, {Asset: history.Assets()[1].Code, Weight: 999_999}},
	)
	h.instructReusingIDs(&ingest.Contribution{Cash: cash, Split: split})
}

// extremeBuy may be of an asset that is none, and for more than the pot has.
func (h *hostile) extremeBuy() {
	h.instructReusingIDs(&ingest.Buy{Asset: h.anyAsset(), Cash: oneOf(h.t, "cash", schemas.Money(1), 7, 33_33, 50_000_000_00)})
}

// extremeSell is of all, or of as little or as much cash or units as can be said, in an asset that is none, or of which the pot has nothing.
func (h *hostile) extremeSell() {
	s := h.anySell()
	h.instructReusingIDs(&s)
}

// extremeSwitch may be into the asset that it sells.
func (h *hostile) extremeSwitch() {
	s := h.anySell()
	h.instructReusingIDs(&ingest.Switch{Asset: s.Asset, Units: s.Units, Cash: s.Cash, All: s.All, Into: h.anyAsset()})
}

func (h *hostile) anySell() ingest.Sell {
	s := ingest.Sell{Asset: h.anyAsset()}
	switch oneOf(h.t, "sold", "all", "all", "units", "cash", "nothing", "both") {
	case "all":
		s.All = true
	case "units":
		units := oneOf(h.t, "units", schemas.Quantity(1), 100, 1000, 1_000_000, quantityMax)
		s.Units = &units
	case "cash":
		cash := oneOf(h.t, "cash", schemas.Money(1), 7, 33_33, 50_000_000_00)
		s.Cash = &cash
	case "both":
		cash := schemas.Money(1)
		s.Cash, s.All = &cash, true
	}
	return s
}

// cancelOfAnything may be of an instruction that is done, that is a cancellation, that never was, or of itself.
func (h *hostile) cancelOfAnything() {
	h.instructReusingIDs(&ingest.Cancel{Instruction: h.reusedID()})
}

func (h *hostile) sendReference(body reference.EntryBody) {
	h.Send(streams.IngestReference, "reference", &ingest.ReferenceData{Source: "reference", ID: fmt.Sprint("hostile", h.Now), Entry: reference.Entry{Body: body}})
}

// randomAssetRow changes an asset from any day on: its cut-off, lag, calendar (which may be none) and custodian, or all of it under a new code.
func (h *hostile) randomAssetRow() {
	asset := oneOf(h.t, "changed asset", history.Assets()...)
	asset.EffectiveFrom = h.anyDate(h.today)
	asset.CutOffMinute = rapid.Int32Range(0, 24*60-1).Draw(h.t, "cut-off")
	asset.CutOffInclusive = rapid.Bool().Draw(h.t, "inclusive")
	asset.SettlementLag = rapid.Int32Range(0, 5).Draw(h.t, "lag")
	asset.Calendar = oneOf(h.t, "calendar", asset.Calendar, "london", "new-york", "odd")
	asset.Custodian = oneOf(h.t, "custodian", asset.Custodian, "CREST", "EUROCLEAR")
	asset.Code = oneOf(h.t, "code", asset.Code, asset.Code, "NEW")
	h.sendReference(&asset)
}

// randomCalendar closes days that orders deal or settle on, and may end before them or begin after them.
func (h *hostile) randomCalendar() {
	calendar := &reference.Calendar{
		Name:     oneOf(h.t, "calendar", "london", "new-york", "platform", "odd"),
		FirstDay: oneOf(h.t, "first day", history.Monday-100, h.anyDate(h.today)),
		LastDay:  oneOf(h.t, "last day", history.Monday+200, history.Monday+200, h.anyDate(h.today)),
	}
	for day := h.today - 3; day < h.today+8; day++ {
		if h.oneIn(5, "closed") {
			calendar.Closed = append(calendar.Closed, day)
		}
	}
	h.sendReference(calendar)
}

// randomSettings may move the platform to the first or the last time zone of the world, or to a calendar that nobody knows.
func (h *hostile) randomSettings() {
	h.sendReference(&reference.Settings{
		EffectiveFrom:    h.anyDate(h.today),
		PlatformCalendar: oneOf(h.t, "platform's calendar", "platform", "odd", "london"),
		Zone:             oneOf(h.t, "zone", "Europe/London", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
		BackdatingDays:   rapid.Int32Range(90, 290).Draw(h.t, "backdating"),
	})
}

// extremePrice is from the smallest to the largest, of any day, in the wrong unit as often as in the right one.
func (h *hostile) extremePrice() {
	h.Send(streams.IngestPrice, "price", &ingest.Price{
		Source: "vendor", Asset: h.anyAsset(), Date: oneOf(h.t, "day of the price", h.today, h.today, h.today-1, h.anyDate(h.today)),
		Close:     oneOf(h.t, "close", schemas.Price(1), 100, 10000, 1_0000_0000, 123_4567_0000, quantityMax),
		Quotation: oneOf(h.t, "quotation", reference.QuotationPounds, reference.QuotationPence),
	})
}

// quantityMax is the largest number of 18 digits, the most that a column of the ledger takes.
const quantityMax = 999_999_999_999_999_999

// confirmations are what a custodian says of an order, at any time and as often as it likes.
func (h *hostile) confirmations(order *custodian.CustodianOrder) []*ingest.Confirmation {
	switch oneOf(h.t, "confirmation", "good", "good", "fill", "due", "due", "settlement", "rejection") {
	case "good":
		return h.AnswersTo(order)
	case "fill":
		return h.randomFill(order)
	case "due":
		return []*ingest.Confirmation{{Custodian: order.Custodian, ID: "due " + h.today.String(), Trade: order.Trade, Body: &ingest.TradeSettled{SettledOn: h.today}}}
	case "settlement":
		return h.randomSettlement(order)
	}
	return h.randomRejection(order)
}

// randomFill may be of any piece, of too much cash, at a price that makes the units overflow.
func (h *hostile) randomFill(order *custodian.CustodianOrder) []*ingest.Confirmation {
	ordered := schemas.Money(100_00)
	if order.Cash != nil {
		ordered = *order.Cash
	}
	fill := &ingest.FillPriced{
		Piece: rapid.Int32Range(0, 3).Draw(h.t, "piece"),
		Cash:  oneOf(h.t, "cash", ordered, ordered/2, 1, ordered+1),
		Price: oneOf(h.t, "price", schemas.Price(1), 1_0000_0000, 123_4567_0000),
		Final: rapid.Bool().Draw(h.t, "final"),
	}
	units, err := schemas.MulDivFloor(int64(fill.Cash), schemas.Power10(12), int64(fill.Price))
	if err != nil || units > quantityMax {
		units = quantityMax
	}
	fill.Units = schemas.Quantity(units)
	if order.Units != nil {
		fill.Units = oneOf(h.t, "units", fill.Units, *order.Units, *order.Units+1)
	}
	return []*ingest.Confirmation{{Custodian: order.Custodian, ID: h.reusedConfirmation("fill", 30), Trade: order.Trade, Body: fill}}
}

// randomSettlement may come before the fill, before its day, or on a day that is none.
func (h *hostile) randomSettlement(order *custodian.CustodianOrder) []*ingest.Confirmation {
	settled := &ingest.TradeSettled{SettledOn: oneOf(h.t, "settled on", order.SettlesOn, h.today, h.anyDate(h.today))}
	return []*ingest.Confirmation{{Custodian: order.Custodian, ID: h.reusedConfirmation("settlement", 3), Trade: order.Trade, Body: settled}}
}

// randomRejection may come after the fill. It is rare, for it ends an order.
func (h *hostile) randomRejection(order *custodian.CustodianOrder) []*ingest.Confirmation {
	if !h.oneIn(4, "rejected") {
		return nil
	}
	return []*ingest.Confirmation{{Custodian: order.Custodian, ID: h.reusedConfirmation("rejection", 3), Trade: order.Trade, Body: &ingest.TradeRejected{Reason: "no"}}}
}

// reusedConfirmation is the id of a confirmation, which may have said something else before.
func (h *hostile) reusedConfirmation(kind string, ids int) string {
	return fmt.Sprintf("%s%d", kind, rapid.IntRange(1, ids).Draw(h.t, "confirmation's id"))
}

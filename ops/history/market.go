package history

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// Monday is the first day of every history, 17 March 2008. The Friday after it and the Monday after that are closed, as they were in London.
const Monday schemas.Date = 13955

const assetsCount = 3

// gatedDays is how long after the last instructions custodians still put off what they are to deal, and orders of rejected trades are queued again. After
// that they deal or end, for a history has an end.
const gatedDays = 3

// digitsOfEuroclear is to how many digits one of the custodians reports quantities: fewer than those of its units.
const digitsOfEuroclear = 6

// Assets are three of different grain: units of 3, 4 and 6 decimals, prices in pounds and in pence, cut-offs that include their
// minute and do not, settlement after 0, 2 and 3 days, at two custodians. Of one of them the orders of a rejected trade go on to the next day.
func Assets() []reference.Asset {
	return []reference.Asset{
		{
			Code: "COARSE", Name: "coarse", Custodian: "CREST", Calendar: "london", UnitsScale: 3, PriceScale: 4, Quotation: reference.QuotationPounds,
			CutOffMinute: 12 * 60, SettlementLag: 2, PriceTolerance: 100_000,
		},
		{
			Code: "PENCE", Name: "quoted in pence", Custodian: "CREST", Calendar: "london", UnitsScale: 4, PriceScale: 2, Quotation: reference.QuotationPence,
			CutOffMinute: 12 * 60, CutOffInclusive: true, SettlementLag: 0, PriceTolerance: 100_000, Rejection: reference.RejectionPolicyRequeue,
		},
		{
			Code: "FINE", Name: "fine", Custodian: "EUROCLEAR", Calendar: "new-york", UnitsScale: 6, PriceScale: 8, Quotation: reference.QuotationPounds,
			CutOffMinute: 15 * 60, SettlementLag: 3, PriceTolerance: 100_000,
		},
	}
}

// ReferenceEntries are the reference data that the history begins with.
func (h *History) ReferenceEntries() []*reference.Entry {
	calendar := func(name string, closed ...schemas.Date) *reference.Entry {
		return &reference.Entry{Body: &reference.Calendar{Name: name, FirstDay: Monday - 100, LastDay: Monday + 200, Closed: closed}}
	}
	entries := []*reference.Entry{
		calendar("platform", Monday+4), calendar("london", Monday+4, Monday+7), calendar("new-york", Monday+4),
		{Body: &reference.Custodian{ID: "CREST", Name: "Crest"}},
		{Body: &reference.Custodian{ID: "EUROCLEAR", Name: "Euroclear", QuantityDigits: digitsOfEuroclear}},
		{Body: &reference.Settings{
			EffectiveFrom: Monday - 100, PlatformCalendar: "platform", Zone: "Europe/London", BackdatingDays: 90, SellCashMaxBps: 9000,
			SwitchAwaitsSettlement: h.dice(3, aboutPolicy) == 0,
		}},
	}
	for _, asset := range Assets() {
		asset.EffectiveFrom = Monday - 50
		if h.LagMax > 0 {
			asset.SettlementLag = min(asset.SettlementLag, h.LagMax)
		}
		entries = append(entries, &reference.Entry{Body: &asset})
		if asset.Rejection == reference.RejectionPolicyRequeue {
			last := asset
			last.EffectiveFrom, last.Rejection = h.gatedThrough()+1, reference.RejectionPolicyReverse
			entries = append(entries, &reference.Entry{Body: &last})
		}
	}
	return entries
}

// gatedThrough is the last day on which what is to be dealt may be put off.
func (h *History) gatedThrough() schemas.Date {
	return Monday + schemas.Date(len(h.Days)) + gatedDays //nolint:gosec // days are few
}

// dice makes choices from numbers that name the choice, so that the same question gets the same answer in every run.
func (h *History) dice(sides uint64, about ...uint64) uint64 {
	x := h.Seed
	for _, a := range about {
		x ^= a + 0x9e3779b97f4a7c15
		x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
		x = (x ^ x>>27) * 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x % sides
}

// what the choices are about
const (
	aboutPrice = iota + 1
	aboutRejection
	aboutPieces
	aboutCash
	aboutNoise
	aboutEarly
	aboutRelease
	aboutChange
	aboutHistory
	aboutPayment
	aboutReceipt
	aboutPolicy
	aboutDeferral
	aboutFailure
	aboutCorrection
	aboutCharge
	aboutIncome
	aboutLeaving
	aboutReversal
	aboutGivingUp
	aboutSplit
	aboutRule
	aboutSchedule
	aboutChoice
	aboutSpecie
	aboutRebalancing
)

// basePrices are about what the assets cost, as they are quoted.
func basePrices() [assetsCount]schemas.Price {
	return [assetsCount]schemas.Price{133_2700_0000, 512_0000_0000, 1_23456789}
}

// closeOf is the vendor's close: it drifts by up to 5 %, and sometimes jumps by half.
func (h *History) closeOf(asset int, day schemas.Date) schemas.Price {
	base := basePrices()[asset]
	price := base + base*schemas.Price(h.dice(100, aboutPrice, uint64(asset), uint64(day)))/2000
	if h.dice(6, aboutPrice, uint64(asset), uint64(day), 1) == 0 {
		price = price * 3 / 2
	}
	grain := schemas.Price(schemas.Power10(schemas.PriceScale - int(Assets()[asset].PriceScale)))
	return price / grain * grain
}

// pounds is the close as confirmations carry it.
func (h *History) pounds(asset int, day schemas.Date) schemas.Price {
	if Assets()[asset].Quotation == reference.QuotationPence {
		return h.closeOf(asset, day) / 100
	}
	return h.closeOf(asset, day)
}

func assetNumber(code schemas.AssetCode) int {
	for n, asset := range Assets() {
		if asset.Code == code {
			return n
		}
	}
	return -1
}

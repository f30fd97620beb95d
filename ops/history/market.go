package history

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// Monday is the first day of every history, 17 March 2008. The Friday after it and the Monday after that are closed, as they were in London.
const Monday schemas.Date = 13955

const assetsCount = 3

// Assets are three of different grain: units of 3, 4 and 6 decimals, prices in pounds and in pence, cut-offs that include their
// minute and do not, settlement after 0, 2 and 3 days, at two custodians.
func Assets() []reference.Asset {
	return []reference.Asset{
		{
			Code: "COARSE", Name: "coarse", Custodian: "CREST", Calendar: "london", UnitsScale: 3, PriceScale: 4, Quotation: reference.QuotationPounds,
			CutOffMinute: 12 * 60, SettlementLag: 2, PriceTolerance: 100_000,
		},
		{
			Code: "PENCE", Name: "quoted in pence", Custodian: "CREST", Calendar: "london", UnitsScale: 4, PriceScale: 2, Quotation: reference.QuotationPence,
			CutOffMinute: 12 * 60, CutOffInclusive: true, SettlementLag: 0, PriceTolerance: 100_000,
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
		{Body: &reference.Custodian{ID: "EUROCLEAR", Name: "Euroclear"}},
		{Body: &reference.Settings{EffectiveFrom: Monday - 100, PlatformCalendar: "platform", Zone: "Europe/London", BackdatingDays: 90}},
	}
	for _, asset := range Assets() {
		asset.EffectiveFrom = Monday - 50
		if h.LagMax > 0 {
			asset.SettlementLag = min(asset.SettlementLag, h.LagMax)
		}
		entries = append(entries, &reference.Entry{Body: &asset})
	}
	return entries
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
)

// closeOf is the vendor's close: it drifts by up to 5 %, and sometimes jumps by half.
func (h *History) closeOf(asset int, day schemas.Date) schemas.Price {
	base := []schemas.Price{133_2700_0000, 512_0000_0000, 1_23456789}[asset]
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

// AnswersTo are a custodian's confirmations of an order's pricing: a rejection, or a fill in up to three pieces, with noise between
// them that must change nothing: repetitions, wrong prices, pieces that do not fit.
func (h *History) AnswersTo(o *custodian.CustodianOrder) []*ingest.Confirmation {
	trade := uint64(o.Trade[0])<<16 | uint64(o.Trade[7])<<8 | uint64(o.Trade[13])
	price := h.pounds(assetNumber(o.Asset), o.DealingDay)
	confirm := func(id string, body ingest.ConfirmationBody) *ingest.Confirmation {
		return &ingest.Confirmation{Custodian: o.Custodian, ID: id, Trade: o.Trade, Body: body}
	}
	rejection := []*ingest.Confirmation{confirm("no", &ingest.TradeRejected{Reason: "fund is closed"})}
	pieces := h.pieces(trade, *o.Cash, o.UnitsScale, price)
	if len(pieces) == 0 || h.dice(7, aboutRejection, trade) == 0 {
		return rejection
	}
	var all []*ingest.Confirmation
	for n := range pieces {
		fill := confirm("fill-"+string(rune('1'+n)), &pieces[n])
		if h.dice(3, aboutNoise, trade, uint64(n)) == 0 {
			wrong := pieces[n]
			wrong.Price += 1_0000
			all = append(all, confirm("wrong-"+string(rune('1'+n)), &wrong))
		}
		all = append(all, fill)
		if h.dice(3, aboutNoise, trade, uint64(n), 1) == 0 {
			again := *fill
			over := pieces[n]
			over.Cash = *o.Cash + 1
			all = append(all, &again, confirm("over-"+string(rune('1'+n)), &over), confirm(fill.ID, &over))
		}
	}
	return append(all, rejection...)
}

// pieces divides an order's cash into fills. Its last one may leave something over.
func (h *History) pieces(trade uint64, cash schemas.Money, scale int32, price schemas.Price) []ingest.FillPriced {
	var pieces []ingest.FillPriced
	left := cash
	want := int(h.dice(3, aboutPieces, trade)) + 1
	for n := range want {
		part := left
		if n < want-1 {
			part = schemas.Money(h.dice(uint64(left)+1, aboutCash, trade, uint64(n)))
		} else if h.dice(4, aboutCash, trade, 99) == 0 {
			part -= part / 10
		}
		units, err := schemas.MulDivFloor(int64(part), schemas.Power10(schemas.PriceScale-schemas.MoneyScale+int(scale)), int64(price))
		if err != nil {
			panic(err)
		}
		if units == 0 {
			continue // a custodian does not confirm nothing
		}
		quantity, err := schemas.QuantityOf(units, int(scale))
		if err != nil {
			panic(err)
		}
		pieces = append(pieces, ingest.FillPriced{Piece: int32(len(pieces) + 1), Cash: part, Units: quantity, Price: price})
		left -= part
	}
	if len(pieces) > 0 {
		pieces[len(pieces)-1].Final = true
	}
	return pieces
}

package demo

import (
	"fmt"
	"strconv"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// A close that the vendor got wrong: two of its digits changed places. It moved by less than what a person must look at.
const (
	mistakeOnDay    = 2
	mistakeSoldDay  = 5
	mistakeEndsDay  = 6
	mistakeAsset    = schemas.AssetCode("GOOG")
	mistakeKept     = schemas.Money(250_00)
	mistakeSold     = schemas.Money(200_00)
	mistakeWrong    = schemas.Price(405_78000000)
	mistakeOperated = "correct-GOOG"
)

// mistakes says whether the run is long enough for the mistake to be made, and mended.
func (g *generator) mistakes() bool { return len(g.dealing) >= mistakeEndsDay }

// mistake has the vendor publish the wrong close on a day on which two members buy.
func (g *generator) mistake(keeps, sells *potModel) {
	g.workload.WrongClose = &WrongClose{Asset: mistakeAsset, Date: g.day.Date, Close: mistakeWrong}
	g.kept = g.orderID(keeps, g.place(g.atBuying(), keeps, mistakeAsset, mistakeKept), "a")
	g.place(g.atBuying(), sells, mistakeAsset, mistakeSold)
}

// mend has an operator correct the close, after one of the members has sold what was bought at it.
func (g *generator) mend(keeps, sells *potModel) {
	day, fund := g.dealing[mistakeOnDay-1], fundNamed(mistakeAsset)
	right := g.market.closes[mistakeAsset][day]
	g.atHalfPast().add(operationRecord("the correction of a close", mistakeOperated, "two digits changed places at the vendor", &ingest.PriceCorrection{
		Asset: mistakeAsset, Date: day, Old: mistakeWrong, New: right,
	}))
	cause := correctionID(TradeID(day, fund))
	step := func(words, stage string, from, to schemas.Account, of ...int) Move {
		return Move{Words: words, Pot: keeps.id, Stage: stage, Cause: cause, Order: g.kept, Asset: mistakeAsset, From: from, To: to, Of: of}
	}
	owed := ledger.UnitsOwed(fund.Custodian)
	wrong := step("got at "+priceText(mistakeWrong), "priced", owed, ledger.PotPending)
	wrong.Cause, wrong.NotCause = "", cause
	made := step("made good to "+string(sells.id), "compensated", ledger.SchemeCompensation, ledger.PotSettled)
	made.Pot, made.Order = sells.id, schemas.ID{}
	story := len(g.workload.Stories)
	g.tell(Story{
		Title: "a price correction",
		Means: "what was booked is negated and booked anew on the same days; who gave away units that were never due gets them from the scheme",
		Asked: fmt.Sprintf("%s was published at %s for %s, and is %s; on %s, when %s had sold, an operator looked at the plan, and corrected it",
			mistakeAsset, priceText(mistakeWrong), day, priceText(right), g.day.Date, sells.id),
		Moves: []Move{
			wrong,
			step("settlement negated", "reversed", ledger.PotSettled, ledger.PotPending, 0),
			step("deal negated", "reversed", ledger.PotPending, owed, 0),
			step("got at "+priceText(right), "priced", owed, ledger.PotPending),
			step("settled", "settled", ledger.PotPending, ledger.PotSettled, 3),
			made,
		},
	})
	g.onceAllIsAsked(func() {
		share := func(price schemas.Price, cash schemas.Money) schemas.Quantity {
			return g.shareOf(mistakeAsset, day, price, cash)
		}
		moves := g.workload.Stories[story].Moves
		moves[0].Quantity, moves[3].Quantity = share(mistakeWrong, mistakeKept), share(right, mistakeKept)
		moves[5].Quantity = share(mistakeWrong, mistakeSold) - share(right, mistakeSold)
	})
}

// correctionID is the id of what the shards are told when a trade is corrected for the first time: to the second version of its price.
func correctionID(trade schemas.ID) string {
	return schemas.DeriveID("corrected", trade.String(), strconv.Itoa(2)).String()
}

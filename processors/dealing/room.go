package dealing

import "github.com/penstock-ledger/penstock/schemas/state"

// What is taken back of a trade goes into one journal per pot, whose record must hold it even where all the orders that a pot may have are in the trade.
const (
	// ordersPerPotMax is how many open orders a pot may have.
	ordersPerPotMax = 200
	// takenBackMax bounds the postings of such a journal; that so many fit is proven by TestWhatIsTakenBackOfATradeFitsOneRecord.
	takenBackMax = 4000
	// A correction negates cash and units of a piece and books them anew; giving up only negates them.
	postingsPerCorrected = 4
	postingsPerGivenUp   = 2
	// postingsBesides is what else may be posted on an order: its settlement negated and booked anew, what goes back, and what the buy of its switch took.
	postingsBesides = 4
)

// mayTakeBack says whether so many pieces of the trade can be taken back, each with so many postings.
func mayTakeBack(trade *state.TradeState, pieces, postingsPerPiece int) bool {
	orders := int64(0)
	for i := range trade.Totals {
		orders = max(orders, trade.Totals[i].Orders) // a pot has no more orders in the trade than its shard
	}
	return min(orders, ordersPerPotMax)*int64(pieces*postingsPerPiece+postingsBesides) <= takenBackMax
}

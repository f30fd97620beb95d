package invariants

import (
	"testing"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

const (
	feeDay   schemas.Date = 13955 // 17 March 2008
	feePence              = schemas.Quantity(10_000)
	feeUnit               = schemas.Quantity(1_000_000)
)

// chargedPot is a pot that was paid in so much cash, bought units on two days, the first of them at a close of 10.00 and the last at 1.00, has a payment of 50.00 under
// way, and was then charged by a fee of 5.00 above 100.00.
func chargedPot(cash, units, charged schemas.Quantity) *Input {
	pot := schemas.PotID("p1")
	journal := func(sequence int64, postings ...ledger.Posting) *ledger.Journal {
		return &ledger.Journal{
			ID: schemas.DeriveID("journal", string(rune('0'+sequence))), Sequence: sequence, Pot: &pot, RecordedAt: schemas.Instant(feeDay+1) * dayMillis,
			Topic: streams.IngestOperator, Offset: 7, Postings: postings,
		}
	}
	return &Input{
		Shards: 1,
		Journals: []*ledger.Journal{
			journal(1, ledger.Posting{Stage: "contributed", Asset: schemas.Cash, Quantity: cash + 50*100*feePence, From: ledger.BankClientMoney, To: ledger.PotAvailable}),
			journal(2, ledger.Posting{Stage: "withdrawn", Asset: schemas.Cash, Quantity: 50 * 100 * feePence, From: ledger.PotAvailable, To: ledger.PotPayable}),
			journal(3,
				ledger.Posting{Stage: stagePriced, Asset: "GB00X", Quantity: units / 2, From: ledger.UnitsOwed("CREST"), To: ledger.PotPending, EffectiveOn: feeDay},
				ledger.Posting{Stage: stagePriced, Asset: "GB00X", Quantity: units - units/2, From: ledger.UnitsOwed("CREST"), To: ledger.PotPending, EffectiveOn: feeDay + 1}),
			journal(4, ledger.Posting{Stage: stageCharged, Asset: schemas.Cash, Quantity: charged, From: ledger.PotAvailable, To: ledger.SchemeCharges}),
		},
		Prices: []*ingest.Price{
			{Asset: "GB00X", Date: feeDay, Close: 10 * 100_000_000, Quotation: reference.QuotationPounds},
			{Asset: "GB00X", Date: feeDay + 1, Close: 100 * 100_000_000, Quotation: reference.QuotationPence},
			{Asset: "GB00X", Date: feeDay + 2, Close: 10 * 100_000_000, Quotation: reference.QuotationPounds}, // of a day that has not come
		},
		Operations: []Operation{{Offset: 7, Operation: &ingest.Operation{Body: &ingest.FlatFee{Cash: 5_00, Floor: 100_00, Dated: feeDay}}}},
	}
}

func TestFlatFeesAreJudgedByWhatPotsAreWorth(t *testing.T) {
	pounds := 100 * feePence
	for name, test := range map[string]struct {
		in *Input
		ok bool
	}{
		"all of the fee":                               {chargedPot(250*pounds, 0, 5*pounds), true},
		"a penny more than the fee":                    {chargedPot(250*pounds, 0, 5*pounds+feePence), false},
		"as much as leaves the floor":                  {chargedPot(103*pounds, 0, 3*pounds), true},
		"a penny more, and less than the floor":        {chargedPot(103*pounds, 0, 3*pounds+feePence), false},
		"nothing above the floor":                      {chargedPot(100*pounds, 0, feePence), false},
		"what is about to be paid out is the payee's":  {chargedPot(60*pounds, 0, 5*pounds), false},
		"units count at the close that is known last":  {chargedPot(60*pounds, 43*feeUnit, 3*pounds), true},
		"units do not count at an earlier, higher one": {chargedPot(60*pounds, 43*feeUnit, 3*pounds+feePence), false},
		"parts of a penny count for nothing":           {chargedPot(60*pounds, 43*feeUnit+9_999, 3*pounds+feePence), false},
	} {
		if got := gather(test.in).checkFees()[0].result(); got.OK != test.ok {
			t.Errorf("%s: invariant 28 holds is %t, want %t: %s", name, got.OK, test.ok, got.Detail)
		}
	}
}

// feeOfThree is three pots of one shard that had so much cash, and paid so much of a fee of 5.00 above 100.00, then something else is booked of the last, if told.
func feeOfThree(cash, paid [3]schemas.Quantity, later bool) *Input {
	in := chargedPot(0, 0, 0)
	in.Journals = nil
	for step, amounts := range [][3]schemas.Quantity{cash, paid} {
		for n, amount := range amounts {
			pot, sequence := schemas.PotID("p"+string(rune('1'+n))), int64(len(in.Journals)+1)
			p := ledger.Posting{Stage: "contributed", Asset: schemas.Cash, Quantity: amount, From: ledger.BankClientMoney, To: ledger.PotAvailable}
			if step == 1 {
				p = ledger.Posting{Stage: stageCharged, Asset: schemas.Cash, Quantity: amount, From: ledger.PotAvailable, To: ledger.SchemeCharges}
			}
			if amount > 0 {
				in.Journals = append(in.Journals, &ledger.Journal{
					ID: schemas.DeriveID("journal", string(rune('0'+sequence))), Sequence: sequence, Pot: &pot, RecordedAt: schemas.Instant(feeDay+1)*dayMillis + schemas.Instant(step),
					Topic: streams.IngestOperator, Offset: 7, Postings: []ledger.Posting{p},
				})
			}
		}
	}
	if last := in.Journals[len(in.Journals)-1]; later {
		pot := schemas.PotID("p3")
		in.Journals = append(in.Journals, &ledger.Journal{Sequence: last.Sequence + 1, Pot: &pot, RecordedAt: last.RecordedAt + 1, Postings: []ledger.Posting{{Stage: "withdrawn"}}})
	}
	return in
}

func TestPotsThatAreSparedAFeeAreFound(t *testing.T) {
	type amounts = [3]schemas.Quantity
	pounds := 100 * feePence
	rich, all := amounts{250 * pounds, 250 * pounds, 250 * pounds}, amounts{5 * pounds, 5 * pounds, 5 * pounds}
	for name, test := range map[string]struct {
		in *Input
		ok bool
	}{
		"all pay":                            {feeOfThree(rich, all, true), true},
		"one pays nothing":                   {feeOfThree(rich, amounts{5 * pounds, 5 * pounds, 0}, true), false},
		"one pays a penny less":              {feeOfThree(rich, amounts{5 * pounds, 5*pounds - feePence, 5 * pounds}, true), false},
		"one has just the floor":             {feeOfThree(amounts{250 * pounds, 250 * pounds, 100 * pounds}, amounts{5 * pounds, 5 * pounds, 0}, true), true},
		"one has less than the fee above it": {feeOfThree(amounts{250 * pounds, 250 * pounds, 103 * pounds}, amounts{5 * pounds, 5 * pounds, 2 * pounds}, true), false},
		"one may be parked":                  {feeOfThree(rich, amounts{5 * pounds, 5 * pounds, 0}, false), true},
		"others may have been asked before":  {feeOfThree(rich, amounts{5 * pounds, 0, 0}, true), true},
	} {
		if got := gather(test.in).checkFees()[0].result(); got.OK != test.ok {
			t.Errorf("%s: invariant 28 holds is %t, want %t: %s", name, got.OK, test.ok, got.Detail)
		}
	}
}

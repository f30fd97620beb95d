package invariants_test

import (
	"slices"
	"testing"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// feeOf returns the flat fee of which the journal takes all, or nil.
func feeOf(in *invariants.Input, j *ledger.Journal) *ingest.FlatFee {
	for _, o := range in.Operations {
		fee, ok := o.Body.(*ingest.FlatFee)
		if !ok || j.Topic != streams.IngestOperator || j.Partition != o.Partition || j.Offset != o.Offset || j.Pot == nil {
			continue
		}
		if slices.ContainsFunc(j.Postings, func(p ledger.Posting) bool {
			return p.Stage == "charged" && p.Quantity == schemas.Quantity(fee.Cash)*penny
		}) {
			return fee
		}
	}
	return nil
}

// inFee tells a lie of the first journal that takes all of a flat fee.
func inFee(change func(*invariants.Input, *ledger.Journal)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			if feeOf(in, j) != nil {
				change(in, j)
				return true
			}
		}
		return false
	}
}

func liesOfFees() []lie {
	return []lie{
		{28, "a fee takes a penny more than was declared", inFee(func(_ *invariants.Input, j *ledger.Journal) { j.Postings[0].Quantity += penny })},
		{28, "a fee is taken of a pot that has nothing", inFee(func(_ *invariants.Input, j *ledger.Journal) {
			nobody := schemas.PotID("nobody")
			j.Pot = &nobody
		})},
		{28, "a fee is taken twice", inFee(func(in *invariants.Input, j *ledger.Journal) { in.Journals = append(in.Journals, j) })},
		{28, "a fee is taken that nobody declared", inFee(func(_ *invariants.Input, j *ledger.Journal) { j.Offset += 1 << 20 })},
		{28, "a fee is taken of a pot that is worth no more than the floor", inFee(func(in *invariants.Input, j *ledger.Journal) {
			feeOf(in, j).Floor = 1_000_000_000_00
		})},
		{28, "the rest of a pot's cash was never paid in", inFee(func(in *invariants.Input, j *ledger.Journal) {
			for _, other := range in.Journals {
				if other.Pot != nil && *other.Pot == *j.Pot && other.Shard == j.Shard && other.Sequence < j.Sequence {
					other.Postings = nil
				}
			}
		})},
	}
}

// TestTheJudgeOfFeesNoticesLies tells each lie of the first history that it can be told of.
func TestTheJudgeOfFeesNoticesLies(t *testing.T) { tellAll(t, liesOfFees()) }

// inMade tells a lie of the first journal by which an operator's declaration reserves something from an account.
func inMade(from schemas.Account, change func(*ledger.Journal)) func(*invariants.Input) bool {
	return func(in *invariants.Input) bool {
		for _, j := range in.Journals {
			made := func(p ledger.Posting) bool { return p.Stage == "reserved" && p.Trade == nil && p.From == from }
			if j.Topic == streams.IngestOperator && slices.ContainsFunc(j.Postings, made) {
				change(j)
				return true
			}
		}
		return false
	}
}

func liesOfMade() []lie {
	elsewhere := func(j *ledger.Journal) { j.Offset += 1 << 20 }
	return []lie{
		{12, "units are sold for a charge that nobody declared", inMade(ledger.PotSettled, elsewhere)},
		{10, "income is reinvested that nobody declared", inMade(ledger.PotAvailable, elsewhere)},
		{28, "a pot paid nothing of a fee", func(in *invariants.Input) bool {
			for n, j := range in.Journals {
				others := 0
				for _, other := range in.Journals {
					if other.Shard == j.Shard && other.Topic == j.Topic && other.Partition == j.Partition && other.Offset == j.Offset && other.RecordedAt == j.RecordedAt {
						others++
					}
				}
				if feeOf(in, j) != nil && others > 2 && slices.ContainsFunc(in.Journals, func(other *ledger.Journal) bool {
					return other.Pot != nil && *other.Pot == *j.Pot && other.Shard == j.Shard && other.Sequence > j.Sequence
				}) {
					in.Journals = slices.Delete(in.Journals, n, n+1)
					return true
				}
			}
			return false
		}},
	}
}

// TestTheJudgesOfWhatEventsMakeNoticeLies tells each lie of the first history that it can be told of.
func TestTheJudgesOfWhatEventsMakeNoticeLies(t *testing.T) { tellAll(t, liesOfMade()) }

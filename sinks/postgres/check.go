package postgres

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// check is the tripwires: it moves the position over the journals and returns an error at the first one that can't be right. It
// looks at each journal in the order place, content, postings.
func (p *Position) check(journals []ledger.Journal) error {
	for i := range journals {
		journal := &journals[i]
		if reason, detail := p.checkJournal(journal); reason != "" {
			return &TripwireError{
				Reason: reason, Topic: streams.LedgerJournal, Partition: p.Shard, Sequence: journal.Sequence, Detail: detail,
			}
		}
		p.Sequence, p.Head, p.RecordedAt = journal.Sequence, journal.Hash, journal.RecordedAt
	}
	return nil
}

func (p *Position) checkJournal(journal *ledger.Journal) (Reason, string) {
	switch {
	case journal.Shard != p.Shard:
		return ReasonWrongShard, fmt.Sprintf("it names shard %d", journal.Shard)
	case journal.Sequence != p.Sequence+1:
		return ReasonSequence, fmt.Sprintf("the last one booked is %d", p.Sequence)
	case journal.Previous != p.Head:
		return ReasonPrevious, fmt.Sprintf("it follows on %x, the chain ends with %x", journal.Previous, p.Head)
	case journal.Hash != journal.ExpectedHash():
		return ReasonHash, fmt.Sprintf("it says %x, its content gives %x", journal.Hash, journal.ExpectedHash())
	case journal.RecordedAt < p.RecordedAt:
		return ReasonRecordedBackwards, fmt.Sprintf("recorded at %s, its predecessor at %s", journal.RecordedAt, p.RecordedAt)
	case journal.RecordedAt < p.RecordedBefore:
		return ReasonRecordedBackwards, fmt.Sprintf("recorded at %s, the shard was complete before %s", journal.RecordedAt, p.RecordedBefore)
	case len(journal.Postings) == 0:
		return ReasonEmpty, "it has no postings"
	}
	return checkPostings(journal)
}

func checkPostings(journal *ledger.Journal) (Reason, string) {
	for i := range journal.Postings {
		posting := &journal.Postings[i]
		if reason, detail := checkPosting(journal, posting, i); reason != "" {
			return reason, fmt.Sprintf("leg %d: %s", posting.Leg, detail)
		}
	}
	// A balance may dip while the journal is under way, never at its end.
	for i := len(journal.Postings) - 1; i >= 0; i-- {
		posting := &journal.Postings[i]
		for _, side := range [...]struct {
			account schemas.Account
			balance *schemas.Quantity
		}{{posting.From, posting.FromBalance}, {posting.To, posting.ToBalance}} {
			if side.balance != nil && *side.balance < 0 && !changedLater(journal.Postings[i+1:], posting.Asset, side.account) {
				return ReasonBalance, fmt.Sprintf("%s of %s ends with %s", side.account, posting.Asset, side.balance)
			}
		}
	}
	return "", ""
}

func changedLater(postings []ledger.Posting, asset schemas.AssetCode, account schemas.Account) bool {
	for i := range postings {
		if postings[i].Asset == asset && (postings[i].From == account || postings[i].To == account) {
			return true
		}
	}
	return false
}

func checkPosting(journal *ledger.Journal, posting *ledger.Posting, index int) (Reason, string) {
	switch {
	case int(posting.Leg) != index+1:
		return ReasonLeg, fmt.Sprintf("it should be %d", index+1)
	case posting.Scale < 0 || posting.Scale > schemas.QuantityScale:
		return ReasonScale, fmt.Sprintf("scale %d", posting.Scale)
	case posting.Quantity <= 0:
		return ReasonQuantity, posting.Quantity.String() + " is not positive"
	case posting.From == posting.To:
		return ReasonSameAccount, string(posting.From)
	}
	for _, quantity := range [...]*schemas.Quantity{&posting.Quantity, posting.FromBalance, posting.ToBalance} {
		if quantity == nil {
			continue
		}
		if _, exact := quantity.Quanta(int(posting.Scale)); !exact {
			return ReasonQuantity, fmt.Sprintf("%s is finer than scale %d", quantity, posting.Scale)
		}
	}
	if reason, detail := checkBalance(journal, posting.From, posting.FromBalance); reason != "" {
		return reason, detail
	}
	return checkBalance(journal, posting.To, posting.ToBalance)
}

func checkBalance(journal *ledger.Journal, account schemas.Account, balance *schemas.Quantity) (Reason, string) {
	switch ofPot := ledger.IsPotAccount(account); {
	case ofPot && journal.Pot == nil:
		return ReasonPot, string(account) + " in a journal of no pot"
	case ofPot && balance == nil:
		return ReasonBalance, string(account) + " has no running balance"
	case !ofPot && balance != nil:
		return ReasonBalance, string(account) + " is shared and has a running balance"
	}
	return "", ""
}

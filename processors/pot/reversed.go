package pot

import (
	"fmt"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// bookedMax bounds the journals that a pot remembers because they can be reversed: the oldest is forgotten first.
const bookedMax = 12

// kindReversed is that of journals that reverse another one, whose id follows it.
const kindReversed = "reversed/"

// Reversible says whether a reversal of the posting's journal negates it: it paid cash in, or took a charge.
func Reversible(p *ledger.Posting) bool {
	return p.Stage == stageContributed && p.To == ledger.PotAvailable || p.Stage == stageCharged && p.From == ledger.PotAvailable
}

// noteBooked remembers a journal that paid cash in or took a charge, so that it can be reversed. What it reserved for orders is theirs: they are cancelled,
// or corrected with their batch.
func (d *draft) noteBooked(journal schemas.ID) {
	for i := range d.postings {
		p := &d.postings[i]
		if !Reversible(p) {
			continue
		}
		cash, _ := p.Quantity.Quanta(schemas.MoneyScale)
		if p.Stage == stageCharged {
			cash = -cash
		}
		from := max(0, len(d.state.Booked)-bookedMax+1)
		d.state.Booked = append(slices.Clone(d.state.Booked[from:]), state.Booked{Journal: journal, Cash: schemas.Money(cash), On: p.EffectiveOn})
	}
}

// reverse negates what a journal paid in or charged, once, on its own effective date. Cash that is taken back may have been used since: the scheme lends it
// from that date until the day on which this is decided, so that the pot was never below zero: the cash may have come since it was asked for.
func reverse(place streams.Place, r *Reference, before *state.PotState, cause *inbox.Cause, act *ingest.JournalReversal) (*state.PotState, []streams.Out) {
	at, why := checkReversal(r, before, cause, act)
	if why.code != "" {
		return before, []streams.Out{rejectionOut(place, cause, act.Pot, why)}
	}
	d := newDraft(before, 3)
	d.state.Booked = slices.Clone(before.Booked)
	d.state.Booked[at].Reversed = true
	booked := before.Booked[at]
	p := purpose{stage: stageReversed, effectiveOn: booked.On, reverses: &booked.Journal}
	if booked.Cash < 0 {
		d.moveCash(p, outside[schemas.Money](ledger.SchemeCharges), d.available(), -booked.Cash)
		return &d.state, d.journal(nil, place, act.Pot, cause, kindReversed+booked.Journal.String())
	}
	d.moveCash(p, d.available(), outside[schemas.Money](ledger.BankClientMoney), booked.Cash)
	if today := r.today(place); booked.On < today {
		lender := outside[schemas.Money](ledger.SchemeCompensation)
		d.moveCash(purpose{stage: stageLent, effectiveOn: booked.On}, lender, d.available(), booked.Cash)
		d.moveCash(purpose{stage: stageRepaid, effectiveOn: today}, d.available(), lender, booked.Cash)
	}
	return &d.state, d.journal(nil, place, act.Pot, cause, kindReversed+booked.Journal.String())
}

// checkReversal returns which of the journals that the pot remembers is to be reversed, or says why none can be. How far back it may be counts from the day on
// which that was asked for.
func checkReversal(r *Reference, before *state.PotState, cause *inbox.Cause, act *ingest.JournalReversal) (at int, why refusal) {
	if before == nil {
		return 0, refusal{codeNotOpen, fmt.Sprintf("pot %s is not open", act.Pot)}
	}
	at = slices.IndexFunc(before.Booked, func(b state.Booked) bool { return b.Journal == act.Journal })
	if at < 0 {
		return 0, refusal{codeUnknownJournal, fmt.Sprintf(
			"journal %s is none of the last %d by which pot %s was paid or charged: what orders and payments made is cancelled or corrected in other ways", act.Journal, bookedMax, act.Pot)}
	}
	booked := &before.Booked[at]
	today, ready := r.LocalDate(cause.ReceivedAt)
	switch {
	case booked.Reversed:
		why = refusal{codeAlreadyReversed, fmt.Sprintf("journal %s is reversed already", act.Journal)}
	case !ready:
		why = refusal{codeNotReady, "the trust's settings are not known yet"}
	case booked.On < r.OldestDate(today):
		why = refusal{codeReversalTooLate, fmt.Sprintf("journal %s is of %s, before %s", act.Journal, booked.On, r.OldestDate(today))}
	case booked.Cash > before.Available:
		why = refusal{codeCashNotAvailable, fmt.Sprintf("%s available, %s to be taken back", before.Available, booked.Cash)}
	case booked.Cash < 0 && before.ClosedOn != nil:
		why = refusal{codeClosed, fmt.Sprintf("pot %s was closed on %s: what it was charged too much is owed to the member by the scheme", act.Pot, before.ClosedOn)}
	case booked.Cash < 0:
		why = checkRoom(before, -booked.Cash)
	}
	return at, why
}

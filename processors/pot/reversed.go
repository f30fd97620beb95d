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

// bookedMax bounds what a pot remembers because it can be reversed: the oldest is forgotten first.
const bookedMax = 12

// kindReversed is that of journals that reverse another one, whose id follows it.
const kindReversed = "reversed/"

// noteBooked remembers a journal that brought cash or took a charge, so that it can be reversed. What it reserved for orders is theirs: they are cancelled,
// or corrected with their batch. The oldest journals are forgotten for it, each as a whole: a reversal negates all that a journal booked, or nothing of it. So one
// that booked more than is remembered is not remembered at all.
func (d *draft) noteBooked(journal schemas.ID) {
	count := 0
	for i := range d.postings {
		if Reversible(&d.postings[i]) {
			count++
		}
	}
	if count == 0 || count > bookedMax {
		return
	}
	kept := d.state.Booked
	for len(kept)+count > bookedMax {
		kept = withoutOldest(kept)
	}
	d.state.Booked = append(make([]state.Booked, 0, len(kept)+count), kept...)
	for i := range d.postings {
		if p := &d.postings[i]; Reversible(p) {
			d.state.Booked = append(d.state.Booked, d.booking(journal, p))
		}
	}
}

// withoutOldest returns what is remembered but for the oldest journal.
func withoutOldest(booked []state.Booked) []state.Booked {
	next := 1
	for next < len(booked) && booked[next].Journal == booked[0].Journal {
		next++
	}
	return booked[next:]
}

// booking is what is remembered of a posting.
func (d *draft) booking(journal schemas.ID, p *ledger.Posting) state.Booked {
	cash, _ := p.Quantity.Quanta(schemas.MoneyScale)
	booked := state.Booked{Journal: journal, Cash: schemas.Money(cash), On: p.EffectiveOn}
	switch p.Stage {
	case stageCharged:
		booked.Cash = -booked.Cash
	case stageAttributed:
		booked.Account, booked.Reference = string(p.From), d.reference
	case stageDistributed, stageCompensated:
		booked.Account = string(p.From)
	}
	return booked
}

// reverse negates what a journal brought or charged, once, on its own effective date. Cash that is taken back may have been used since: the scheme lends it
// from that date until the day on which this is decided, so that the pot was never below zero: the cash may have come since it was asked for.
func reverse(place streams.Place, r *Reference, before *state.PotState, cause *inbox.Cause, act *ingest.JournalReversal) (*state.PotState, []streams.Out) {
	if why := checkReversal(r, before, cause, act); why.code != "" {
		return before, []streams.Out{rejectionOut(place, cause, act.Pot, why)}
	}
	d := newDraft(before, 4)
	d.state.Booked = slices.Clone(before.Booked)
	var outs []streams.Out
	for i := range d.state.Booked {
		b := &d.state.Booked[i]
		if b.Journal != act.Journal {
			continue
		}
		b.Reversed = true
		d.negateBooked(b, r.today(place))
		if b.Reference != "" {
			outs = append(outs, unclaimedOut(cause, b))
		}
	}
	return &d.state, append(d.journal(nil, place, act.Pot, cause, kindReversed+act.Journal.String()), outs...)
}

// negateBooked posts the opposite of what brought cash to the pot, or took a charge.
func (d *draft) negateBooked(b *state.Booked, today schemas.Date) {
	p := purpose{stage: stageReversed, effectiveOn: b.On, reverses: &b.Journal}
	if b.Cash < 0 {
		d.moveCash(p, outside[schemas.Money](ledger.SchemeCharges), d.available(), -b.Cash)
		return
	}
	other, scheme := ledger.BankClientMoney, outside[schemas.Money](ledger.SchemeCompensation)
	if b.Account != "" {
		other = schemas.Account(b.Account)
	}
	d.moveCash(p, d.available(), outside[schemas.Money](other), b.Cash)
	if ledger.IsCashOwed(other) {
		// The custodian has paid it, and is owed nothing: whose it is instead is for the scheme to say.
		d.moveCash(purpose{stage: stageCompensated, effectiveOn: b.On}, outside[schemas.Money](other), scheme, b.Cash)
	}
	if b.On < today {
		d.moveCash(purpose{stage: stageLent, effectiveOn: b.On}, scheme, d.available(), b.Cash)
		d.moveCash(purpose{stage: stageRepaid, effectiveOn: today}, d.available(), scheme, b.Cash)
	}
}

// unclaimedOut gives the cash of a transfer in, and its reference, back to whom it may concern: it is held again until it is claimed or refunded.
func unclaimedOut(cause *inbox.Cause, b *state.Booked) streams.Out {
	return suspenseOut(cause, b.Reference, &inbox.CashReturned{Reference: b.Reference, Payment: b.Journal, Cash: b.Cash, On: b.On, Unclaimed: true})
}

// checkReversal says why a journal cannot be reversed. How far back it may be counts from the day on which that was asked for.
func checkReversal(r *Reference, before *state.PotState, cause *inbox.Cause, act *ingest.JournalReversal) refusal {
	if before == nil {
		return notOpen(act.Pot)
	}
	cash, found := schemas.Money(0), false
	today, ready := r.LocalDate(cause.ReceivedAt)
	for i := range before.Booked {
		b := &before.Booked[i]
		if b.Journal != act.Journal {
			continue
		}
		cash, found = cash+b.Cash, true
		switch {
		case b.Reversed:
			return refusal{codeAlreadyReversed, fmt.Sprintf("journal %s is reversed already", act.Journal)}
		case !ready:
			return notReady()
		case b.On < r.OldestDate(today):
			return refusal{codeReversalTooLate, fmt.Sprintf("journal %s is of %s, before %s", act.Journal, b.On, r.OldestDate(today))}
		case b.Reference != "" && slices.ContainsFunc(before.Claims, func(c state.Claim) bool { return c.Reference == b.Reference }):
			return refusal{codeAlreadyClaiming, fmt.Sprintf("a claim of %s waits, and would get the cash back: cancel it first", b.Reference)}
		}
	}
	switch {
	case !found:
		return refuseUnknown(act.Pot, act.Journal, act.Stage)
	case cash > before.Available:
		return refusal{codeCashNotAvailable, fmt.Sprintf("%s available, %s to be taken back", before.Available, cash)}
	case cash < 0 && before.ClosedOn != nil:
		return refusal{codeClosed, fmt.Sprintf("pot %s was closed on %s: what it was charged too much is owed to the member by the scheme", act.Pot, before.ClosedOn)}
	case cash < 0:
		return checkRoom(before, -cash)
	}
	return refusal{}
}

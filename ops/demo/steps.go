package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
)

// answers waits until each record has the answer and the rejection that it must get, and counts them.
func (r *Session) answers(ctx context.Context, all []sent) error {
	r.OnProgress(len(r.records), r.total, r.day.Date)
	next := 0
	err := r.await(ctx, "answers", func() string {
		// What is answered stays answered: each look goes on where the last one stopped.
		for ; next < len(all); next++ {
			if s := &all[next]; !s.AtClose && !r.isAnswered(s) {
				return fmt.Sprintf("%s, sent as record %d of %d, key %s", s.at, next+1, len(all), s.Key)
			}
		}
		return ""
	})
	if err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for i := range all {
		r.count(&all[i])
	}
	return nil
}

// isAnswered says whether what the sender of a record must be told has been told, in any form. A second answer to the
// same instruction stands behind the first.
func (r *Session) isAnswered(s *sent) bool {
	if s.Answer.State != "" {
		one := r.fates[s.Instruction]
		if one == nil || s.Answer.Duplicate && len(one.answers) < 2 {
			return false
		}
	}
	return s.Rejected == "" || s.Topic == streams.IngestInstruction && s.Answer.State != "" || len(r.rejections[s.at]) > 0
}

// count adds a record to the day's sums by what its sender was told.
func (r *Session) count(s *sent) {
	r.records = append(r.records, *s)
	r.day.Sent++
	switch {
	case s.AtClose:
		r.pending = append(r.pending, *s)
		r.day.Refused++
	case s.isTaken(), s.Answer.State != "" && r.answer(s).State == "accepted":
		r.day.Accepted++
	default:
		r.day.Refused++
	}
}

// answer returns what was told of the record: its first answer, or for a record that repeats another the matching one of the
// later ones.
func (r *Session) answer(s *sent) Answer {
	one := r.fates[s.Instruction]
	if one == nil || len(one.answers) == 0 {
		return Answer{}
	}
	for _, answer := range one.answers {
		if answer.Duplicate == s.Answer.Duplicate && answer.State == s.Answer.State {
			return answer
		}
	}
	return one.answers[len(one.answers)-1]
}

// placed waits for the day's orders to the custodians.
func (r *Session) placed(ctx context.Context, d *Day) error {
	trades := r.open[len(r.open)-len(d.Trades):]
	err := r.await(ctx, "external trades", func() string {
		for _, t := range trades {
			if view := r.trades[t.id()]; view == nil || view.order == nil {
				return fmt.Sprintf("the trade in %s of %d orders for %s", t.fund.Code, t.expected.Orders, t.expected.Cash)
			}
		}
		return ""
	})
	if err != nil {
		return err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, t := range trades {
		view := r.trades[t.id()]
		t.shown.Trade = t.id().String()
		t.shown.Orders, t.shown.PlacedOrders = t.expected.Orders, view.orders
		t.shown.SettlesOn = view.order.SettlesOn.String()
		t.shown.State = "placed"
		t.shown.compare(&t.expected, view.order)
	}
	return nil
}

// evening publishes the closes and waits until every trade that can be dealt is.
func (r *Session) evening(ctx context.Context, d *Day) error {
	prices := r.prices(d.Date)
	if err := r.advance(r.Market.at(d.Date, 21, 15, 0)); err != nil {
		return err
	}
	if err := r.tick(ctx); err != nil {
		return err
	}
	var records []Record
	for i := range prices {
		p := &prices[i]
		if d.Date < r.begins(p.Asset) {
			continue
		}
		records = append(records, Record{Topic: streams.IngestPrice, Key: string(p.Asset), Value: p})
		r.park(p)
	}
	if _, err := r.send(ctx, records); err != nil {
		return err
	}
	if err := r.dealt(ctx); err != nil {
		return err
	}
	if err := r.fence(ctx); err != nil {
		return err
	}
	if err := r.closeAnswers(ctx); err != nil {
		return err
	}
	r.show()
	return nil
}

func (r *Session) begins(code schemas.AssetCode) schemas.Date { return r.Market.daysOf(code)[0] }

// park works out whether a close may be used, or must wait for a person.
func (r *Session) park(p *ingest.Price) {
	before := r.released[p.Asset]
	move := max(p.Close-before, before-p.Close)
	if before != 0 && int64(move)*int64(schemas.WeightOne)/int64(before) > int64(tolerance) {
		r.parked = append(r.parked, parkedPrice{p.Asset, p.Date, before, p.Close})
		return
	}
	r.released[p.Asset] = p.Close
}

func (r *Session) isParked(t openTrade) bool {
	return slices.ContainsFunc(r.parked, func(p parkedPrice) bool { return p.asset == t.fund.Code && p.day == t.day })
}

// dealt waits until the custodians have dealt or rejected every open trade. Where the price is parked it waits until the
// confirmation has come to dealing, which must not act on it.
func (r *Session) dealt(ctx context.Context) error {
	return r.await(ctx, "fills", func() string {
		for _, t := range r.open {
			view := r.trades[t.id()]
			switch {
			case r.isParked(t) && view.told > 0, view.final, view.refused != "":
			default:
				return fmt.Sprintf("the trade in %s of %s", t.fund.Code, t.day)
			}
		}
		return ""
	})
}

// closeAnswers waits for the rejections that could only come once the day's prices were known.
func (r *Session) closeAnswers(ctx context.Context) error {
	err := r.await(ctx, "rejections", func() string {
		for i := range r.pending {
			if len(r.rejections[r.pending[i].at]) == 0 {
				return "one of " + r.pending[i].at.String()
			}
		}
		return ""
	})
	r.pending = nil
	return err
}

// show fills in what the evening has brought, and forgets trades that are not dealt.
func (r *Session) show() {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	var rest []openTrade
	for _, t := range r.open {
		view := r.trades[t.id()]
		t.shown.fill(view)
		if view.refused == "" {
			rest = append(rest, t)
		} else {
			note := fmt.Sprintf("%s by %s: the trade in %s, because %s", view.refused, t.fund.Custodian, t.fund.Code, view.reason)
			if to := t.expected.CarriedTo; to != nil {
				note += fmt.Sprintf("; its %d orders go on to %s", view.orders, to)
			}
			r.day.Notes = append(r.day.Notes, note)
		}
	}
	r.open = rest
	for _, p := range r.parked {
		for _, t := range r.open {
			if t.fund.Code == p.asset && t.day == p.day && !r.trades[t.id()].final {
				t.shown.State, t.shown.waited = "waits", true
				r.day.Notes = append(r.day.Notes, fmt.Sprintf(
					"waits: %s moved from %s to %s, by more than %s %%; its fill is here and must wait for a person",
					p.asset, priceText(p.before), priceText(p.parked), percentText(tolerance)))
			}
		}
	}
}

// release has an operator release the parked prices, and waits until the trades that waited for them are dealt.
func (r *Session) release(ctx context.Context, day schemas.Date) error {
	if len(r.parked) == 0 {
		return nil
	}
	var records []Record
	for _, p := range r.parked {
		operation := &ingest.Operation{
			Operator: "duty-manager", ID: fmt.Sprintf("release-%s-%s", p.asset, p.day), Reason: "checked with the exchange: the move is real",
			Body: &ingest.PriceRelease{Asset: p.asset, Date: p.day, Price: p.parked},
		}
		records = append(records, Record{Topic: streams.IngestOperator, Key: "operator", Value: operation})
		r.released[p.asset] = p.parked
		r.day.Notes = append(r.day.Notes, fmt.Sprintf("released by an operator at %s: %s of %s at %s",
			r.now.Time().In(r.Market.zone).Format(time.TimeOnly), p.asset, p.day, priceText(p.parked)))
	}
	if _, err := r.send(ctx, records); err != nil {
		return err
	}
	r.parked = nil
	if err := r.dealt(ctx); err != nil {
		return fmt.Errorf("after the release of prices on %s: %w", day, err)
	}
	r.show()
	for _, t := range r.open {
		if t.shown.waited {
			t.shown.waited = false
			r.day.Notes = append(r.day.Notes, fmt.Sprintf("released: the trade in %s of %s is dealt: %s units for %s", t.fund.Code, t.day, group(t.shown.Units), group(t.shown.Placed)))
		}
	}
	return nil
}

// settle waits for the settlements that are due.
func (r *Session) settle(ctx context.Context, day schemas.Date) error {
	due := func(t openTrade) bool { return r.trades[t.id()].order.SettlesOn <= day && r.trades[t.id()].final }
	err := r.await(ctx, "settlements", func() string {
		for _, t := range r.open {
			if due(t) && r.trades[t.id()].settledOn == nil {
				return fmt.Sprintf("the trade in %s of %s", t.fund.Code, t.day)
			}
		}
		return ""
	})
	if err != nil {
		return err
	}
	settled := make(map[schemas.Date][]string)
	r.mutex.Lock()
	r.open = slices.DeleteFunc(r.open, func(t openTrade) bool {
		if !due(t) {
			return false
		}
		t.shown.State, t.shown.SettledOn = "settled", r.trades[t.id()].settledOn.String()
		settled[t.day] = append(settled[t.day], string(t.fund.Code))
		return true
	})
	r.mutex.Unlock()
	r.day.Notes = append(r.day.Notes, settledNotes(settled)...)
	if len(settled) == 0 {
		return nil
	}
	// The members' units follow in a sweep; a tick that comes behind it says when it is over.
	return r.fence(ctx)
}

// ends waits until every accepted instruction has come to its end.
func (r *Session) ends(ctx context.Context) error {
	r.OnProgress(len(r.records), r.total, "waiting for the last statuses")
	return r.await(ctx, "the ends of instructions", func() string {
		for key, end := range r.Workload.Ends {
			if one := r.fates[key]; one == nil || one.last != end {
				return fmt.Sprintf("%s of %s from %s to be %s", key.ID, key.Pot, key.Source, end)
			}
		}
		return ""
	})
}

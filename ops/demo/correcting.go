package demo

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/penstock-ledger/penstock/ops/invariants"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

const checkPlans = "what the plan of a price correction said is what the correction then did, pot by pot"

// CorrectionReport is the correction of a close.
type CorrectionReport struct {
	Asset schemas.AssetCode `json:"asset"`
	Date  string            `json:"date"`
	Old   string            `json:"old"`
	New   string            `json:"new"`
	// Plan is what the ledger said beforehand that it would change. There is none without a ledger in Postgres.
	Plan []postgres.PlannedPot `json:"plan"`

	cause string
}

// prices are what the vendor publishes for a day: the closes, but for one that it gets wrong.
func (r *Session) prices(day schemas.Date) []ingest.Price {
	prices := r.Market.Prices(day)
	wrong := r.Workload.WrongClose
	for i := range prices {
		if p := &prices[i]; wrong != nil && p.Asset == wrong.Asset && p.Date == wrong.Date {
			p.Close = wrong.Close
		}
	}
	return prices
}

// corrections returns the corrections of closes among records.
func corrections(records []Record) []*ingest.PriceCorrection {
	var found []*ingest.PriceCorrection
	for i := range records {
		operation, ok := records[i].Value.(*ingest.Operation)
		if !ok {
			continue
		}
		if correction, ok := operation.Body.(*ingest.PriceCorrection); ok {
			found = append(found, correction)
		}
	}
	return found
}

// plan looks at what a correction would change, before it is sent.
func (r *Session) plan(ctx context.Context, c *ingest.PriceCorrection) error {
	report := &CorrectionReport{
		Asset: c.Asset, Date: c.Date.String(), Old: priceText(c.Old), New: priceText(c.New), cause: correctionID(TradeID(c.Date, fundNamed(c.Asset))),
	}
	r.day.Corrections = append(r.day.Corrections, report)
	if r.Ledger == nil {
		return nil
	}
	if err := r.fence(ctx); err != nil {
		return err
	}
	if err := r.bookedNow(ctx); err != nil {
		return err
	}
	plan, err := postgres.PlanCorrection(ctx, r.Ledger, c.Asset, c.Date, c.New, 0)
	if err != nil {
		return err
	}
	report.Plan = plan.Lines
	return nil
}

// corrected waits until dealing has worked the day's trade out again, and the shards have gone through what it told them.
func (r *Session) corrected(ctx context.Context, c *ingest.PriceCorrection) error {
	fund := fundNamed(c.Asset)
	err := r.await(ctx, "corrections", func() string {
		if view := r.trades[TradeID(c.Date, fund)]; view == nil || view.corrected < view.pieces {
			return fmt.Sprintf("the trade in %s of %s", c.Asset, c.Date)
		}
		return ""
	})
	if err != nil {
		return err
	}
	return r.fence(ctx)
}

// bookedNow waits until Postgres has everything up to now.
func (r *Session) bookedNow(ctx context.Context) error {
	r.mutex.Lock()
	events := r.events
	r.mutex.Unlock()
	return untilBooked(ctx, func() (string, error) {
		if missing, err := r.unbookedEvents(ctx, events); err != nil || missing != "" {
			return missing, err
		}
		return r.incomplete(ctx)
	})
}

// untilBooked waits until missing returns "", which says in words what Postgres lacks.
func untilBooked(ctx context.Context, missing func() (string, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, bookedTimeMax, errStep)
	defer cancel()
	for {
		lacks, err := missing()
		if err == nil && lacks == "" {
			return nil
		}
		select {
		case <-time.After(bookedPause):
		case <-ctx.Done():
			return fmt.Errorf("waiting for the ledger in Postgres: %w; missing: %s (%w)", context.Cause(ctx), lacks, err)
		}
	}
}

// checkPlans compares what was planned with the journals of what was then done.
func (r *Session) checkPlans(in *invariants.Input) invariants.Result {
	v := newVerdict(checkPlans, "")
	pots := 0
	for _, day := range r.report.Days {
		for _, c := range day.Corrections {
			done := correctedPots(in.Journals, c)
			pots += len(c.Plan)
			for _, planned := range c.Plan {
				if does := done[planned.Pot]; !does.is(&planned) {
					v.fail("%s of %s: planned %+v, done %+v", c.Asset, c.Date, planned, does)
				}
				delete(done, planned.Pot)
			}
			for pot := range done {
				v.fail("%s of %s: %s was corrected and not in the plan", c.Asset, c.Date, pot)
			}
		}
	}
	v.CheckedOn = fmt.Sprintf("%d pots", pots)
	return v.result()
}

// correctedPot is what a correction did in one pot that bought.
type correctedPot struct {
	orders             []schemas.ID
	postings           int64
	was, would, missed schemas.Quantity
}

func (c correctedPot) is(p *postgres.PlannedPot) bool {
	same := func(text string, q schemas.Quantity) bool {
		planned, err := decimal.NewFromString(text)
		return err == nil && planned.Equal(decimal.New(int64(q), -schemas.QuantityScale))
	}
	return p.What == "units bought" && int64(len(c.orders)) == p.Orders && c.postings == p.Postings &&
		same(p.Was, c.was) && same(p.Would, c.would) && same(p.Missing, c.missed)
}

// correctedPots adds up the journals of a correction by pot.
func correctedPots(journals []*ledger.Journal, c *CorrectionReport) map[schemas.PotID]correctedPot {
	done := make(map[schemas.PotID]correctedPot)
	for _, j := range journals {
		if j.Pot == nil || j.Cause != c.cause {
			continue
		}
		sum := done[*j.Pot]
		for i := range j.Postings {
			sum.add(&j.Postings[i], c.Asset)
		}
		done[*j.Pot] = sum
	}
	return done
}

func (c *correctedPot) add(p *ledger.Posting, asset schemas.AssetCode) {
	if p.Order != nil && !slices.Contains(c.orders, *p.Order) {
		c.orders = append(c.orders, *p.Order)
	}
	if p.Reverses != nil {
		c.postings++
	}
	switch {
	case p.Asset != asset:
	case p.Stage == "reversed" && p.From == ledger.PotPending:
		c.was += p.Quantity
	case p.Stage == "priced":
		c.would += p.Quantity
	case p.Stage == "compensated" && p.From == ledger.SchemeCompensation:
		c.missed += p.Quantity
	}
}

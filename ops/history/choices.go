package history

import (
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

const lifestyle schemas.PathCode = "LIFESTYLE"

// glidePaths are the path of a world of rare things, and the rows that it has from the third day on.
func (w *World) glidePaths() []*reference.Entry {
	if !w.Rare {
		return nil
	}
	row := func(years int32, weights ...schemas.Weight) reference.PathRow {
		r := reference.PathRow{Years: years}
		for n, weight := range weights {
			if weight > 0 {
				r.Split = append(r.Split, reference.PathPart{Asset: Assets()[n].Code, Weight: weight})
			}
		}
		return r
	}
	return []*reference.Entry{
		{Body: &reference.GlidePath{Code: lifestyle, EffectiveFrom: Monday - 10, Rows: []reference.PathRow{row(5, schemas.WeightOne), row(0, 333_333, 0, 666_667)}}},
		{Body: &reference.GlidePath{Code: lifestyle, EffectiveFrom: Monday + 2, Rows: []reference.PathRow{row(5, 0, 500_000, 500_000), row(1, 1, 999_999), row(0, 0, 0, schemas.WeightOne)}}},
	}
}

// rebalance has pots traded back to their choices, on some evenings, and tries a second time on a few.
func (w *World) rebalance(today schemas.Date) error {
	about := func(sides, what uint64) uint64 { return w.dice(sides, aboutRebalancing, uint64(today), what) } //nolint:gosec // after 1970
	if !w.Rare || !w.operates(today) || about(2, 0) > 0 {
		return nil
	}
	absolute, relative := schemas.Weight(about(5, 1))*30_000, schemas.Weight(about(5, 2))*50_000 //nolint:gosec // few
	terms := ingest.Rebalancing{Dated: today, Absolute: &absolute, Relative: &relative, Minimum: schemas.Money(1_00 + about(20_00, 3)), InvestCash: about(2, 4) == 0, WhileUnsettled: about(3, 5) == 0}
	switch about(3, 6) {
	case 0:
		terms.Absolute = nil
	case 1:
		terms.Relative = nil
	}
	if err := w.declare(fmt.Sprintf("rebalance-%s", today), &terms); err != nil || about(4, 7) > 0 {
		return err
	}
	return w.declare(fmt.Sprintf("rebalance-%s-again", today), &terms)
}

// choose makes a contribution one by choice, now and then, or a choice in its place: a fixed one, a path whose row changes within the days of a history, or none.
func (w *World) choose(a Action, i *ingest.Instruction) {
	n := uint64(len(w.sent))
	c, contributes := i.Body.(*ingest.Contribution)
	switch {
	case !w.Rare || !contributes:
	case a.Kind == Contributes && w.dice(3, aboutChoice, n) > 0:
		c.ByChoice = true
	case a.Kind == ContributesSplit && w.dice(2, aboutChoice, n) == 0:
		switch w.dice(5, aboutChoice, n, 1) {
		case 0:
			i.Body = &ingest.InvestmentChoice{}
		case 1, 2:
			i.Body = &ingest.InvestmentChoice{Split: a.split()}
		default:
			path, target := lifestyle, schemas.DateOf(2013, time.March, 17)+schemas.Date(w.dice(6, aboutChoice, n, 2)) //nolint:gosec // few
			i.Body = &ingest.InvestmentChoice{Path: &path, Target: &target}
		}
	}
}

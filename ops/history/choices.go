package history

import (
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

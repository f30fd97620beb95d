package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/processors/internal/glidepath"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// choose makes what the instruction says the pot's standing choice, or takes the choice back. It stands from this message on, whatever the instruction's
// date: what was invested before was invested by another one.
func (q *question) choose(before *state.PotState, c *ingest.InvestmentChoice, digest state.SeenDigest) (*state.PotState, []streams.Out) {
	if why := q.checkChoice(c); why.code != "" {
		return q.refused(before, why, digest)
	}
	d := newDraft(before, 0)
	d.state.Choice = nil
	if len(c.Split) > 0 || c.Path != nil {
		d.state.Choice = c
	}
	if before.Choice == nil {
		d.state.Rebalanced = q.reference.rebalanced // no run of before was for it
	}
	return q.accepted(d, digest, nil, nil)
}

// checkChoice refuses what could not be followed. No reason tells the target date: rejections are read by more people than the pot's state.
func (q *question) checkChoice(c *ingest.InvestmentChoice) refusal {
	for i := range c.Split {
		if asset := c.Split[i].Asset; !q.reference.Knows(asset) {
			return unknownAsset(asset)
		}
	}
	if c.Path != nil && q.reference.pathOn(*c.Path, q.today) == nil {
		return refusal{codeUnknownPath, fmt.Sprintf("there is no glide path %s on %s", *c.Path, q.today)}
	}
	return refusal{}
}

// splitOf returns how a contribution is invested: as it says itself, or as the pot's choice says on the day of its receipt.
func (q *question) splitOf(before *state.PotState, c *ingest.Contribution) ([]ingest.SplitPart, refusal) {
	if !c.ByChoice {
		return c.Split, refusal{}
	}
	split, ok := q.reference.chosen(before, q.today)
	if !ok {
		return nil, refusal{codeNoChoice, "the pot has no standing choice of how contributions are invested"}
	}
	return split, refusal{}
}

// chosen returns the weights that the pot's standing choice comes to on a day, and false where there is none. The parts stand in the order of the choice,
// or of the path's row, and must not be changed.
func (r *Reference) chosen(pot *state.PotState, day schemas.Date) ([]ingest.SplitPart, bool) {
	c := pot.Choice
	switch {
	case c == nil:
		return nil, false
	case c.Path == nil:
		return c.Split, true
	}
	// It was there when it was chosen, and rows of reference data never go away. A day before that is asked for by nobody.
	path := r.pathOn(*c.Path, day)
	if path == nil {
		return nil, false
	}
	return path.splits[glidepath.Row(path.rows, glidepath.YearsTo(*c.Target, day))], true
}

// path is a glide path from a date on, its splits as contributions have them.
type path struct {
	from   schemas.Date
	rows   []reference.PathRow
	splits [][]ingest.SplitPart
}

// pathOn returns the path as it holds on the day, or nil.
func (r *Reference) pathOn(code schemas.PathCode, day schemas.Date) *path {
	return book.On(r.paths[code], day, func(p *path) schemas.Date { return p.from })
}

// pathsOf makes the paths ready for look-ups.
func pathsOf(stored []reference.GlidePath) map[schemas.PathCode][]path {
	paths := make(map[schemas.PathCode][]path, len(stored))
	for i := range stored {
		p := path{from: stored[i].EffectiveFrom, rows: stored[i].Rows}
		for _, row := range p.rows {
			split := make([]ingest.SplitPart, len(row.Split))
			for n, part := range row.Split {
				split[n] = ingest.SplitPart{Asset: part.Asset, Weight: part.Weight}
			}
			p.splits = append(p.splits, split)
		}
		paths[stored[i].Code] = append(paths[stored[i].Code], p)
	}
	return paths
}

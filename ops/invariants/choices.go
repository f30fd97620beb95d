package invariants

import (
	"slices"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/status"
)

// choices are the standing choices of pots, as far as their answers were read.
type choices struct {
	days  *almanac
	paths []*reference.GlidePath
	stand map[schemas.PotID]*ingest.InvestmentChoice
	// since is when each pot last made one, or took it back.
	since map[schemas.PotID]schemas.Instant
	// contributions counts those that were invested by choice; wrong are those whose orders are others than the choice says.
	contributions int
	wrong         []*status.InstructionStatus
}

func newChoices(entries []*reference.Entry) *choices {
	c := &choices{days: newAlmanac(entries), stand: make(map[schemas.PotID]*ingest.InvestmentChoice), since: make(map[schemas.PotID]schemas.Instant)}
	for _, entry := range entries {
		if path, ok := entry.Body.(*reference.GlidePath); ok {
			c.paths = append(c.paths, path)
		}
	}
	return c
}

// splitOn is the split that the pot's choice comes to on the day; none where it has no choice.
func (c *choices) splitOn(pot schemas.PotID, day schemas.Date) []ingest.SplitPart {
	choice := c.stand[pot]
	switch {
	case choice == nil:
		return nil
	case choice.Path == nil || choice.Target == nil:
		return choice.Split
	}
	row := c.rowOn(*choice.Path, *choice.Target, day)
	if row == nil {
		return nil
	}
	split := make([]ingest.SplitPart, len(row.Split))
	for i, part := range row.Split {
		split[i] = ingest.SplitPart{Asset: part.Asset, Weight: part.Weight}
	}
	return split
}

// rowOn is the row of a path, as it holds on the day, of the most years that have not run out.
func (c *choices) rowOn(code schemas.PathCode, target, day schemas.Date) *reference.PathRow {
	var best *reference.GlidePath
	for _, p := range c.paths {
		if p.Code == code && p.EffectiveFrom <= day && (best == nil || p.EffectiveFrom >= best.EffectiveFrom) {
			best = p
		}
	}
	var row *reference.PathRow
	for i := 0; best != nil && i < len(best.Rows); i++ {
		if r := &best.Rows[i]; (r.Years == 0 || day <= yearsBefore(target, int(r.Years))) && (row == nil || r.Years > row.Years) {
			row = r
		}
	}
	return row
}

// yearsBefore is the same day of so many years earlier, the last of February where the target is its 29th.
func yearsBefore(target schemas.Date, years int) schemas.Date {
	year, month, day := target.Time().Date()
	if month == time.February && day == 29 {
		return schemas.DateOf(year-years, time.March, 1) - 1
	}
	return schemas.DateOf(year-years, month, day)
}

// accept notes an accepted choice, or derives the orders of a contribution by choice, and says whether it was one of them.
func (f *facts) accept(received *Received, answer *status.InstructionStatus) bool {
	i, c := received.Instruction, f.choices
	switch body := i.Body.(type) {
	case *ingest.InvestmentChoice:
		c.stand[i.Pot], c.since[i.Pot] = nil, answer.RecordedAt
		if len(body.Split) > 0 || body.Path != nil {
			c.stand[i.Pot] = body
		}
		return true
	case *ingest.Contribution:
		if !body.ByChoice {
			return false
		}
		c.contributions++
		chosen := &ingest.Contribution{Cash: body.Cash, Split: c.splitOn(i.Pot, c.days.localDay(received.ReceivedAt))}
		ids := f.deriveSplit(received, chosen)
		if len(chosen.Split) == 0 || len(ids) != len(answer.Orders) || slices.ContainsFunc(ids, func(id schemas.ID) bool { return !slices.Contains(answer.Orders, id) }) {
			c.wrong = append(c.wrong, answer)
		}
		return true
	}
	return false
}

// checkChoices checks that contributions by choice ordered what the pot's choice said on the day on which they were received.
func (f *facts) checkChoices() []*finding {
	c := &finding{number: 12, name: "a contribution by choice orders what the pot's choice says on the day of its receipt, and each order reserves its part"}
	for _, s := range f.choices.wrong {
		c.fail("contribution %s of pot %s, received at %s, has %d orders that its choice does not say", s.ID, s.Pot, s.ReceivedAt, len(s.Orders))
	}
	return []*finding{c.on(f.choices.contributions, "contributions by choice")}
}

package sim_test

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// history is what people do over some days. It does not say into how many shards the pots are spread, nor who takes which turn.
type history struct {
	// seed decides what custodians and vendors do.
	seed uint64
	days [][]action
}

// actionKind is what an action does.
type actionKind int

const (
	contributes actionKind = iota
	contributesSplit
	buys
	cancels
	repeats
	contradicts
	opens
	misdates
	sendsGarbage
	kinds
)

// action is one thing that somebody sends, so many minutes after the day's first.
type action struct {
	kind   actionKind
	pot    int
	asset  int
	cash   schemas.Money
	target int // which of the earlier instructions it is about
	minute int
	weight schemas.Weight
}

const (
	potsOfHistory   = 7
	daysOfHistory   = 4
	actionsOfDayMax = 14
	minutesOfDay    = 11 * 60
)

func drawHistory(t *rapid.T) history {
	h := history{seed: rapid.Uint64Range(1, 1<<40).Draw(t, "seed")}
	days := rapid.IntRange(1, daysOfHistory).Draw(t, "days")
	for range days {
		h.days = append(h.days, rapid.SliceOfN(rapid.Custom(drawAction), 0, actionsOfDayMax).Draw(t, "day"))
	}
	return h
}

func drawAction(t *rapid.T) action {
	return action{
		kind:   actionKind(rapid.IntRange(0, int(kinds)-1).Draw(t, "kind")),
		pot:    rapid.IntRange(0, potsOfHistory-1).Draw(t, "pot"),
		asset:  rapid.IntRange(0, len(assets)-1).Draw(t, "asset"),
		cash:   schemas.Money(rapid.Int64Range(1, 30000).Draw(t, "pence")),
		target: rapid.IntRange(0, 9).Draw(t, "target"),
		minute: rapid.IntRange(0, minutesOfDay/actionsOfDayMax).Draw(t, "minutes"),
		weight: schemas.Weight(rapid.Int64Range(1, int64(schemas.WeightOne)-2).Draw(t, "weight")),
	}
}

func potName(n int) schemas.PotID { return schemas.PotID(fmt.Sprintf("p%d", n)) }

// instruction makes the instruction that the action sends, or nil where it sends something else.
func (a action) instruction(number int, today schemas.Date, sent []ingest.Instruction) *ingest.Instruction {
	i := &ingest.Instruction{Source: "portal", ID: schemas.InstructionID(fmt.Sprintf("i%d", number)), Pot: potName(a.pot), InstructedOn: today}
	switch a.kind {
	case contributes:
		i.Body = &ingest.Contribution{Cash: a.cash}
	case contributesSplit:
		i.Body = &ingest.Contribution{Cash: a.cash, Split: a.split()}
	case buys:
		i.Body = &ingest.Buy{Asset: assets[a.asset].Code, Cash: a.cash}
	case cancels:
		i.Body = &ingest.Cancel{Instruction: "none"}
		if earlier := a.earlier(sent, true); earlier != nil {
			i.Body = &ingest.Cancel{Instruction: earlier.ID}
		}
	case repeats:
		return a.earlier(sent, false)
	case contradicts:
		earlier := a.earlier(sent, false)
		if earlier == nil {
			return nil
		}
		i.ID, i.Pot, i.Body = earlier.ID, earlier.Pot, &ingest.Buy{Asset: assets[a.asset].Code, Cash: a.cash}
	case opens:
		i.Body = &ingest.PotOpened{}
	case misdates:
		i.InstructedOn += schemas.Date(a.target*25 - 100)
		i.Body = &ingest.Contribution{Cash: a.cash}
	default:
		return nil
	}
	return i
}

// split is in three: a part that may be tiny, a half of the rest, and what is left.
func (a action) split() []ingest.SplitPart {
	second := (schemas.WeightOne - a.weight) / 2
	weights := []schemas.Weight{a.weight, second, schemas.WeightOne - a.weight - second}
	var parts []ingest.SplitPart
	for n, w := range weights {
		if w > 0 {
			parts = append(parts, ingest.SplitPart{Asset: assets[n].Code, Weight: w})
		}
	}
	return parts
}

// earlier returns one of the last instructions, of the same pot where asked.
func (a action) earlier(sent []ingest.Instruction, samePot bool) *ingest.Instruction {
	left := a.target
	for n := len(sent) - 1; n >= 0; n-- {
		if samePot && sent[n].Pot != potName(a.pot) {
			continue
		}
		if left == 0 {
			return &sent[n]
		}
		left--
	}
	return nil
}

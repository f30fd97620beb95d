package history

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// History is what people do over some days. It does not say into how many shards the pots are spread, nor who takes which turn.
type History struct {
	// Seed decides what custodians and vendors do.
	Seed uint64
	// Days are what members' systems send, day by day.
	Days [][]Action
	// LagMax, where it is set, makes assets settle within so many days, so that a history ends soon.
	LagMax int32
}

// Kind is what an action does.
type Kind int

// The kinds of action.
const (
	Contributes Kind = iota
	ContributesSplit
	Buys
	Cancels
	// Repeats sends an earlier instruction again, Contradicts sends another one under its id.
	Repeats
	Contradicts
	Opens
	// Misdates names a day long ago or still to come.
	Misdates
	SendsGarbage
	// Lags sends a record whose timestamp lies before that of records already sent.
	Lags
	// Resends sends the last instructions of all pots again, as a file that is uploaded twice.
	Resends
	// SendsLate sends in the evening, after the day was closed.
	SendsLate
	// Withdraws pays cash out; now and then it closes the pot instead, which only an empty one lets happen. TransfersIn claims cash that the bank
	// has received, or will, or never does.
	Withdraws
	TransfersIn
	// Sells sells all of an asset, units of it or for so much cash, Switches buys another one with what that brings.
	Sells
	Switches
	// Kinds is their number.
	Kinds
)

// Action is one thing that somebody sends, so many minutes after the one before.
type Action struct {
	Kind Kind
	// Pot and Asset are numbers.
	Pot, Asset int
	Cash       schemas.Money
	// Target is which of the earlier instructions it is about, counted back.
	Target int
	Minute int
	// Weight is that of the first part of a split.
	Weight schemas.Weight
}

// The measures of a history: pots, of which the last two are never opened; how far back an action's target may be; and the time
// in which a day's actions come.
const (
	Pots         = 7
	Targets      = 10
	MinutesOfDay = 11 * 60
)

// CashMax is the most that an action drawn from a seed moves.
const CashMax schemas.Money = 30_000

// Draw makes a history from a seed: so many days of so many actions each, at most.
func Draw(seed uint64, days, actionsMax int) History {
	h := History{Seed: seed}
	for d := range uint64(days) { //nolint:gosec // days are few
		kinds := often(d)
		var actions []Action
		for n := range h.dice(uint64(actionsMax), aboutHistory, d) + 1 { //nolint:gosec // actions are few
			draw := func(sides, what uint64) int { return int(h.dice(sides, aboutHistory, d, n, what)) } //nolint:gosec // sides are few
			actions = append(actions, Action{
				Kind: kinds[draw(uint64(len(kinds)), 0)], Pot: draw(Pots, 1), Asset: draw(assetsCount, 2), Cash: 1 + schemas.Money(draw(uint64(CashMax), 3)),
				Target: draw(Targets, 4), Minute: draw(uint64(MinutesOfDay/actionsMax), 5), Weight: 1 + schemas.Weight(draw(uint64(schemas.WeightOne)-2, 6)), //nolint:gosec // few
			})
		}
		h.Days = append(h.Days, actions)
	}
	return h
}

// often returns the kinds of action on a day, those that move money more than once, and once something has settled those that sell most of all.
func often(day uint64) []Kind {
	kinds := []Kind{Contributes, Contributes, ContributesSplit, ContributesSplit, ContributesSplit, Buys, Buys, Buys, Cancels}
	for range min(day, 1) * 5 {
		kinds = append(kinds, Sells, Sells, Switches)
	}
	for kind := range Kinds {
		kinds = append(kinds, kind)
	}
	return kinds
}

// PotName names a pot by its number.
func PotName(n int) schemas.PotID { return schemas.PotID(fmt.Sprintf("p%d", n)) }

// instruction makes the instruction that the action sends, or nil where it sends something else.
func (a Action) instruction(number int, today schemas.Date, sent []ingest.Instruction) *ingest.Instruction {
	i := &ingest.Instruction{Source: "portal", ID: schemas.InstructionID(fmt.Sprintf("i%d", number)), Pot: PotName(a.Pot), InstructedOn: today}
	switch a.Kind {
	case Contributes, Lags, SendsLate:
		i.Body = &ingest.Contribution{Cash: a.Cash}
	case ContributesSplit:
		i.Body = &ingest.Contribution{Cash: a.Cash, Split: a.split()}
	case Buys:
		i.Body = a.buy()
	case Cancels:
		i.Body = &ingest.Cancel{Instruction: "none"}
		if earlier := a.earlier(sent, true); earlier != nil {
			i.Body = &ingest.Cancel{Instruction: earlier.ID}
		}
	case Repeats:
		return a.earlier(sent, false)
	case Contradicts:
		earlier := a.earlier(sent, false)
		if earlier == nil {
			return nil
		}
		i.ID, i.Pot, i.Body = earlier.ID, earlier.Pot, a.buy()
	case Opens:
		i.Body = &ingest.PotOpened{}
	case Withdraws:
		i.Body = &ingest.Withdraw{Cash: a.Cash / 4, Payee: "jo"}
		if a.Cash < 4 || a.Target == 0 && a.Pot == Pots-3 {
			i.Body = &ingest.Close{}
		}
	case TransfersIn:
		i.Body = &ingest.TransferIn{Reference: referenceOf(number)}
	case Sells:
		i.Body = a.sell()
	case Switches:
		sold := a.sell()
		into := Assets()[(a.Asset+1+a.Target%2)%assetsCount].Code
		i.Body = &ingest.Switch{Asset: sold.Asset, Units: sold.Units, Cash: sold.Cash, All: sold.All, Into: into}
	case Misdates:
		// Too far back, to come, or so far back that the pot still knows the instruction when the last day of the tail is over.
		i.InstructedOn += schemas.Date(a.Target*35 - 100) //nolint:gosec // targets are few
		i.Body = &ingest.Contribution{Cash: a.Cash}
	default:
		return nil
	}
	return i
}

func (a Action) buy() *ingest.Buy { return &ingest.Buy{Asset: Assets()[a.Asset].Code, Cash: a.Cash} }

// sell is of all that there is, for a part of the action's cash, or of units that are worth about that much.
func (a Action) sell() *ingest.Sell {
	asset := &Assets()[a.Asset]
	s := &ingest.Sell{Asset: asset.Code}
	worth := 1 + a.Cash/4
	switch a.Target % 3 {
	case 0:
		s.All = true
	case 1:
		s.Cash = &worth
	default:
		price := basePrices()[a.Asset]
		if asset.Quotation == reference.QuotationPence {
			price /= 100
		}
		quanta := 1 + unitsFor(int64(worth), int(asset.UnitsScale), price)
		units, err := schemas.QuantityOf(quanta, int(asset.UnitsScale))
		if err != nil {
			panic(err)
		}
		s.Units = &units
	}
	return s
}

// split is in three: a part that may be tiny, a half of the rest, and what is left.
func (a Action) split() []ingest.SplitPart {
	second := (schemas.WeightOne - a.Weight) / 2
	weights := []schemas.Weight{a.Weight, second, schemas.WeightOne - a.Weight - second}
	assets := Assets()
	var parts []ingest.SplitPart
	for n, w := range weights {
		if w > 0 {
			parts = append(parts, ingest.SplitPart{Asset: assets[n].Code, Weight: w})
		}
	}
	return parts
}

// earlier returns one of the last instructions, of the same pot where asked.
func (a Action) earlier(sent []ingest.Instruction, samePot bool) *ingest.Instruction {
	left := a.Target
	for n := len(sent) - 1; n >= 0; n-- {
		if samePot && sent[n].Pot != PotName(a.Pot) {
			continue
		}
		if left == 0 {
			return &sent[n]
		}
		left--
	}
	return nil
}

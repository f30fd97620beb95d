package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/audit"
	"github.com/penstock-ledger/penstock/schemas/custodian"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/payment"
	"github.com/penstock-ledger/penstock/schemas/status"
	"github.com/penstock-ledger/penstock/streams"
)

// render says what came of a message, one line for each output. A rejection and the status that answers with it are one line.
func render(outs []streams.Out) []Step {
	var lines []Step
	for i := 0; i < len(outs); i++ {
		if i+1 < len(outs) {
			if line, ok := refusal(outs[i].Value, outs[i+1].Value); ok {
				lines = append(lines, line)
				i++
				continue
			}
		}
		if r, ok := outs[i].Value.(*audit.Rejection); ok {
			lines = append(lines, Step{Verb: "reject", Kind: string(r.Code), Args: Args{{"unanswered", ""}}})
			continue
		}
		lines = append(lines, line(&outs[i]))
	}
	return lines
}

// refusal makes one line of a rejection and the status beside it, whichever comes first.
func refusal(a, b streams.Value) (Step, bool) {
	s, first := a.(*status.InstructionStatus)
	r, second := b.(*audit.Rejection)
	if !first {
		r, second = a.(*audit.Rejection)
		s, first = b.(*status.InstructionStatus)
	}
	if !first || !second || s.State != "rejected" || s.Code != r.Code {
		return Step{}, false
	}
	return Step{Verb: "reject", Kind: string(r.Code), Args: append(Args{{"id", string(s.ID)}}, flag("duplicate", s.Duplicate)...)}, true
}

func line(out *streams.Out) Step {
	kind, args := "", Args{}
	switch v := out.Value.(type) {
	case *ledger.Journal:
		kind, args = "Journal", journal(v)
	case *status.InstructionStatus:
		kind, args = "Status", statusArgs(v)
	case *ledger.Progress:
		kind, args = "Progress", Args{{"before", v.RecordedBefore.Time().Format("2006-01-02T15:04")}, {"sequence", number(v.Sequence)}}
	case *ledger.Trade:
		kind, args = "Trade", trade(v)
	case *custodian.CustodianOrder:
		kind, args = "Order", order(v)
	case *payment.PaymentOrder:
		kind, args = "Payment", Args{{"key", out.Key}, {"pot", string(v.Pot)}, {"action", v.Action.String()}, {"payee", v.Payee}, {"cash", v.Cash.String()}, {"of", string(v.Instruction)}}
	case *custodian.DeliveryOrder:
		kind, args = "Delivery", deliveryArgs(out.Key, v)
	case *audit.FrozenOrders:
		kind, args = "Frozen", frozen(v)
	case *inbox.DealingMessage:
		kind, args = toDealing(out.Key, v)
	case *inbox.PotMessage:
		kind, args = toPots(out.Key, v)
	default:
		kind = fmt.Sprintf("%T", v)
	}
	return Step{Verb: "then", Kind: kind, Args: args}
}

// frozen tells how many orders were frozen for how many batches, and how many of these had some frozen before.
func frozen(f *audit.FrozenOrders) Args {
	orders, begun := 0, 0
	for i := range f.Batches {
		orders += len(f.Batches[i].Orders)
		if f.Batches[i].Before > 0 {
			begun++
		}
	}
	return Args{{"day", f.Day.String()}, {"orders", number(orders)}, {"batches", number(len(f.Batches))}, {"begun", number(begun)}}
}

// order tells of an order to a custodian, which is for cash, for units, or for cash out of so many units at most.
func order(o *custodian.CustodianOrder) Args {
	args := Args{{"day", o.DealingDay.String()}, {"custodian", string(o.Custodian)}, {"asset", string(o.Asset)}, {"side", o.Side.String()}, {"settles", o.SettlesOn.String()}}
	if o.Cash != nil {
		args = append(args, Arg{"cash", o.Cash.String()})
	}
	if o.Units != nil {
		args = append(args, Arg{"units", amount(*o.Units, o.UnitsScale, schemas.Cash)})
	}
	return args
}

// quanta writes cash or units, as the basis says.
func quanta(n int64, basis inbox.Basis, scale int32) string {
	if basis == inbox.BasisUnits {
		return schemas.Units(n).Text(int(scale))
	}
	return schemas.Money(n).String()
}

// sold says what kind of sells something is about; nothing for buys.
func sold(side inbox.Side, basis inbox.Basis) Args {
	if side == inbox.SideBuy {
		return nil
	}
	return Args{{"sell", strings.ToLower(basis.String())}}
}

func flag(name string, is bool) Args {
	if is {
		return Args{{name, ""}}
	}
	return nil
}

func number[T ~int32 | ~int64 | ~int](n T) string { return strconv.FormatInt(int64(n), 10) }

// journal tells of a journal: whose it is, then each posting as source->destination=amount, units with their asset before them.
func journal(j *ledger.Journal) Args {
	var args Args
	if j.Pot != nil {
		args = append(args, Arg{"pot", string(*j.Pot)})
	} else {
		args = append(args, Arg{"shard", number(j.Shard)})
	}
	args = append(args, Arg{"cause", j.Cause}, Arg{"on", j.Postings[0].EffectiveOn.String()})
	stages, dates := make([]string, len(j.Postings)), make([]string, len(j.Postings))
	negated := make(map[schemas.ID]bool)
	for i := range j.Postings {
		p := &j.Postings[i]
		stages[i], dates[i] = p.Stage, p.EffectiveOn.String()
		if p.Reverses != nil {
			negated[*p.Reverses] = true
		}
		args = append(args, Arg{string(p.From) + arrow + string(p.To), amount(p.Quantity, p.Scale, p.Asset)})
	}
	return append(args, Arg{"stages", strings.Join(stages, ",")}, Arg{"dates", strings.Join(dates, ",")}, Arg{"negates", number(len(negated))})
}

// amount writes cash with two decimals, and units with those of their asset after its code.
func amount(q schemas.Quantity, scale int32, asset schemas.AssetCode) string {
	quanta, _ := q.Quanta(int(scale))
	text := schemas.Units(quanta).Text(int(scale))
	if asset == schemas.Cash {
		return text
	}
	return string(asset) + ":" + text
}

func statusArgs(s *status.InstructionStatus) Args {
	args := Args{{"id", string(s.ID)}, {"pot", string(s.Pot)}, {"state", string(s.State)}, {"orders", number(len(s.Orders))}}
	if s.Code != "" {
		args = append(args, Arg{"code", string(s.Code)})
	}
	if s.DealingDay != nil {
		args = append(args, Arg{"day", s.DealingDay.String()})
	}
	return append(args, flag("duplicate", s.Duplicate)...)
}

func trade(t *ledger.Trade) Args {
	args := Args{
		{"event", t.Event},
		{"day", t.Day.String()},
		{"custodian", string(t.Custodian)},
		{"asset", string(t.Asset)},
		{"side", t.Side.String()},
		{"ordered", ordered(t)},
		{"orders", number(t.Orders)},
		{"settles", t.SettlesOn.String()},
		{"cash", cash(t.Cash)},
		{"units", amount(t.Units, t.UnitsScale, schemas.Cash)},
		{"piece", number(t.Piece)},
		{"shards", number(len(t.Shards))},
		{"policy", t.Policy},
	}
	if t.Price != nil {
		args = append(args, Arg{"price", t.Price.String()})
	}
	if t.SettledOn != nil {
		args = append(args, Arg{"settled", t.SettledOn.String()})
	}
	if t.Confirmation != "" {
		args = append(args, Arg{"confirmation", t.Confirmation})
	}
	if t.Reason != "" {
		args = append(args, Arg{"reason", t.Reason})
	}
	args = append(args, carriedTo(t.CarriedTo)...)
	return append(args, flag("final", t.Final)...)
}

// ordered writes what a trade is for: cash or units.
func ordered(t *ledger.Trade) string {
	if t.Basis == ledger.TradeBasisUnits {
		return amount(t.Ordered, t.UnitsScale, schemas.Cash)
	}
	return cash(t.Ordered)
}

func cash(q schemas.Quantity) string { return amount(q, schemas.MoneyScale, schemas.Cash) }

// toDealing tells of what dealing is told.
func toDealing(key string, m *inbox.DealingMessage) (string, Args) {
	args := Args{{"key", key}}
	switch body := m.Body.(type) {
	case *inbox.ShardTotal:
		if body.SettlesOn != nil {
			args = append(args, Arg{"settles", body.SettlesOn.String()})
		}
		if body.Policy != "" {
			args = append(args, Arg{"policy", body.Policy})
		}
		args = append(args, Arg{"shard", number(body.Shard)}, Arg{"day", body.Day.String()}, Arg{"custodian", string(body.Custodian)},
			Arg{"asset", string(body.Asset)}, Arg{"weight", quanta(body.Weight, body.Basis, body.UnitsScale)}, Arg{"orders", number(body.Orders)})
		if body.LeastWeight > 0 {
			args = append(args, Arg{"least-reserved", schemas.Units(body.LeastReserved).Text(int(body.UnitsScale))}, Arg{"least-weight", schemas.Money(body.LeastWeight).String()})
		}
		return "ShardTotal", append(args, sold(body.Side, body.Basis)...)
	case *inbox.Reached:
		return "Reached", append(args, Arg{"partition", number(body.Partition)}, Arg{"time", body.Time.Time().Format("2006-01-02T15:04")})
	case *inbox.Confirmed:
		return "Confirmed", append(args, Arg{"id", body.Confirmation.ID}, Arg{"custodian", string(body.Confirmation.Custodian)})
	case *inbox.PriceReceived:
		return "PriceReceived", append(args, Arg{"asset", string(body.Price.Asset)}, Arg{"close", body.Price.Close.String()})
	case *inbox.ReferenceReceived:
		return "ReferenceReceived", append(append(args, Arg{"id", body.Reference.ID}), flag("salted", m.Cause.Salt != inbox.Salt{})...)
	case *inbox.PriceCorrected:
		return "PriceCorrected", append(args, Arg{"old", body.Old.String()}, Arg{"price", body.Price.String()}, Arg{"version", number(body.Version)})
	case *inbox.Operated:
		return "Operated", append(append(args, Arg{"id", body.Operation.ID}), flag("salted", m.Cause.Salt != inbox.Salt{})...)
	case *inbox.EventTotal:
		return "EventTotal", append(args, Arg{"event", number(body.Event)}, Arg{"round", number(body.Round)}, Arg{"units", number(body.Weight)},
			Arg{"rounding", number(body.Rounding)}, Arg{"compensation", number(body.Compensation)}, Arg{"open", number(body.Open)})
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", m.Body), "*inbox."), args
}

// toPots tells of what a pot, or a shard of them, is told.
func toPots(key string, m *inbox.PotMessage) (string, Args) {
	args := Args{{"key", key}}
	if kind, told, is := eventArgs(m.Body); is {
		return kind, append(args, told...)
	}
	switch body := m.Body.(type) {
	case *inbox.Instructed:
		args = append(args, Arg{"id", string(body.Instruction.ID)}, Arg{"pot", string(body.Instruction.Pot)})
		return "Instructed", append(args, flag("salted", m.Cause.Salt != inbox.Salt{})...)
	case *inbox.DayClosed:
		assets := make([]string, len(body.Assets))
		for i := range body.Assets {
			assets[i] = string(body.Assets[i].Asset)
		}
		args = append(args, Arg{"day", body.Day.String()}, Arg{"assets", strings.Join(assets, ",")})
		for i := range body.Assets {
			if body.Assets[i].SettlesOn != nil {
				args = append(args, Arg{"settles", body.Assets[i].SettlesOn.String()})
			}
			if policy := body.Assets[i].Policy; policy != "" {
				args = append(args, Arg{"policy", policy})
			}
		}
		return "DayClosed", args
	case *inbox.RuleActivated:
		return "RuleActivated", append(args, Arg{"rule", body.Rule}, Arg{"version", body.Version})
	case *inbox.TimeReached:
		args = append(args, Arg{"time", body.Time.Time().Format("2006-01-02T15:04")})
		for _, day := range body.Began {
			args = append(args, Arg{"began", day.String()})
		}
		return "TimeReached", args
	case *inbox.ReferenceChanged:
		if body.ClosedThrough != nil {
			args = append(args, Arg{"closed", body.ClosedThrough.String()})
		}
		return "ReferenceChanged", args
	case *inbox.BatchCorrected:
		return "BatchCorrected", append(args, correctedArgs(body)...)
	case *inbox.PriceReleased:
		return "PriceReleased", append(args, Arg{"asset", string(body.Asset)}, Arg{"day", body.Date.String()}, Arg{"price", body.Price.String()}, Arg{"version", number(body.Version)})
	case *inbox.BatchesConfirmed:
		return "BatchesConfirmed", append(args, confirmedArgs(body)...)
	case *inbox.Unparked:
		args = append(args, Arg{"pot", string(body.Pot)}, Arg{"operator", string(body.Operator)}, Arg{"reason", body.Reason})
		if body.Drop != nil {
			return "Dropped", append(args, Arg{"offset", number(*body.Drop)})
		}
		return "Released", args
	}
	return moneyToPots(m, args)
}

// moneyToPots tells of what the bank, an operator or another key says to a pot or payment reference.
func moneyToPots(m *inbox.PotMessage, args Args) (string, Args) {
	switch body := m.Body.(type) {
	case *inbox.BankConfirmed:
		return "BankConfirmed", append(args, Arg{"id", body.Confirmation.ID}, Arg{"bank", string(body.Confirmation.Custodian)})
	case *inbox.UnitsConfirmed:
		return "UnitsConfirmed", append(args, Arg{"id", body.Confirmation.ID}, Arg{"custodian", string(body.Confirmation.Custodian)})
	case *inbox.PotOperated:
		return "PotOperated", append(args, Arg{"id", body.Operation.ID})
	case *inbox.CashClaimed:
		return "CashClaimed", append(args, Arg{"reference", body.Reference}, Arg{"pot", string(body.Pot)}, Arg{"on", body.On.String()})
	case *inbox.ClaimWithdrawn:
		return "ClaimWithdrawn", append(args, Arg{"reference", body.Reference}, Arg{"pot", string(body.Pot)})
	case *inbox.CashReturned:
		if body.Unclaimed {
			args = append(args, Arg{"unclaimed", ""})
		}
		return "CashReturned", append(args, Arg{"cash", body.Cash.String()}, Arg{"on", body.On.String()})
	case *inbox.CashAttributed:
		return "CashAttributed", append(args, Arg{"pot", string(body.Pot)}, Arg{"cash", body.Cash.String()}, Arg{"on", body.On.String()})
	case *inbox.ClaimRefused:
		args = append(args, Arg{"pot", string(body.Pot)})
		if body.Code != "" {
			args = append(args, Arg{"code", string(body.Code)})
		}
		return "ClaimRefused", args
	}
	return fmt.Sprintf("%T", m.Body), args
}

// confirmedArgs tells of each batch in short: what it had got and given with this piece, and the shard's place in it.
func confirmedArgs(m *inbox.BatchesConfirmed) Args {
	var args Args
	for i := range m.Priced {
		b := &m.Priced[i]
		gives, gets := inbox.BasisCash, inbox.BasisUnits
		if b.Side == inbox.SideSell {
			gives, gets = gets, gives
		}
		args = append(args, Arg{"priced", fmt.Sprintf("%s:%d", b.Asset, b.Piece)}, Arg{"given", quanta(b.GivenThrough, gives, b.UnitsScale)},
			Arg{"got", quanta(b.GotThrough, gets, b.UnitsScale)}, Arg{"from", quanta(b.WeightBefore, b.Basis, b.UnitsScale)}, Arg{"through", quanta(b.WeightThrough, b.Basis, b.UnitsScale)})
		args = append(args, sold(b.Side, b.Basis)...)
		if b.Policy != "" {
			args = append(args, Arg{"policy", b.Policy})
		}
		args = append(append(args, flag("final", b.Final)...), carriedTo(b.CarriedTo)...)
	}
	for i := range m.Settled {
		args = append(args, Arg{"settled", string(m.Settled[i].Asset)}, Arg{"on", m.Settled[i].SettledOn.String()})
	}
	for i := range m.Rejected {
		args = append(append(args, Arg{"rejected", string(m.Rejected[i].Asset)}), carriedTo(m.Rejected[i].CarriedTo)...)
		if n := len(m.Rejected[i].Pieces); n > 0 {
			args = append(args, Arg{"given-up-pieces", number(n)})
		}
	}
	return args
}

// carriedTo tells of the day to which orders go on, where they do.
func carriedTo(day *schemas.Date) Args {
	if day == nil {
		return nil
	}
	return Args{{"to", day.String()}}
}

// correctedArgs tells of a batch that is corrected: what it had got and given with each piece, and what it has.
func correctedArgs(b *inbox.BatchCorrected) Args {
	args := Args{
		{"asset", string(b.Asset)},
		{"version", number(b.PriceVersion)},
		{"from", quanta(b.WeightBefore, b.Basis, b.UnitsScale)},
		{"through", quanta(b.WeightThrough, b.Basis, b.UnitsScale)},
	}
	gives, gets := inbox.BasisCash, inbox.BasisUnits
	if b.Side == inbox.SideSell {
		gives, gets = gets, gives
	}
	for i := range b.Pieces {
		p := &b.Pieces[i]
		args = append(args, Arg{"was-got", quanta(p.WasGot, gets, b.UnitsScale)}, Arg{"got", quanta(p.Got, gets, b.UnitsScale)},
			Arg{"was-given", quanta(p.WasGiven, gives, b.UnitsScale)}, Arg{"given", quanta(p.Given, gives, b.UnitsScale)})
	}
	args = append(args, sold(b.Side, b.Basis)...)
	if b.SettledOn != nil {
		args = append(args, Arg{"settled", b.SettledOn.String()})
	}
	return args
}

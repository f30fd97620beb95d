package demo

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/custodian"
)

// Bounds of a workload. There must be room for the cast, and the data must last.
const (
	MembersMin = 20
	MembersMax = 1_000_000
	DaysMax    = 250
)

// The members' sources.
const (
	payroll schemas.SourceID = "payroll"
	portal  schemas.SourceID = "portal"
)

// firstDay is the first dealing day: the Thursday before Easter.
const firstDay = "2008-03-20"

// Where in the run the custodians do something out of the ordinary, counted in dealing days.
const (
	piecesOnDay   = 1
	piecesAsset   = schemas.AssetCode("IBM")
	rejectedOnDay = 5
	rejectedAsset = schemas.AssetCode("WTI")
	requeuedOnDay = 4
	requeuedAsset = schemas.AssetCode("MSFT")
	// A fund is gated for two days.
	gatedOnDay      = 8
	gatedThroughDay = 9
	gatedAsset      = schemas.AssetCode("WTI")
	paydayOfMonth   = 15
)

// Options say how much is sent.
type Options struct {
	Members int
	// Days is the number of dealing days.
	Days int
	Seed uint64
}

// generator builds a workload. It follows the cash of every pot, so that it knows every answer.
type generator struct {
	market   *Market
	random   *rand.Rand
	workload *Workload
	dealing  []schemas.Date
	pots     []potModel
	savers   []*potModel // who have cash to buy with
	trades   map[schemas.Date]map[schemas.AssetCode]*ExpectedTrade
	sells    map[schemas.Date][]ExpectedTrade
	later    []func()
	day      *Day
	// kept is the order at the wrong close whose units stay in their pot.
	kept   schemas.ID
	number int // of the dealing day, from 1
}

// potModel is what the generator must know of a pot.
type potModel struct {
	id        schemas.PotID
	available schemas.Money
	buys      int
	// orders counts its buys by what they were dealt with.
	orders map[dealt]int
}

// dealt is an asset on a dealing day.
type dealt struct {
	asset schemas.AssetCode
	day   schemas.Date
}

// Generate makes the workload. The same options always make the same one.
func (m *Market) Generate(options Options) (*Workload, error) {
	if options.Members < MembersMin || options.Members > MembersMax || options.Days < 1 || options.Days > DaysMax {
		return nil, fmt.Errorf("%d members over %d days: there may be %d to %d members and 1 to %d days",
			options.Members, options.Days, MembersMin, MembersMax, DaysMax)
	}
	g := &generator{
		market: m, random: rand.New(rand.NewPCG(options.Seed, 0)), trades: make(map[schemas.Date]map[schemas.AssetCode]*ExpectedTrade), //nolint:gosec // a demo draws from its seed
		sells:    make(map[schemas.Date][]ExpectedTrade),
		workload: &Workload{Seed: options.Seed, Members: options.Members, Ends: make(map[Key]schemas.Code)},
	}
	first, err := schemas.ParseDate(firstDay)
	if err != nil {
		return nil, err
	}
	if g.dealing = m.dealingDays(first, options.Days); len(g.dealing) < options.Days {
		return nil, errors.New("the closes do not last for so many days")
	}
	for i := range options.Members {
		g.pots = append(g.pots, potModel{id: schemas.PotID(fmt.Sprintf("pot-%06d", i+1)), orders: make(map[dealt]int)})
	}
	g.behave()
	// What came after the last cut-off deals on a day without instructions.
	for date := first; date <= g.dealing[options.Days-1] || date <= g.lastTrade(); date++ {
		if isWeekday(date) {
			g.addDay(date)
		}
	}
	return g.finish(), nil
}

// lastTrade is the last day for which there are orders.
func (g *generator) lastTrade() schemas.Date {
	last := g.dealing[0]
	for day := range g.trades {
		last = max(last, day)
	}
	return last
}

// dealingDays returns the first n days on which all funds that have begun deal.
func (m *Market) dealingDays(first schemas.Date, n int) []schemas.Date {
	var days []schemas.Date
	last := m.daysOf(piecesAsset)
	for day := first; len(days) < n && day <= last[len(last)-1]; day++ {
		if m.deals(piecesAsset, day) {
			days = append(days, day)
		}
	}
	return days
}

// behave decides what the custodians do: a trade in three pieces, and on days without contributions rejected and deferred ones.
func (g *generator) behave() {
	rules := []custodian.Rule{{
		Asset: piecesAsset, Day: g.dealing[piecesOnDay-1], Pieces: []schemas.Weight{500_000, 300_000, 200_000},
	}}
	if len(g.dealing) >= rejectedOnDay {
		rules = append(rules, custodian.Rule{Asset: rejectedAsset, Day: g.dealing[rejectedOnDay-1], Reject: "the fund is suspended for the day"})
	}
	if len(g.dealing) > requeuedOnDay {
		rules = append(rules, custodian.Rule{Asset: requeuedAsset, Day: g.dealing[requeuedOnDay-1], Reject: "the fund's office is closed"})
	}
	if len(g.dealing) > gatedThroughDay {
		rules = append(rules, custodian.Rule{
			Asset: gatedAsset, Day: g.dealing[gatedOnDay-1], Through: g.dealing[gatedThroughDay-1], Gate: "the fund is gated",
		})
	}
	g.workload.Behaviour = custodian.Behaviour{Rules: rules}
}

// refusal returns the rule by which the custodian does not deal the trade of an asset and day, or nil.
func (g *generator) refusal(asset schemas.AssetCode, day schemas.Date) *custodian.Rule {
	for i := range g.workload.Behaviour.Rules {
		r := &g.workload.Behaviour.Rules[i]
		if r.Asset == asset && r.Day <= day && day <= max(r.Day, r.Through) && (r.Reject != "" || r.Gate != "") {
			return r
		}
	}
	return nil
}

// ends says whether the orders of the asset and day come to nothing.
func (g *generator) ends(asset schemas.AssetCode, day schemas.Date) bool {
	return g.refusal(asset, day) != nil && g.carriedTo(asset, day) == nil
}

// carriedTo is the day to which orders go on that the custodian does not deal, nil where they do not.
func (g *generator) carriedTo(asset schemas.AssetCode, day schemas.Date) *schemas.Date {
	next := schemas.Date(0)
	switch r := g.refusal(asset, day); {
	case r == nil, r.Gate == "" && !fundNamed(asset).Requeues:
		return nil
	case r.Gate != "":
		next = g.nextDay(asset, r.Through)
	default:
		next = g.nextDay(asset, day)
	}
	return &next
}

// nextDay is the dealing day after one, in the same fund.
func (g *generator) nextDay(asset schemas.AssetCode, day schemas.Date) schemas.Date {
	return g.market.dealingDay(fundNamed(asset), g.market.at(day+1, 0, 0, 0))
}

func (g *generator) addDay(date schemas.Date) {
	g.workload.Days = append(g.workload.Days, Day{Date: date, Holiday: g.market.holidays[date]})
	g.day = &g.workload.Days[len(g.workload.Days)-1]
	number, deals := slices.BinarySearch(g.dealing, date)
	if !deals {
		return
	}
	g.number = number + 1
	if g.number == 1 {
		g.open()
	}
	if g.number == 1 || g.isPayday(date) {
		g.payIn()
	}
	g.buy()
	g.cast()
}

// isPayday says whether this is the first dealing day on or after the 15th of a month, other than that of the first day.
func (g *generator) isPayday(date schemas.Date) bool {
	before := g.dealing[g.number-2].Time()
	now := date.Time()
	reached := now.Day() >= paydayOfMonth
	return reached && (before.Month() != now.Month() || before.Day() < paydayOfMonth)
}

// wave returns the day's wave of the time, making it where there is none.
func (g *generator) wave(hour, minute int, late bool) *Wave {
	waves := &g.day.Waves
	if late {
		waves = &g.day.Late
	}
	at := g.market.at(g.day.Date, hour, minute, 0)
	i, found := slices.BinarySearchFunc(*waves, at, func(w Wave, at schemas.Instant) int { return int(w.At - at) })
	if !found {
		*waves = slices.Insert(*waves, i, Wave{At: at})
	}
	return &(*waves)[i]
}

// The times of a day's waves. The earliest cut-off is half past ten.
func (g *generator) atOpening() *Wave  { return g.wave(8, 30, false) }
func (g *generator) atPayroll() *Wave  { return g.wave(9, 0, false) }
func (g *generator) atBuying() *Wave   { return g.wave(9, 30, false) }
func (g *generator) atSecond() *Wave   { return g.wave(10, 0, false) }
func (g *generator) atHalfTen() *Wave  { return g.wave(10, 30, false) }
func (g *generator) atNoon() *Wave     { return g.wave(12, 0, false) }
func (g *generator) atHalfPast() *Wave { return g.wave(12, 30, true) }

func (w *Wave) add(r Record) { w.Records = append(w.Records, r) }

// instruct makes an instruction of today for a pot.
func (g *generator) instruct(source schemas.SourceID, p *potModel, id string, body ingest.InstructionBody) *ingest.Instruction {
	return &ingest.Instruction{Source: source, ID: schemas.InstructionID(id), Pot: p.id, InstructedOn: g.day.Date, Body: body}
}

// accepted adds an instruction that must be accepted and end in the state given.
func (g *generator) accepted(w *Wave, i *ingest.Instruction, day schemas.Date, end schemas.Code) *Record {
	w.add(instructionRecord(i, Answer{State: "accepted", Day: day}))
	g.workload.Ends[key(i)] = end
	return w.last()
}

// expect adds a pot's order to the trade that it must become part of.
func (g *generator) expect(p *potModel, asset schemas.AssetCode, day schemas.Date, orders int64, cash schemas.Money) {
	p.orders[dealt{asset, day}] += int(orders)
	if g.trades[day] == nil {
		g.trades[day] = make(map[schemas.AssetCode]*ExpectedTrade)
	}
	t := g.trades[day][asset]
	if t == nil {
		t = &ExpectedTrade{Asset: asset, Refused: g.refusal(asset, day) != nil, CarriedTo: g.carriedTo(asset, day)}
		g.trades[day][asset] = t
	}
	if t.CarriedTo != nil {
		p.orders[dealt{asset, day}] -= int(orders)
		g.expect(p, asset, *t.CarriedTo, orders, cash)
	}
	t.Orders += orders
	t.Cash += cash
}

// finish puts the trades into their days, and returns what is in rejected trades to the pots' cash.
func (g *generator) finish() *Workload {
	w := g.workload
	for i := range w.Days {
		for _, t := range g.trades[w.Days[i].Date] {
			if t.Orders == 0 {
				continue
			}
			w.Days[i].Trades = append(w.Days[i].Trades, *t)
			if t.Refused && t.CarriedTo == nil {
				w.Available += t.Cash
			}
		}
		w.Days[i].Trades = append(w.Days[i].Trades, g.sells[w.Days[i].Date]...)
		slices.SortStableFunc(w.Days[i].Trades, func(a, b ExpectedTrade) int { return compareCodes(a.Asset, b.Asset) })
	}
	for i := range g.pots {
		w.Available += g.pots[i].available
	}
	for _, work := range g.later {
		work()
	}
	return w
}

func compareCodes(a, b schemas.AssetCode) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

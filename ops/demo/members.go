package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// castSize is how many of the first pots are kept for the cases of cast.go; what they do is known exactly.
const castSize = 14

// Amounts of money that the members move, in pence.
const (
	contributionMin, contributionMax schemas.Money = 50_00, 900_00
	lumpMin, lumpMax                 schemas.Money = 500_00, 3000_00
	castLump                         schemas.Money = 2000_00
	buyMin, buyMax                   schemas.Money = 20_00, 250_00
)

// Shares of the members, as one in so many, and of the buys.
const (
	lumpOneIn   = 5
	buyersOneIn = 10 // of those who have paid in a lump sum
	cancelOneIn = 8
	lateOneIn   = 12
)

// partsOfSplit is over how many funds a contribution is spread.
const partsOfSplit = 3

// weightsOf are the ways in which contributions are split. Thirds and sevenths leave pence to the rule of the split.
func weightsOf(choice int) [partsOfSplit]schemas.Weight {
	return [...][partsOfSplit]schemas.Weight{
		{500_000, 300_000, 200_000}, {333_333, 333_333, 333_334}, {142_857, 285_714, 571_429}, {600_000, 250_000, 150_000}, {900_000, 50_000, 50_000},
	}[choice]
}

const weightChoices = 5

// universe are the funds that members buy: all that have prices from the first day on.
func (g *generator) universe() []schemas.AssetCode {
	var codes []schemas.AssetCode
	for _, fund := range Funds() {
		if g.market.deals(fund.Code, g.dealing[0]) {
			codes = append(codes, fund.Code)
		}
	}
	return codes
}

// amount draws from min to max, in whole pence.
func (g *generator) amount(least, most schemas.Money) schemas.Money {
	return least + schemas.Money(g.random.Int64N(int64(most-least)+1))
}

// open opens every pot.
func (g *generator) open() {
	for i := range g.pots {
		g.accepted(g.atOpening(), g.instruct(payroll, &g.pots[i], "open", &ingest.PotOpened{}), 0, "accepted")
	}
}

// payIn pays every member's contribution, split over three funds. On the first day some pay in a lump sum too, which stays in cash.
func (g *generator) payIn() {
	month := g.day.Date.String()[:len("2008-03")]
	for i := range g.pots {
		p := &g.pots[i]
		if i >= castSize {
			g.contribute(p, "contribution-"+month, g.amount(contributionMin, contributionMax))
		}
		switch {
		case g.number > 1:
		case i < castSize:
			g.lump(p, castLump)
		case g.random.IntN(lumpOneIn) == 0:
			g.lump(p, g.amount(lumpMin, lumpMax))
			g.savers = append(g.savers, p)
		}
	}
}

func (g *generator) lump(p *potModel, cash schemas.Money) {
	g.accepted(g.atPayroll(), g.instruct(payroll, p, "lump-sum", &ingest.Contribution{Cash: cash}), 0, "accepted")
	p.available += cash
	g.workload.PaidIn += cash
}

func (g *generator) contribute(p *potModel, id string, cash schemas.Money) {
	codes := g.universe()
	g.random.Shuffle(len(codes), func(a, b int) { codes[a], codes[b] = codes[b], codes[a] })
	weights := weightsOf(g.random.IntN(weightChoices))
	body := &ingest.Contribution{Cash: cash}
	for i, weight := range weights {
		body.Split = append(body.Split, ingest.SplitPart{Asset: codes[i], Weight: weight})
	}
	w := g.atPayroll()
	var last schemas.Date
	for i, part := range splitOf(cash, weights[:]) {
		day := g.market.dealingDay(fundNamed(codes[i]), w.At)
		g.expect(p, codes[i], day, 1, part)
		last = max(last, day)
	}
	g.accepted(w, g.instruct(payroll, p, id, body), last, "settled")
	g.workload.PaidIn += cash
}

// splitOf splits cash by weights: each part is what the weights up to and with it come to, rounded down, less what those before it
// come to. The amounts here are far from where the product could overflow.
func splitOf(cash schemas.Money, weights []schemas.Weight) []schemas.Money {
	var parts []schemas.Money
	var through schemas.Weight
	before := schemas.Money(0)
	for _, weight := range weights {
		through += weight
		upTo := cash * schemas.Money(through) / schemas.Money(schemas.WeightOne)
		parts = append(parts, upTo-before)
		before = upTo
	}
	return parts
}

// dealingDay works out on which day something received at a moment deals.
func (m *Market) dealingDay(fund Fund, received schemas.Instant) schemas.Date {
	local := received.Time().In(m.zone)
	for day := schemas.DateOf(local.Year(), local.Month(), local.Day()); ; day++ {
		if !m.deals(fund.Code, day) {
			continue
		}
		cutOff := m.at(day, 0, int(fund.CutOffMinute), 0)
		if received < cutOff || fund.Inclusive && received == cutOff {
			return day
		}
	}
}

// buy lets some of those who have cash buy. A few cancel in time, and a few only when it is too late.
func (g *generator) buy() {
	codes := g.universe()
	for range len(g.savers) / buyersOneIn {
		p := g.savers[g.random.IntN(len(g.savers))]
		code := codes[g.random.IntN(len(codes))]
		cash := g.amount(buyMin, buyMax)
		if p.available < cash {
			continue
		}
		id := g.place(g.atBuying(), p, code, cash)
		switch {
		case g.random.IntN(cancelOneIn) == 0:
			g.cancelInTime(g.atSecond(), p, id, code, cash)
		case g.random.IntN(lateOneIn) == 0 && g.refusal(code, g.day.Date) == nil: // the orders of a trade that is not dealt have ended or gone on by then
			g.cancelLate(g.atHalfPast(), p, id)
		}
	}
}

// place adds a buy that must be accepted, and returns its id.
func (g *generator) place(w *Wave, p *potModel, code schemas.AssetCode, cash schemas.Money) schemas.InstructionID {
	p.buys++
	i := g.instruct(portal, p, fmt.Sprintf("buy-%d", p.buys), &ingest.Buy{Asset: code, Cash: cash})
	day := g.market.dealingDay(fundNamed(code), w.At)
	end := schemas.Code("settled")
	if g.ends(code, day) {
		end = "rejected"
	}
	g.accepted(w, i, day, end)
	g.expect(p, code, day, 1, cash)
	p.available -= cash
	return i.ID
}

func (g *generator) cancelInTime(w *Wave, p *potModel, id schemas.InstructionID, code schemas.AssetCode, cash schemas.Money) *Record {
	day := g.market.dealingDay(fundNamed(code), w.At)
	g.expect(p, code, day, -1, -cash)
	p.available += cash
	g.workload.Ends[Key{portal, p.id, id}] = "cancelled"
	return g.accepted(w, g.instruct(portal, p, "cancel-"+string(id), &ingest.Cancel{Instruction: id}), 0, "accepted")
}

func (g *generator) cancelLate(w *Wave, p *potModel, id schemas.InstructionID) *Record {
	i := g.instruct(portal, p, "cancel-"+string(id), &ingest.Cancel{Instruction: id})
	w.add(instructionRecord(i, rejected("pot/too-late-to-cancel")))
	return w.last()
}

func rejected(code schemas.Code) Answer { return Answer{State: "rejected", Code: code} }

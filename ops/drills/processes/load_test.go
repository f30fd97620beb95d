package processes

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

const (
	shards = 4
	source = "drill"
	// intakeKey need not be secret: nobody proves anything to anybody here.
	intakeKey = "the key of a drill, known to all"
	// twiceEvery is how often an instruction is sent a second time, as upstream systems do.
	twiceEvery = 41
)

// dealingDays are the days on which members instruct, around Easter; by the last one everything has settled.
var (
	dealingDays = []string{"2008-03-20", "2008-03-25", "2008-03-26", "2008-03-27"}
	lastDay     = "2008-04-08"
	funds       = []schemas.AssetCode{"AAPL", "GOOG", "IBM", "WTI"}
)

// behaviour makes the custodians fill one trade in pieces and reject another, whose cash comes back.
const behaviour = `rules:
  - {asset: IBM, day: "2008-03-20", pieces: ["0.5", "0.3", "0.2"]}
  - {asset: GOOG, day: "2008-03-25", reject: fund suspended}
`

// load is the size of a workload; with the seed it says everything that is sent.
type load struct {
	seed              uint64
	pots, days, waves int
}

// wave is one instruction for every pot, all at one time. Within a wave no two different ones are of one pot, so the order in which they
// are sent again does not matter.
type wave struct {
	at           schemas.Instant
	instructions []ingest.Instruction
}

// phase is what is sent before everything that comes of it is waited for.
type phase struct {
	name   string
	waves  []wave
	tick   schemas.Instant // 0: none
	prices []ingest.Price
	at     schemas.Instant       // of the prices
	said   []ingest.Confirmation // by custodians, of units in specie
	saidAt schemas.Instant
}

// phases returns the workload, the same for the same load.
func (l load) phases(market *demo.Market) []phase {
	random := rand.New(rand.NewPCG(l.seed, 1))
	first := day(dealingDays[0])
	opening := l.wave("open", first, at(first, 8, 30), func() ingest.InstructionBody { return &ingest.PotOpened{} })
	phases := []phase{{name: "open", waves: []wave{opening}}}
	for n, text := range dealingDays[:l.days] {
		today := day(text)
		instruct := phase{name: "instruct on " + text}
		if n > 0 {
			phases = append(phases, phase{name: "morning of " + text, tick: at(today, 8, 0)})
		}
		for w := range l.waves {
			body := func() ingest.InstructionBody { return instruction(random, n, w) }
			instruct.waves = append(instruct.waves, l.wave(waveName(n, w), today, at(today, 9, w), body))
		}
		phases = append(phases, instruct,
			phase{name: "close " + text, tick: at(today, 12, 1)},
			phase{name: "price " + text, prices: market.Prices(today), at: at(today, 21, 0)})
	}
	phases = append(phases, phase{name: "settle", tick: at(day(lastDay), 9, 0)})
	l.inSpecie(phases)
	return phases
}

// inSpecie adds deliveries of units to the phases of each day.
func (l load) inSpecie(phases []phase) {
	for n, from := 0, 1; n < l.days; n++ {
		d := deliveryDay{
			number: n, pots: l.pots, today: day(dealingDays[n]), later: day(lastDay),
			instructed: &phases[from], closed: &phases[from+1], priced: &phases[from+2], after: &phases[from+3],
		}
		if n+1 < l.days {
			d.later = day(dealingDays[n+1])
		}
		d.plan()
		from += 4
	}
}

func waveName(day, wave int) string { return fmt.Sprintf("%d-%02d", day, wave) }

func (l load) wave(name string, today schemas.Date, at schemas.Instant, body func() ingest.InstructionBody) wave {
	w := wave{at: at}
	for pot := range l.pots {
		w.instructions = append(w.instructions, ingest.Instruction{
			Source: source, ID: schemas.InstructionID(name), Pot: potNamed(pot), InstructedOn: today, Body: body(),
		})
	}
	return w
}

// instruction draws what a pot is told: mostly contributions, kept as cash or split over funds; buys, some of which have nothing to spend
// and are refused in every run alike; and some cancels of what was told that day.
func instruction(random *rand.Rand, day, wave int) ingest.InstructionBody {
	cash := schemas.Money(5_000 + random.Int64N(100_000))
	first := random.IntN(len(funds))
	second := (first + 1 + random.IntN(len(funds)-1)) % len(funds)
	part := schemas.Weight(1 + random.Int64N(999_998))
	switch kind := random.IntN(10); {
	case kind < 6:
		return &ingest.Contribution{Cash: cash}
	case kind < 7:
		return &ingest.Contribution{Cash: cash, Split: []ingest.SplitPart{
			{Asset: funds[first], Weight: part}, {Asset: funds[second], Weight: schemas.WeightOne - part},
		}}
	case kind < 8 && wave > 0:
		return &ingest.Cancel{Instruction: schemas.InstructionID(waveName(day, random.IntN(wave)))}
	}
	return &ingest.Buy{Asset: funds[first], Cash: cash / 2}
}

func day(text string) schemas.Date {
	d, err := schemas.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

// at is a time in UTC, which is London's in that month.
func at(day schemas.Date, hour, minute int) schemas.Instant {
	return schemas.InstantOf(day.Time().Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute))
}

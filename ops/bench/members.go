package bench

import (
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
)

// The simulated day, in UTC, which is London's time in that winter. All of the funds cut off at noon.
const dealingDayText = "2008-03-20"

var (
	dealingDay  = mustDate(dealingDayText)
	loaded      = at(dealingDay, 8, 0)
	opened      = at(dealingDay, 9, 0)
	contributed = at(dealingDay, 10, 0)
	closed      = at(dealingDay, 12, 1)
	published   = at(dealingDay, 21, 0)
	delivered   = at(mustDate("2008-04-01"), 9, 0)
)

// cash is what every pot pays in; its parts differ by a penny.
const cash schemas.Money = 100_00

// payroll is the upstream system.
const payroll schemas.SourceID = "payroll"

// funds are those that a contribution is split over: two custodians, three scales.
func funds() []schemas.AssetCode { return []schemas.AssetCode{"AAPL", "GOOG", "IBM"} }

// letter is an encoded instruction.
type letter struct {
	key   string
	value []byte
}

func letters(pots int, framing streams.Framing, instruction ingest.Instruction) []letter {
	all := make([]letter, pots)
	for i := range all {
		key := fmt.Sprintf("pot-%07d", i)
		instruction.Pot = schemas.PotID(key)
		all[i] = letter{key, instruction.AppendAvro(framing.Frame(streams.IngestInstruction, make([]byte, 0, letterBytes)))}
	}
	return all
}

// letterBytes is about what a contribution takes.
const letterBytes = 96

func openings(pots int, framing streams.Framing) []letter {
	return letters(pots, framing, ingest.Instruction{Source: payroll, ID: "open", InstructedOn: dealingDay, Body: &ingest.PotOpened{}})
}

func contributions(pots int, framing streams.Framing) []letter {
	return letters(pots, framing, contribution("", "2008-03"))
}

// contribution pays into a pot, in equal parts.
func contribution(pot schemas.PotID, id schemas.InstructionID) ingest.Instruction {
	split := make([]ingest.SplitPart, 0, len(funds()))
	rest := schemas.WeightOne
	for i, fund := range funds() {
		weight := rest / schemas.Weight(len(funds())-i)
		rest -= weight
		split = append(split, ingest.SplitPart{Asset: fund, Weight: weight})
	}
	return ingest.Instruction{Source: payroll, ID: id, Pot: pot, InstructedOn: dealingDay, Body: &ingest.Contribution{Cash: cash, Split: split}}
}

func mustDate(text string) schemas.Date {
	date, err := schemas.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return date
}

func at(day schemas.Date, hour, minute int) schemas.Instant {
	return schemas.InstantOf(day.Time().Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute))
}

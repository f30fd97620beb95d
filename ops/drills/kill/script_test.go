package kill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	pots   = 300
	source = "drill"
	// daysAfterMax bounds the days closed until everything is settled.
	daysAfterMax = 8
)

// instructionDays are the days on which members instruct; daysAfter see their trades settled.
var (
	instructionDays = []string{"2008-03-20", "2008-03-25", "2008-03-26", "2008-03-27"}
	daysAfter       = []string{"2008-03-28", "2008-03-31", "2008-04-01", "2008-04-02", "2008-04-03", "2008-04-04", "2008-04-07", "2008-04-08"}
	funds           = []schemas.AssetCode{"AAPL", "GOOG", "IBM", "MSFT", "WTI"}
)

// behaviour makes the custodians fill one trade in pieces and reject another.
const behaviour = `rules:
  - {asset: IBM, day: "2008-03-25", pieces: ["0.5", "0.3", "0.2"]}
  - {asset: AAPL, day: "2008-03-26", reject: fund suspended}
`

func ingestTopic() []streams.Topic {
	return []streams.Topic{streams.TopicNamed(streams.IngestInstruction)}
}

// step is one thing that the drill does. It may be done again after a failure: it then does what is missing.
type step struct {
	name string
	do   func(context.Context, *life) error
}

// script returns the steps, the same for the same seed.
func script(seed uint64) []step {
	random := rand.New(rand.NewPCG(seed, 1))
	steps := []step{wave("open", instructionDays[0], func() ingest.InstructionBody { return &ingest.PotOpened{} })}
	for n, day := range instructionDays {
		steps = append(steps,
			wave(fmt.Sprintf("contribute-%d", n), day, func() ingest.InstructionBody { return contribution(random) }),
			wave(fmt.Sprintf("instruct-%d", n), day, func() ingest.InstructionBody { return instruction(random, n) }),
			closing(day))
	}
	return append(steps, step{"settle", settle})
}

func contribution(random *rand.Rand) ingest.InstructionBody {
	cash := schemas.Money(5_000 + random.Int64N(100_000))
	first := random.IntN(len(funds))
	second := (first + 1 + random.IntN(len(funds)-1)) % len(funds)
	// Half of the cash stays for single buys; the rest is split into parts that do not divide evenly.
	if random.IntN(2) == 0 {
		return &ingest.Contribution{Cash: cash}
	}
	part := schemas.Weight(1 + random.Int64N(999_998))
	return &ingest.Contribution{Cash: cash, Split: []ingest.SplitPart{
		{Asset: funds[first], Weight: part}, {Asset: funds[second], Weight: schemas.WeightOne - part},
	}}
}

func instruction(random *rand.Rand, day int) ingest.InstructionBody {
	if random.IntN(4) == 0 {
		return &ingest.Cancel{Instruction: schemas.InstructionID(fmt.Sprintf("contribute-%d", day))}
	}
	// Some of these have no cash to spend and are refused, in every run alike.
	return &ingest.Buy{Asset: funds[random.IntN(len(funds))], Cash: schemas.Money(100 + random.Int64N(20_000))}
}

// wave sends one instruction for each pot, and is done when all are acknowledged. Within a wave no two are of one pot, so the
// order in which they are sent again does not matter.
func wave(name, day string, body func() ingest.InstructionBody) step {
	date, err := schemas.ParseDate(day)
	if err != nil {
		panic(err)
	}
	unsent := make(map[int]*ingest.Instruction, pots)
	for pot := range pots {
		unsent[pot] = &ingest.Instruction{
			Source: source, ID: schemas.InstructionID(name), Pot: schemas.PotID(fmt.Sprintf("pot-%d", pot)), InstructedOn: date, Body: body(),
		}
	}
	return step{name, func(ctx context.Context, l *life) error { return send(ctx, l, unsent) }}
}

// send sends what was not acknowledged yet, and takes out what is.
func send(ctx context.Context, l *life, unsent map[int]*ingest.Instruction) error {
	producer, registry, err := l.client(ctx)
	if err != nil {
		return err
	}
	defer producer.Close()
	var mutex sync.Mutex
	var acknowledged []int
	var failed error
	var pending sync.WaitGroup
	for pot, instruction := range unsent {
		pending.Add(1)
		value := instruction.AppendAvro(registry.Frame(streams.IngestInstruction, nil))
		message := feed.Message{Topic: streams.IngestInstruction, Key: string(instruction.Pot), Value: value}
		producer.SendAsync(ctx, message, func(_ feed.Position, err error) {
			defer pending.Done()
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				failed = errors.Join(failed, err)
				return
			}
			acknowledged = append(acknowledged, pot)
		})
	}
	pending.Wait()
	for _, pot := range acknowledged {
		delete(unsent, pot)
	}
	return failed
}

func closing(day string) step {
	return step{"close " + day, func(ctx context.Context, l *life) error {
		_, err := l.closeDay(ctx, day)
		return err
	}}
}

// settle closes days until no trade is under way.
func settle(ctx context.Context, l *life) error {
	for _, day := range daysAfter[:daysAfterMax] {
		under, err := l.closeDay(ctx, day)
		if err != nil {
			return err
		}
		if under == 0 {
			return nil
		}
	}
	return errors.New("some trades are still under way")
}

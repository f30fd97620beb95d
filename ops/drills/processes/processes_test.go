package processes

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams/engine"
)

const (
	// seedVariable names another seed than the usual one, to run a failure again.
	seedVariable = "PENSTOCK_DRILL_SEED"
	// levelVariable set to full runs every drill with its full load, as `make drills` does.
	levelVariable = "PENSTOCK_DRILLS"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

func seed(t *testing.T) uint64 {
	t.Helper()
	text := os.Getenv(seedVariable)
	if text == "" {
		return 20080320
	}
	n, err := strconv.ParseUint(text, 10, 64)
	must(t, err)
	return n
}

// everything is the roles of an instance that does all the work.
const everything = "intake pot dealing sink"

var (
	two   = []string{everything, everything, "custodian-simulator"}
	three = []string{everything, everything, everything, "custodian-simulator"}
	// spread gives no two instances the same roles, and each role to two.
	spread = []string{"intake pot", "pot dealing", "intake dealing sink", "sink custodian-simulator"}
)

// drills are those that both brokers stand, with so many random kills.
func drills(seed uint64, l load, kills int) []drill {
	random := rand.New(rand.NewPCG(seed, 3))
	// Small transactions make many moments to be struck at.
	records := max(50, l.pots/10)
	visits := max(5, l.pots/shards/10)
	engineDrill := func(name, process string) drill {
		return drill{name: name, crew: two, recordsMax: records, points: every(random, process, engineSteps()...)}
	}
	return []drill{
		{name: "undisturbed", crew: two},
		{name: "two instances killed at random", crew: two, disturb: atMoments(kills, killOne)},
		{name: "three instances killed at random", crew: three, disturb: atMoments(kills, killOne)},
		{name: "roles killed at random", crew: spread, disturb: atMoments(kills, killOne)},
		engineDrill("pot killed at every step", "pot"),
		engineDrill("intake killed at every step", intakeInstruction),
		engineDrill("dealing killed at every step", "dealing"),
		{name: "sink killed at every step", crew: two, recordsMax: records, points: every(random, sink,
			postgres.StepCopied, postgres.StepBooked, postgres.StepCopied, postgres.StepBooked)},
		{name: "killed in the middle of sweeps", crew: two, visitsMax: visits, points: whileSweeping(every(random, "pot",
			engine.StepStored, engine.StepBegun, engine.StepDecided, engine.StepFlushed, engine.StepCommitted))},
		{name: "frozen before its commit", crew: two, recordsMax: records, points: freeze("pot", string(engine.StepFlushed)), disturb: thaw},
		{name: "frozen before its store", crew: two, recordsMax: records, points: freeze("pot", string(engine.StepCommitted)), disturb: thaw},
		{name: "sink frozen before its commit", crew: two, recordsMax: records, points: freeze(sink, string(postgres.StepCopied)), disturb: thaw},
		{name: "stores lost", crew: two, disturb: atMoments((kills+1)/2, robOne)},
		{name: "shards moved to and fro", crew: two, disturb: atMoments(3, comeAndGo)},
		{name: "rolling restart", crew: two, disturb: atMoments(2, restartAll)},
		{name: "Postgres killed", crew: two, killsPostgres: true, disturb: atMoments(3, killPostgres)},
	}
}

func TestInstancesOnTheEmbeddedBroker(t *testing.T) {
	l := load{pots: 200, days: 2, waves: 4}
	b := newBench(t, l, seed(t))
	for _, d := range drills(b.seed, l, 4) {
		b.run(d, embeddedSite)
	}
	fmt.Println(b.total)
}

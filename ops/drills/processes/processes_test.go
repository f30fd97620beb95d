package processes

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/penstock-ledger/penstock/ops/containers"
	"github.com/penstock-ledger/penstock/ops/realkafka"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams/engine"
)

const (
	// seedVariable names another seed than the usual one, to run a failure again.
	seedVariable = "PENSTOCK_DRILL_SEED"
	// levelVariable set to all runs every drill with a small load, set to full with the load of `make drills`.
	levelVariable = "PENSTOCK_DRILLS"
)

// sum is what all drills of the run came to. Go's testing has no other place for what is told at the end.
var sum outcome

func TestMain(m *testing.M) {
	status := pgtest.Main(m)
	if sum.drills > 0 {
		fmt.Println("all together:", sum)
	}
	os.Exit(status)
}

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
		{name: shippedKilled, crew: []string{everything + " api", everything + " api", "custodian-simulator"}, shipped: true, disturb: atMoments(kills, killOne)},
		{name: "pot killed at every step", crew: two, recordsMax: records, points: every(random, "pot",
			slices.Insert(engineSteps(), 1, engine.StepAttempted, engine.StepTrying)...)}, // only after a crash, and only under load
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
		{name: standbysTakeOver, crew: two, recordsMax: records, standby: true, disturb: atMoments((kills+1)/2, takeOver)},
		{name: "shards moved to and fro", crew: two, disturb: atMoments(3, comeAndGo)},
		{name: "rolling restart", crew: two, disturb: atMoments(2, restartAll)},
		{name: "Postgres killed", crew: two, killsPostgres: true, disturb: atMoments(3, killPostgres)},
	}
}

// size is how much of it all is run.
type size struct {
	load
	kills int
	// only names the drills to run; nil runs all.
	only []string
}

// sized returns the size that was asked for, or the usual one.
func sized(usual size) size {
	switch os.Getenv(levelVariable) {
	case "full":
		return size{load: load{pots: 4500, days: 2, waves: 4}, kills: 12}
	case "all":
		return size{load: usual.load, kills: usual.kills}
	}
	return usual
}

func sizeOnEmbedded() size {
	if testing.Short() {
		return size{load: load{pots: 60, days: 1, waves: 3}, kills: 2, only: []string{"two instances killed at random"}}
	}
	return sized(size{load: load{pots: 200, days: 2, waves: 4}, kills: 4, only: []string{
		"roles killed at random", "killed in the middle of sweeps", "frozen before its commit", "sink killed at every step", standbysTakeOver,
	}})
}

func TestInstancesOnTheEmbeddedBroker(t *testing.T) {
	s := sizeOnEmbedded()
	b := newBench(t, s.load, seed(t))
	for _, d := range drills(b.seed, s.load, s.kills) {
		if s.only == nil || slices.Contains(s.only, d.name) {
			b.run(d, embeddedSite)
		}
	}
	b.summary("on the embedded broker")
}

func TestInstancesOnContainers(t *testing.T) {
	containers.Require(t)
	l := load{pots: 200, days: 2, waves: 4}
	b := newBench(t, l, seed(t))
	for _, d := range drills(b.seed, l, 4) {
		if !d.killsPostgres {
			b.run(d, containerSite)
		}
	}
	b.summary("on containers")
}

func sizeOnReal() size {
	return sized(size{load: load{pots: 300, days: 2, waves: 4}, kills: 4, only: []string{
		"roles killed at random", "pot killed at every step", "killed in the middle of sweeps", "frozen before its commit",
		"sink killed at every step", "stores lost", "rolling restart", "Postgres killed", brokerKilled, shippedKilled,
	}})
}

const (
	brokerKilled     = "broker killed"
	standbysTakeOver = "owners killed beside their standbys"
	shippedKilled    = "shipped program killed at random"
)

func TestInstancesOnRealKafka(t *testing.T) {
	realkafka.Require(t)
	s := sizeOnReal()
	b := newBench(t, s.load, seed(t))
	all := append(drills(b.seed, s.load, s.kills), drill{name: brokerKilled, crew: two, disturb: atMoments(2, killBroker)})
	for _, d := range all {
		if s.only == nil || slices.Contains(s.only, d.name) {
			b.run(d, realSite)
		}
	}
	b.summary("on Apache Kafka")
}

package demo_test

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/penstock-ledger/penstock/ops/demo"
	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/intake"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/sinks/bank"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

const (
	shards      = 4
	runTimeMax  = 15 * time.Minute // for a machine that is slow and busy
	fewMembers  = 60
	fewDealings = 10
)

// pipeline is all but Postgres, in memory. The function says whether every shard of it knows all assets.
func pipeline(ctx context.Context, t *testing.T, market *demo.Market, behaviour custodian.Behaviour) (demo.Pipeline, func() (bool, error)) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	must(err)
	t.Cleanup(cluster.Close)
	schemaRegistry := srfake.New()
	t.Cleanup(schemaRegistry.Close)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	connection := feed.Connection{Brokers: cluster.ListenAddrs(), Registry: feed.RegistryAddress{URL: schemaRegistry.URL()}}

	processes := append(intake.Processes([]byte("a secret of sixteen bytes")), pot.Process(), dealing.Process(shards))
	declared := streams.Topics()
	for _, p := range processes {
		declared = append(declared, p.Table)
	}
	topics, err := feed.NewTopics(connection, feed.Layout{Shards: shards, Replication: 1, MinInSync: 1})
	must(err)
	defer topics.Close()
	plan, err := topics.Plan(ctx, declared)
	must(err)
	must(topics.Apply(ctx, plan))
	registry, err := feed.NewRegistry(connection.Registry, feed.RegistryOptions{Log: log})
	must(err)
	must(registry.Register(ctx, declared))
	kafka, err := connection.Opts()
	must(err)
	machine, err := engine.New(engine.Config{Processes: processes, Shards: shards, Kafka: kafka, Framing: registry, Dir: t.TempDir(), Logger: log})
	must(err)

	running, cancel := context.WithCancel(ctx)
	ended := make(chan error, 3)
	go func() { ended <- machine.Run(running) }()
	go func() {
		ended <- custodian.Run(running, custodian.Config{Connection: connection, Registry: registry, Behaviour: behaviour, Zone: market.Zone(), Log: log})
	}()
	go func() {
		ended <- bank.Run(running, bank.Config{Connection: connection, Registry: registry, Zone: market.Zone(), Log: log})
	}()
	t.Cleanup(func() {
		cancel()
		for range 3 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	// This broker keeps the producers' timestamps, which are the simulated time.
	return demo.Pipeline{Connection: connection, Shards: shards, Advance: func(schemas.Instant) error { return nil }, Log: log}, func() (bool, error) {
		return knowsAssets(ctx, machine, registry, market)
	}
}

// knowsAssets asks each shard; the assets are the last of the reference data.
func knowsAssets(ctx context.Context, machine *engine.Engine, registry *feed.Registry, market *demo.Market) (bool, error) {
	assets := 0
	for _, r := range market.Reference() {
		if _, ok := r.Entry.Body.(*reference.Asset); ok {
			assets++
		}
	}
	for shard := range int32(shards) {
		stored, err := machine.Reference(pot.Name, shard)
		if err != nil || len(stored) == 0 {
			return false, nil //nolint:nilerr // a shard that does not run yet cannot be asked
		}
		payload, err := registry.Unframe(ctx, pot.Process().Table.Name, stored)
		if err != nil {
			return false, err
		}
		table, reader := state.PotTable{}, avrobin.NewReader(payload)
		table.DecodeAvro(reader)
		known, ok := table.Body.(*state.PotReference)
		if err := reader.Done(); err != nil || !ok || len(known.Assets) < assets {
			return false, err
		}
	}
	return true, nil
}

func TestTheDemoHoldsOnASmallTrust(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), runTimeMax)
	defer cancel()
	market, err := demo.NewMarket()
	if err != nil {
		t.Fatal(err)
	}
	workload, err := market.Generate(demo.Options{Members: fewMembers, Days: fewDealings, Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	memory, knows := pipeline(ctx, t, market, workload.Behaviour)
	session, err := demo.Start(ctx, demo.Config{Pipeline: memory, Market: market, Workload: workload, KnowsReference: knows})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := session.Play(ctx); err != nil {
		t.Fatal(err)
	}
	report, err := session.Check(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, check := range report.Checks {
		if !check.OK {
			t.Errorf("%d %s: %s", check.Number, check.Name, check.Detail)
		}
	}
	if !report.OK || len(report.Cases) < 25 {
		t.Errorf("OK is %v, with %d cases", report.OK, len(report.Cases))
	}
	pieces := slices.ContainsFunc(report.Days, func(d *demo.DayReport) bool {
		return slices.ContainsFunc(d.Trades, func(t *demo.TradeReport) bool { return t.Pieces == 3 })
	})
	if !pieces {
		t.Error("no trade was dealt in three pieces")
	}
}

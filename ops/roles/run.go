package roles

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/sinks/bank"
	"github.com/penstock-ledger/penstock/sinks/custodian"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/streams"
	"github.com/penstock-ledger/penstock/streams/engine"
	"github.com/penstock-ledger/penstock/streams/feed"
)

// processRoles are the roles of the engine.
func (i *Instance) processRoles() []Role {
	var roles []Role
	for _, role := range []Role{Intake, Pot, Dealing} {
		if i.config.has(role) {
			roles = append(roles, role)
		}
	}
	return roles
}

// watchEvery is how often the board learns what the engine's shards are doing.
const watchEvery = 200 * time.Millisecond

// runEngine runs the processes, and shows on the board which of them wait or stopped.
func (i *Instance) runEngine(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- i.engine.Run(ctx) }()
	for {
		select {
		case err := <-done:
			if err != nil {
				return fmt.Errorf("running the processes: %w", err)
			}
			return nil
		case <-time.After(watchEvery):
			i.watchEngine()
		}
	}
}

// watchEngine shows the worst that any shard of a role is doing. A shard that starts is no news; one that gives a reason is.
func (i *Instance) watchEngine() {
	worst := make(map[Role]engine.ShardStatus)
	for _, shard := range i.engine.Status() {
		role := roleOf(shard.Process)
		if before, ok := worst[role]; !ok || rank(&shard) > rank(&before) {
			worst[role] = shard
		}
	}
	for _, role := range i.processRoles() {
		shard := worst[role]
		text := fmt.Sprintf("shard %d of %s is %s", shard.Shard, shard.Process, shard.State)
		if shard.Reason != "" {
			text += ": " + shard.Reason
		}
		switch rank(&shard) {
		case rankSpare:
			i.board.starts("the group to assign shards", role)
		case rankRuns:
			i.board.runs(role)
		case rankStarts:
			i.board.starts(text, role)
		case rankWaits:
			i.board.waits(text, role)
		case rankStopped:
			i.board.set(role, StateStopped, text)
		}
	}
}

// How much a shard's state concerns whoever looks at the board.
const (
	rankSpare = iota
	rankRuns
	rankStarts
	rankWaits
	rankStopped
)

func rank(shard *engine.ShardStatus) int {
	switch {
	case shard.State == engine.StateNotOurs && shard.Reason == "":
		return rankSpare
	case shard.State == engine.StateStandingBy:
		// Nobody waits for a standby, so what troubles one is shown with the shard alone.
		return rankRuns
	case shard.State == engine.StateStopped:
		return rankStopped
	case shard.Reason != "":
		return rankWaits
	case shard.State == engine.StateRunning:
		return rankRuns
	}
	return rankStarts
}

func roleOf(process string) Role {
	switch process {
	case "pot":
		return Pot
	case "dealing":
		return Dealing
	}
	return Intake
}

// runClock writes ticks. Cut-offs are whole minutes, so a tick right after each minute is one right after each cut-off.
func (i *Instance) runClock(ctx context.Context) error {
	i.board.runs(Clock)
	if i.config.Manual != nil {
		<-ctx.Done()
		return nil
	}
	for {
		if err := i.Tick(ctx); err != nil && ctx.Err() == nil {
			i.board.waits(err.Error(), Clock)
		} else {
			i.board.runs(Clock)
		}
		if err := sleep(ctx, untilTick(time.Now(), i.config.TickInterval)); err != nil {
			return err
		}
	}
}

// minuteMargin lets the broker's clock, which decides, be a little behind ours.
const minuteMargin = 5 * time.Millisecond

func untilTick(now time.Time, interval time.Duration) time.Duration {
	minute := now.Truncate(time.Minute).Add(time.Minute + minuteMargin)
	return min(interval, minute.Sub(now))
}

// tickTimeMax bounds writing one round of ticks.
const tickTimeMax = 30 * time.Second

// Tick writes a tick into every partition of the instruction topic and returns once all are acknowledged. The broker's
// stamp says how far each partition has come.
func (i *Instance) Tick(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tickTimeMax)
	defer cancel()
	value := (&ingest.Instruction{Source: "clock", Body: &ingest.Tick{}}).AppendAvro(i.registry.Frame(streams.IngestInstruction, nil))
	results := make(chan error, i.Shards())
	for partition := range i.Shards() {
		i.producer.SendAsync(ctx, feed.Message{
			Topic: streams.IngestInstruction, Value: value, Partition: &partition,
		}, func(_ feed.Position, err error) { results <- err })
	}
	var first error
	for range i.Shards() {
		if err := <-results; err != nil && first == nil {
			first = fmt.Errorf("writing ticks: %w", err)
		}
	}
	return first
}

// runSink books the ledger's topics. It waits for the database, and goes on when it comes back.
func (i *Instance) runSink(ctx context.Context) error {
	for wait := newBackoff(); ; {
		err := postgres.Migrate(ctx, i.config.PostgresURL)
		if err == nil {
			break
		}
		i.board.waits(fmt.Sprintf("Postgres: %v", err), Sink)
		if err := wait.pause(ctx); err != nil {
			return err
		}
	}
	pool, err := postgres.OpenPool(ctx, i.config.PostgresURL, postgres.RoleSink)
	if err != nil {
		return err
	}
	defer pool.Close()
	sink, err := postgres.NewSink(postgres.Config{
		Connection: i.config.Connection, Framing: i.registry, Pool: pool,
		Ledger:         postgres.LedgerOptions{Shards: i.Shards(), Process: i.config.Name, Faults: i.config.SinkFaults},
		SessionTimeMax: i.config.Limits.SessionTimeMax,
		Log:            i.config.Logger.With("role", Sink), Metrics: i.config.Metrics,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- sink.Run(ctx) }()
	for {
		select {
		case err := <-done:
			return err
		case <-time.After(watchEvery):
			i.watchSink(sink)
		}
	}
}

func (i *Instance) watchSink(sink *postgres.Sink) {
	if err := sink.Stopped(); err != nil {
		i.board.set(Sink, StateStopped, err.Error())
	} else if waiting := sink.Waiting(); waiting != "" {
		i.board.waits(waiting, Sink)
	} else {
		i.board.runs(Sink)
	}
}

func (i *Instance) runCustodian(ctx context.Context) error {
	for wait := newBackoff(); ; {
		i.board.runs(CustodianSimulator)
		err := i.playOutside(ctx)
		if err == nil {
			return nil
		}
		i.board.waits(err.Error(), CustodianSimulator)
		if err := wait.pause(ctx); err != nil {
			return err
		}
	}
}

// playOutside plays the custodians and the bank until ctx ends, and then returns nil. Where one of the two fails, the other ends, too.
func (i *Instance) playOutside(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := i.config.Logger.With("role", CustodianSimulator)
	paid := make(chan error, 1)
	go func() {
		err := bank.Run(ctx, bank.Config{Connection: i.config.Connection, Registry: i.registry, Behaviour: i.config.Bank, Zone: i.config.Zone, Log: log})
		if err != nil {
			cancel()
		}
		paid <- err
	}()
	err := custodian.Run(ctx, custodian.Config{Connection: i.config.Connection, Registry: i.registry, Behaviour: i.config.Custodians, Zone: i.config.Zone, Log: log})
	cancel()
	return errors.Join(err, <-paid)
}

func (i *Instance) runAPI(ctx context.Context) error {
	i.board.runs(API)
	<-ctx.Done()
	return nil
}

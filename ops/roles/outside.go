package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// outsideMax bounds how long the simulated custodians are waited for while none of them says anything; what they have not said by then shows as waiting.
const outsideMax = 30 * time.Second

// awaitOutside waits until the simulated custodians have said all that they have to say at the clock's present time, the shards have
// gone through it, and Postgres has it. A real custodian takes days, so without the simulator nothing is waited for.
func (i *Instance) awaitOutside(ctx context.Context) error {
	if !i.config.has(CustodianSimulator) {
		return i.AwaitBooked(ctx)
	}
	// Before dealing has heard of the closes that were just published, its trades wait for them and not for the custodians.
	if err := errors.Join(i.passIntake(ctx), i.passDealing(ctx)); err != nil {
		return err
	}
	last, since := "", time.Now()
	for {
		due, err := i.dueOutside(ctx)
		if err != nil {
			return err
		}
		if now := fmt.Sprint(due); now != last {
			last, since = now, time.Now()
		}
		if len(due) == 0 || time.Since(since) >= outsideMax {
			break
		}
		if err := sleep(ctx, awaitEvery); err != nil {
			return err
		}
	}
	if err := i.Settle(ctx); err != nil {
		return err
	}
	return i.AwaitBooked(ctx)
}

// dueOutside returns the trades of which a simulated custodian has something to say that it has not said yet.
func (i *Instance) dueOutside(ctx context.Context) ([]WaitingTrade, error) {
	status, err := i.DayStatus(ctx)
	if err != nil {
		return nil, err
	}
	today := i.Now().In(i.config.Zone).Format(time.DateOnly)
	return slices.DeleteFunc(status.Trades, func(t WaitingTrade) bool {
		return (t.Status != "priced" || t.SettlesOn > today) && t.WaitsFor != waitsForConfirmation
	}), nil
}

// AwaitBooked waits until Postgres has every journal that was decided before the call, and what was told of how complete they are. It does nothing where the sink
// runs elsewhere.
func (i *Instance) AwaitBooked(ctx context.Context) error {
	if !i.config.has(Sink) || i.engine == nil {
		return nil
	}
	decided := make(map[int32]int64)
	for _, s := range i.engine.Status() {
		if s.Process == string(Pot) {
			decided[s.Shard] = s.Sequence
		}
	}
	for {
		status := Status{Shards: make([]ShardRow, i.Shards())}
		err := i.addBooked(ctx, &status)
		booked := err == nil
		for shard := range status.Shards {
			booked = booked && status.Shards[shard].Booked >= decided[int32(shard)] //nolint:gosec // shards are few
		}
		if booked {
			return i.passProgress(ctx)
		}
		if pauseErr := sleep(ctx, awaitEvery); pauseErr != nil {
			return errors.Join(pauseErr, err)
		}
	}
}

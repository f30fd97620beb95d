package roles

import (
	"context"
	"errors"
	"slices"
	"time"
)

// outsideMax bounds the wait for the simulated custodians; what they have not said by then shows as waiting.
const outsideMax = 30 * time.Second

// awaitOutside waits until the simulated custodians have said all that they have to say at the clock's present time, the shards have
// gone through it, and Postgres has it. A real custodian takes days, so without the simulator nothing is waited for.
func (i *Instance) awaitOutside(ctx context.Context) error {
	if !i.config.has(CustodianSimulator) {
		return i.AwaitBooked(ctx)
	}
	bounded, cancel := context.WithTimeout(ctx, outsideMax)
	defer cancel()
	for {
		due, err := i.dueOutside(bounded)
		if bounded.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		if !due {
			break
		}
		if err := sleep(bounded, awaitEvery); err != nil {
			break
		}
	}
	if err := i.Settle(ctx); err != nil {
		return err
	}
	return i.AwaitBooked(ctx)
}

// dueOutside says whether a simulated custodian has something to say that it has not said yet.
func (i *Instance) dueOutside(ctx context.Context) (bool, error) {
	status, err := i.DayStatus(ctx)
	if err != nil {
		return false, err
	}
	today := i.Now().In(i.config.Zone).Format(time.DateOnly)
	return slices.ContainsFunc(status.Trades, func(t WaitingTrade) bool {
		return t.Status == "priced" && t.SettlesOn <= today || t.WaitsFor == waitsForConfirmation
	}), nil
}

// AwaitBooked waits until Postgres has every journal that was decided before the call. It does nothing where the sink runs
// elsewhere.
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
			return nil
		}
		if pauseErr := sleep(ctx, awaitEvery); pauseErr != nil {
			return errors.Join(pauseErr, err)
		}
	}
}

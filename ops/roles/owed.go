package roles

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/processors/dealing"
	"github.com/penstock-ledger/penstock/processors/pot"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams/engine"
)

// WaitingBatch is a batch of a closed day that cannot be placed yet, because totals of shards are missing. Its JSON form is an interface.
type WaitingBatch struct {
	Trade     string              `json:"trade"`
	Day       string              `json:"day"`
	Custodian schemas.CustodianID `json:"custodian"`
	Asset     schemas.AssetCode   `json:"asset"`
	// Shards are those whose totals are missing, Parked those of them that withhold theirs because pots are parked, as far as they run here.
	Shards   []int32 `json:"shards"`
	Parked   []int32 `json:"parked"`
	WaitsFor string  `json:"waits_for"`
}

// OwedPart is what a shard still has to book of a trade, because pots of it are parked. Its JSON form is an interface.
type OwedPart struct {
	Shard int32             `json:"shard"`
	Trade string            `json:"trade"`
	Day   string            `json:"day,omitempty"`
	Asset schemas.AssetCode `json:"asset,omitempty"`
	What  string            `json:"what"`
}

// collectingDaysMax is how many days back from an asset's last closed one incomplete batches are looked for.
const collectingDaysMax = 10

// addWaiting adds the batches that wait for totals, and what shards that run here owe because pots are parked.
func (i *Instance) addWaiting(ctx context.Context, status *DayStatus, book *dealing.Reference, stored *state.DealingReference, trades []TradeView) error {
	held, err := i.held(ctx)
	if err != nil {
		return err
	}
	for _, closed := range stored.Closed {
		for day := closed.Day - collectingDaysMax; day <= closed.Day; day++ {
			asset := book.Asset(closed.Asset, day)
			if asset == nil {
				continue
			}
			for _, trade := range dealing.TradesOf(day, asset.Custodian, closed.Asset) {
				batch, err := i.waitingBatch(ctx, trade, held)
				if err != nil {
					return err
				}
				if batch != nil {
					batch.Day, batch.Asset, batch.Custodian = day.String(), closed.Asset, asset.Custodian
					status.Batches = append(status.Batches, *batch)
				}
			}
		}
	}
	for shard, owed := range held {
		for _, h := range owed {
			if h.Piece == pot.HeldTotal {
				continue // its batch is among those that wait
			}
			part := OwedPart{Shard: int32(shard), Trade: h.Trade.String(), What: fmt.Sprintf("the residue of piece %d", h.Piece)} //nolint:gosec // shards are few
			if h.Piece == pot.HeldSettlement {
				part.What = "the settlement with the bank and the custodian"
			}
			if at := slices.IndexFunc(trades, func(t TradeView) bool { return t.Trade == part.Trade }); at >= 0 {
				part.Day, part.Asset = trades[at].Day, trades[at].Asset
			}
			status.Owed = append(status.Owed, part)
		}
	}
	return nil
}

// held returns what each shard of pots owes, nothing for those that run elsewhere.
func (i *Instance) held(ctx context.Context) ([][]state.HeldBatch, error) {
	held := make([][]state.HeldBatch, i.Shards())
	for shard := range i.Shards() {
		reference, err := i.PotReference(ctx, shard)
		if errors.Is(err, engine.ErrNotHere) {
			continue
		}
		if err != nil {
			return nil, err
		}
		held[shard] = reference.Held
	}
	return held, nil
}

// waitingBatch returns the batch if totals of it are missing. One of which no total came may be complete and empty, or on its way: it is only known to
// wait where a shard withholds its own.
func (i *Instance) waitingBatch(ctx context.Context, id schemas.ID, held [][]state.HeldBatch) (*WaitingBatch, error) {
	batch := &WaitingBatch{Trade: id.String(), Shards: []int32{}, Parked: []int32{}}
	for shard := range i.Shards() {
		if slices.ContainsFunc(held[shard], func(h state.HeldBatch) bool { return h.Trade == id && h.Piece == pot.HeldTotal }) {
			batch.Parked = append(batch.Parked, shard)
		}
	}
	trade, err := i.tradeState(ctx, id)
	if err != nil || trade != nil && trade.Stage != state.StageCollecting || trade == nil && len(batch.Parked) == 0 {
		return nil, err
	}
	for shard := range i.Shards() {
		if trade == nil || !slices.ContainsFunc(trade.Totals, func(t state.Total) bool { return t.Shard == shard }) {
			batch.Shards = append(batch.Shards, shard)
		}
	}
	batch.WaitsFor = "the totals of shards " + shardList(batch.Shards)
	if len(batch.Parked) > 0 {
		batch.WaitsFor += "; pots are parked in " + shardList(batch.Parked) + ", see: penstock parked list"
	}
	return batch, nil
}

func shardList(shards []int32) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(shards), " ", ", "), "[]")
}

// tradeState returns what dealing remembers of a trade, nil where it remembers nothing.
func (i *Instance) tradeState(ctx context.Context, id schemas.ID) (*state.TradeState, error) {
	stored, found, err := i.engine.Get(dealing.Name, id.String())
	if err != nil || !found {
		return nil, err
	}
	table := state.DealingTable{}
	if err := i.decode(ctx, dealing.Name, stored, &table); err != nil {
		return nil, err
	}
	trade, ok := table.Body.(*state.TradeState)
	if !ok {
		return nil, fmt.Errorf("reading trade %s: the table holds a %T", id, table.Body)
	}
	return trade, nil
}

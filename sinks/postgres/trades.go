package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/streams"
)

// TradePosition is how far ledger.trade.v1 is booked, and the right to go on from there.
type TradePosition struct {
	Epoch int64
	// Offset is that of the next record wanted.
	Offset int64
}

// TradeEvent is one record of ledger.trade.v1 and where it lay.
type TradeEvent struct {
	ledger.Trade
	Offset int64
}

// ClaimTrades takes the trades over from whoever has them; see Claim.
func (l *Ledger) ClaimTrades(ctx context.Context) (TradePosition, error) {
	var position TradePosition
	err := l.answered(ctx, func(ctx context.Context) error {
		err := l.pool.QueryRow(ctx, claimSQL("0"), streams.LedgerTrade, 0, l.options.Process).Scan(&position.Epoch, &position.Offset, nil)
		return l.expelFrozen(ctx, err)
	})
	if err != nil {
		return position, fmt.Errorf("claiming the trades: %w", err)
	}
	return position, nil
}

// BookTrades writes events and the position after them in one transaction; offset is where to go on. Its errors are those of
// Book.
func (l *Ledger) BookTrades(ctx context.Context, at TradePosition, events []TradeEvent, offset int64) (next TradePosition, err error) {
	err = l.answered(ctx, func(ctx context.Context) error {
		next, err = l.bookTrades(ctx, at, events, offset)
		return err
	})
	return next, err
}

func (l *Ledger) bookTrades(ctx context.Context, at TradePosition, events []TradeEvent, offset int64) (TradePosition, error) {
	wanted := newWantedCodes()
	for i := range events {
		if err := checkTrade(&events[i]); err != nil {
			return at, err
		}
		wanted.trades[events[i].Trade.Trade] = struct{}{}
		wanted.assets[events[i].Asset] = events[i].UnitsScale
		wanted.assets[schemas.Cash] = schemas.MoneyScale
	}
	if err := l.codes.number(ctx, l.pool, wanted); err != nil {
		return at, refusal(err, streams.LedgerTrade, 0)
	}
	for i := range events {
		if scale := l.codes.scaleOf(events[i].Asset); scale != events[i].UnitsScale {
			return at, &TripwireError{Reason: ReasonScale, Topic: streams.LedgerTrade, Detail: fmt.Sprintf(
				"event %s: %s has scale %d, not %d", events[i].ID, events[i].Asset, scale, events[i].UnitsScale)}
		}
	}
	next := TradePosition{Epoch: at.Epoch, Offset: max(at.Offset, offset)}
	err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
		const move = "update ledger.position set next_offset = $4 where topic = $1 and partition = 0 and epoch = $2 and next_offset = $3"
		moved, err := tx.Exec(ctx, move, streams.LedgerTrade, at.Epoch, at.Offset, next.Offset)
		if err != nil {
			return fmt.Errorf("moving the position: %w", err)
		}
		if moved.RowsAffected() != 1 {
			return ErrFenced
		}
		return l.copyTrades(ctx, tx, events)
	})
	if errors.Is(err, ErrFenced) {
		return at, err
	}
	if err != nil {
		return at, fmt.Errorf("booking trades from offset %d: %w", at.Offset, refusal(err, streams.LedgerTrade, 0))
	}
	return next, nil
}

// checkTrade is the tripwires of an event.
func checkTrade(event *TradeEvent) error {
	wrong := func(reason Reason, format string, arguments ...any) error {
		detail := fmt.Sprintf("event %s of trade %s: ", event.ID, event.Trade.Trade) + fmt.Sprintf(format, arguments...)
		return &TripwireError{Reason: reason, Topic: streams.LedgerTrade, Detail: detail}
	}
	if event.UnitsScale < 0 || event.UnitsScale > schemas.UnitsScaleMax {
		return wrong(ReasonScale, "scale %d", event.UnitsScale)
	}
	ordered := orderedScale(event)
	for name, q := range map[string]struct {
		quantity schemas.Quantity
		scale    int
	}{"ordered": {event.Ordered, ordered}, "cash": {event.Cash, schemas.MoneyScale}, "units": {event.Units, int(event.UnitsScale)}} {
		if _, exact := q.quantity.Quanta(q.scale); !exact {
			return wrong(ReasonQuantity, "%s %s is finer than scale %d", name, q.quantity, q.scale)
		}
	}
	for _, part := range event.Shards {
		if _, exact := part.Weight.Quanta(ordered); !exact {
			return wrong(ReasonQuantity, "weight %s of shard %d is finer than scale %d", part.Weight, part.Shard, ordered)
		}
	}
	return nil
}

// orderedScale is the scale of what the trade orders: cash or units.
func orderedScale(event *TradeEvent) int {
	if event.Basis == ledger.TradeBasisCash {
		return schemas.MoneyScale
	}
	return int(event.UnitsScale)
}

func (l *Ledger) copyTrades(ctx context.Context, tx pgx.Tx, events []TradeEvent) error {
	columns := []string{
		"record_offset", "id", "trade", "event", "recorded_at", "day", "custodian", "asset", "side", "ordered", "ordered_asset", "orders",
		"root", "settles_on", "piece", "final", "cash", "units", "price", "price_version", "settled_on", "confirmation", "reason",
	}
	rows := pgx.CopyFromSlice(len(events), func(i int) ([]any, error) { return l.tradeRow(&events[i]) })
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"ledger", "trade_event"}, columns, rows); err != nil {
		return fmt.Errorf("copying trade events: %w", err)
	}
	var parts [][]any
	for i := range events {
		for k := range events[i].Shards {
			part := &events[i].Shards[k]
			weight, _ := part.Weight.Quanta(orderedScale(&events[i])) // checked to be exact
			parts = append(parts, []any{events[i].Offset, part.Shard, weight, part.Orders, part.Root[:]})
		}
	}
	partColumns := []string{"record_offset", "shard", "weight", "orders", "root"}
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"ledger", "trade_part"}, partColumns, pgx.CopyFromRows(parts)); err != nil {
		return fmt.Errorf("copying the parts of trades: %w", err)
	}
	return nil
}

func (l *Ledger) tradeRow(event *TradeEvent) ([]any, error) {
	l.codes.mutex.RLock()
	defer l.codes.mutex.RUnlock()
	trade, asset, cash := l.codes.trades[event.Trade.Trade], l.codes.assets[event.Asset], l.codes.assets[schemas.Cash]
	if trade == 0 || asset.id == 0 || cash.id == 0 {
		return nil, errForgotten
	}
	orderedAsset := asset.id
	if event.Basis == ledger.TradeBasisCash {
		orderedAsset = cash.id
	}
	ordered, _ := event.Ordered.Quanta(orderedScale(event))
	paid, _ := event.Cash.Quanta(schemas.MoneyScale)
	units, _ := event.Units.Quanta(int(event.UnitsScale)) // all checked to be exact
	row := []any{
		event.Offset, [16]byte(event.ID), trade, event.Event, event.RecordedAt.Time(), event.Day.Time(), string(event.Custodian), asset.id,
		event.Side.String(), ordered, orderedAsset, event.Orders, event.Root[:], event.SettlesOn.Time(), event.Piece, event.Final,
		paid, units, nil, event.PriceVersion, nil, event.Confirmation, event.Reason,
	}
	if event.Price != nil {
		row[18] = int64(*event.Price)
	}
	if event.SettledOn != nil {
		row[20] = event.SettledOn.Time()
	}
	return row, nil
}

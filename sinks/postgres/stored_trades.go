package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// storedTradesSQL is all events of trades up to an offset, and their parts in arrays, in their order.
const storedTradesSQL = `select e.record_offset, e.id, t.code, e.event, ` + instantOfEventSQL + `,
		e.day, e.custodian, a.code, a.scale, e.side, e.ordered, o.code, e.orders, e.root,
		e.settles_on, e.piece, e.final, e.cash, e.units, e.price, e.price_version, e.settled_on, e.confirmation, e.reason,
		p.shards, p.weights, p.orders, p.roots
	from ledger.trade_event e join ledger.trade t on t.id = e.trade join ledger.asset a on a.id = e.asset join ledger.asset o on o.id = e.ordered_asset
		cross join lateral (
			select array_agg(p.shard order by p.shard) as shards, array_agg(p.weight order by p.shard) as weights,
				array_agg(p.orders order by p.shard) as orders, array_agg(p.root order by p.shard) as roots
			from ledger.trade_part p where p.record_offset = e.record_offset) p
	where e.record_offset < $1 order by e.record_offset`

const instantOfEventSQL = "(extract(epoch from e.recorded_at) * 1000)::bigint"

// extractTrades tells of the events of trades that belong to the months. The first one that was recorded in a later month ends them, and the first one that
// was recorded in these begins them: so each event belongs to some month, and months that follow each other leave none out, though events may be recorded in
// another order than they were booked.
func extractTrades(ctx context.Context, tx pgx.Tx, first, last Month, to Extract) error {
	if to.BeginTrades == nil {
		return nil
	}
	var begins, ends int64
	const bounds = `select coalesce((select min(record_offset) from ledger.trade_event where recorded_at >= $1), $3),
		coalesce((select min(record_offset) from ledger.trade_event where recorded_at >= $2), $3)`
	if err := tx.QueryRow(ctx, bounds, first.Begin().Time(), (last+1).Begin().Time(), int64(math.MaxInt64)).Scan(&begins, &ends); err != nil {
		return fmt.Errorf("looking for the events of trades: %w", err)
	}
	digest, begun := NewTradeDigest(), false
	begin := func() error {
		begun = true
		return to.BeginTrades(digest.Come())
	}
	err := readTrades(ctx, tx, ends, func(e *TradeEvent) error {
		if e.Offset >= begins {
			if !begun {
				if err := begin(); err != nil {
					return err
				}
			}
			return to.Trade(e)
		}
		digest.Add(e)
		return nil
	})
	if err == nil && !begun {
		err = begin()
	}
	return err
}

// readTrades calls each with every event before an offset.
func readTrades(ctx context.Context, tx pgx.Tx, before int64, each func(*TradeEvent) error) error {
	rows, err := tx.Query(ctx, storedTradesSQL, before)
	if err != nil {
		return fmt.Errorf("reading events of trades: %w", err)
	}
	var s storedTrade
	_, err = pgx.ForEachRow(rows, s.columns(), func() error {
		event, err := s.event()
		if err != nil {
			return fmt.Errorf("the event at offset %d is not as any that is booked: %w", s.offset, err)
		}
		return each(event)
	})
	if err != nil {
		return fmt.Errorf("reading events of trades: %w", err)
	}
	return nil
}

// storedTrade is a row of storedTradesSQL.
type storedTrade struct {
	offset, recordedAt, ordered, cash, units int64
	id, code                                 [16]byte
	day, settlesOn                           time.Time
	settledOn                                *time.Time
	side, custodian, asset, orderedAsset     string
	root                                     []byte
	price                                    *int64
	shards                                   []int32
	weights, orders                          []int64
	roots                                    [][]byte
	told                                     ledger.Trade
}

func (s *storedTrade) columns() []any {
	t := &s.told
	return []any{
		&s.offset, &s.id, &s.code, &t.Event, &s.recordedAt, &s.day, &s.custodian, &s.asset, &t.UnitsScale, &s.side, &s.ordered, &s.orderedAsset, &t.Orders, &s.root,
		&s.settlesOn, &t.Piece, &t.Final, &s.cash, &s.units, &s.price, &t.PriceVersion, &s.settledOn, &t.Confirmation, &t.Reason,
		&s.shards, &s.weights, &s.orders, &s.roots,
	}
}

// event makes the event anew. What is not booked of one it does not have: its policy, and the day that orders were carried to.
func (s *storedTrade) event() (*TradeEvent, error) {
	e := &TradeEvent{s.told, s.offset}
	e.ID, e.Trade.Trade, e.RecordedAt = s.id, s.code, schemas.Instant(s.recordedAt)
	e.Day, e.SettlesOn = schemas.DateOf(s.day.Date()), schemas.DateOf(s.settlesOn.Date())
	e.Custodian, e.Asset = schemas.CustodianID(s.custodian), schemas.AssetCode(s.asset)
	if e.Basis = ledger.TradeBasisUnits; s.orderedAsset == string(schemas.Cash) {
		e.Basis = ledger.TradeBasisCash
	}
	copy(e.Root[:], s.root)
	if s.settledOn != nil {
		day := schemas.DateOf(s.settledOn.Date())
		e.SettledOn = &day
	}
	if s.price != nil {
		price := schemas.Price(*s.price)
		e.Price = &price
	}
	var known bool
	if e.Side, known = ledger.ParseTradeSide(s.side); !known {
		return nil, fmt.Errorf("its side is %q", s.side)
	}
	var err error
	if e.Ordered, err = schemas.QuantityOf(s.ordered, orderedScale(e)); err != nil {
		return nil, err
	}
	if e.Cash, err = schemas.QuantityOf(s.cash, schemas.MoneyScale); err != nil {
		return nil, err
	}
	if e.Units, err = schemas.QuantityOf(s.units, int(e.UnitsScale)); err != nil {
		return nil, err
	}
	for i := range s.shards {
		part := ledger.ShardPart{Shard: s.shards[i], Orders: s.orders[i]}
		if part.Weight, err = schemas.QuantityOf(s.weights[i], orderedScale(e)); err != nil {
			return nil, err
		}
		copy(part.Root[:], s.roots[i])
		e.Shards = append(e.Shards, part)
	}
	return e, nil
}

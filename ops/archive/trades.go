package archive

import (
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// Trades is a run of events of external trades: those after what Before says, with which there are as many as Through says. Both are what anchors sign.
type Trades struct {
	Before  anchor.Trades `json:"before"`
	Through anchor.Trades `json:"through"`
}

const (
	tradesName = "trades.csv"
	partsName  = "trade-parts.csv"
)

// tradeNames and partNames are the first lines of the files, in the order of their columns.
func tradeNames() []string {
	return []string{
		"offset", "id", "trade", "event", "recorded_at", "day", "custodian", "asset", "units_scale", "side", "basis", "ordered", "orders", "root", "settles_on",
		"piece", "final", "cash", "units", "price", "price_version", "settled_on", "confirmation", "reason",
	}
}

func partNames() []string { return []string{"offset", "shard", "weight", "orders", "root"} }

func tradeRow(e *postgres.TradeEvent) []string {
	return []string{
		number(e.Offset), e.ID.String(), e.Trade.Trade.String(), e.Event, e.RecordedAt.String(), e.Day.String(),
		string(e.Custodian), string(e.Asset), number(e.UnitsScale), e.Side.String(), e.Basis.String(), e.Ordered.String(), number(e.Orders), hex.EncodeToString(e.Root[:]), e.SettlesOn.String(),
		number(e.Piece), strconv.FormatBool(e.Final), e.Cash.String(), e.Units.String(), orEmpty(e.Price), number(e.PriceVersion), orEmpty(e.SettledOn),
		e.Confirmation, e.Reason,
	}
}

func partRow(offset int64, p *ledger.ShardPart) []string {
	return []string{number(offset), number(p.Shard), p.Weight.String(), number(p.Orders), hex.EncodeToString(p.Root[:])}
}

// BeginTrades goes on to the events of trades, after those that have come to this. An archive for which it is not called has none.
func (w *Writer) BeginTrades(before anchor.Trades) error {
	if err := w.end(); err != nil {
		return err
	}
	w.digest = postgres.NewTradeDigest()
	if before.Events > 0 {
		if err := w.digest.GoOn(before); err != nil {
			return err
		}
	}
	w.manifest.Trades = &Trades{Before: w.digest.Come(), Through: w.digest.Come()}
	var err error
	if w.trades, err = begin(w.dir, tradesName, tradeNames()); err != nil {
		return err
	}
	w.parts, err = begin(w.dir, partsName, partNames())
	return err
}

// AddTrade writes an event.
func (w *Writer) AddTrade(e *postgres.TradeEvent) error {
	w.digest.Add(e)
	w.manifest.Trades.Through = w.digest.Come()
	if err := w.trades.add(tradeRow(e)); err != nil {
		return err
	}
	for i := range e.Shards {
		if err := w.parts.add(partRow(e.Offset, &e.Shards[i])); err != nil {
			return err
		}
	}
	return nil
}

// tradeReader reads the files of trades.
type tradeReader struct {
	run           *Trades
	each          func(*postgres.TradeEvent, anchor.Trades) error
	trades, parts *reading
	// next is a part that was read and belongs to a later event than those before, nextOf that event's offset; -1: there is none.
	next   ledger.ShardPart
	nextOf int64
}

// read calls each with every event, and what all up to it have come to. Nothing in an event says that it is whole: only at the end is it sure that all of them
// come to what the manifest says.
func (r *tradeReader) read(dir string) (files []File, err error) {
	if r.trades, err = open(dir, tradesName, tradeNames()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.trades.file.Close()) }()
	if r.parts, err = open(dir, partsName, partNames()); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.parts.file.Close()) }()
	digest := postgres.NewTradeDigest()
	if r.run.Before.Events > 0 {
		if err := digest.GoOn(r.run.Before); err != nil {
			return nil, r.trades.wrong("%v", err)
		}
	}
	if err := r.part(); err != nil {
		return nil, err
	}
	for {
		e, err := r.event(digest.Come().Through)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		digest.Add(e)
		if r.each != nil {
			if err := r.each(e, digest.Come()); err != nil {
				return nil, err
			}
		}
	}
	switch come := digest.Come(); {
	case r.nextOf >= 0:
		return nil, r.parts.wrong("a part of the event at offset %d, which is not there", r.nextOf)
	case come != r.run.Through:
		return nil, r.trades.wrong("the events come to %+v, the manifest says %+v", come, r.run.Through)
	}
	return aboutAll(r.trades, r.parts)
}

// event reads the next event, which must come after an offset, with its parts.
func (r *tradeReader) event(after int64) (*postgres.TradeEvent, error) {
	row, err := r.trades.row()
	if err != nil {
		return nil, err
	}
	e, err := parseTrade(row)
	if err == nil && !slices.Equal(row, tradeRow(e)) {
		err = errForm
	}
	if err == nil && e.Offset <= after {
		err = errors.New("it does not come after the event before")
	}
	if err != nil {
		return nil, r.trades.wrong("%v", err)
	}
	for r.nextOf == e.Offset {
		e.Shards = append(e.Shards, r.next)
		if err := r.part(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// part reads the next part.
func (r *tradeReader) part() error {
	row, err := r.parts.row()
	if errors.Is(err, io.EOF) {
		r.nextOf = -1
		return nil
	}
	if err != nil {
		return err
	}
	f := &fields{row: row}
	r.nextOf = f.number(64)
	r.next = ledger.ShardPart{Shard: f.int32(), Weight: f.quantity(), Orders: f.number(64), Root: ledger.TradeRoot(f.hash())}
	if f.err == nil && (r.nextOf < 0 || !slices.Equal(row, partRow(r.nextOf, &r.next))) {
		f.err = errForm
	}
	if f.err != nil {
		return r.parts.wrong("%v", f.err)
	}
	return nil
}

func parseTrade(row []string) (*postgres.TradeEvent, error) {
	f := &fields{row: row}
	e := &postgres.TradeEvent{Offset: f.number(64)}
	e.ID, e.Trade.Trade, e.Event = f.id(), f.id(), f.text()
	at, err := time.Parse(time.RFC3339Nano, f.text())
	f.keep(err)
	e.RecordedAt, e.Day = schemas.InstantOf(at), f.date()
	e.Custodian, e.Asset, e.UnitsScale = schemas.CustodianID(f.text()), schemas.AssetCode(f.text()), f.int32()
	e.Side, _ = ledger.ParseTradeSide(f.text()) // another word is not what is written of it
	e.Basis, _ = ledger.ParseTradeBasis(f.text())
	e.Ordered, e.Orders, e.Root, e.SettlesOn = f.quantity(), f.number(64), ledger.TradeRoot(f.hash()), f.date()
	e.Piece, e.Final, e.Cash, e.Units = f.int32(), f.text() == "true", f.quantity(), f.quantity()
	if text := f.text(); text != "" {
		price, err := schemas.ParsePrice(text)
		f.keep(err)
		e.Price = &price
	}
	e.PriceVersion = f.int32()
	if f.row[0] == "" {
		f.text()
	} else {
		day := f.date()
		e.SettledOn = &day
	}
	e.Confirmation, e.Reason = f.text(), f.text()
	return e, f.err
}

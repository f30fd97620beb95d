package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// ErrNothingTraced says that the ledger has nothing under an id.
var ErrNothingTraced = errors.New("the ledger knows nothing under this id")

// TraceJournalsMax is how many journals a trace has at most. The members of a trade can be hundreds of thousands.
const TraceJournalsMax = 1000

// Trace is everything in the ledger that hangs together with one id.
type Trace struct {
	// Kind is what the id names: "instruction", "journal", "posting", "order" or "trade".
	Kind string
	// Journals are whole, by shard and sequence. Each names the ingest record that caused it.
	Journals []ledger.Journal
	// Orders are the orders that were followed, with those that belong to them: the rest of an order that was dealt in part, the other order of a
	// switch. Trades are the trades that their postings or the id name.
	Orders, Trades []schemas.ID
	// Events are what became of the trades, in the order of their topic.
	Events []TracedEvent
	// Dropped are the acts that dropped months of which the orders or trades had postings: the rest of the story is in their archives.
	Dropped []Dropped
	// Truncated says that there are more journals than TraceJournalsMax, or more pots in a trade than tracePotsMax, so that their orders are not followed.
	Truncated bool
}

// TracedEvent is one event of a trade, its quantities as text with the decimals of what they count.
type TracedEvent struct {
	Trade        schemas.ID
	Offset       int64
	Event        string
	RecordedAt   schemas.Instant
	Day          schemas.Date
	Custodian    schemas.CustodianID
	Asset        schemas.AssetCode
	Side         string
	Ordered      string
	Orders       int64
	Cash, Units  string
	Price        string
	Confirmation string
	Reason       string
}

// journalPlace is where a journal is stored.
type journalPlace struct {
	shard    int32
	sequence int64
}

// FindTrace follows an id: that of a journal, an order or a trade, a posting written as shard/sequence/leg or its journal as shard/sequence, or an instruction
// written as source/pot/id. It returns ErrNothingTraced where there is nothing, and ErrDropped where it is in an archive for sure; the text of the error names
// the archives that may have it. The pool's role is RoleAuditor.
func FindTrace(ctx context.Context, pool *pgxpool.Pool, id string) (*Trace, error) {
	trace := &Trace{}
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		tracer := &tracer{tx: tx, trace: trace}
		if err := tracer.start(ctx, id); err != nil {
			return tracer.archived(ctx, id, err)
		}
		return tracer.follow(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("tracing %s: %w", id, err)
	}
	return trace, nil
}

type tracer struct {
	tx     pgx.Tx
	trace  *Trace
	places []journalPlace
}

// follow goes from the journals found to their orders, to all journals of those orders, and to their trades.
func (t *tracer) follow(ctx context.Context) error {
	if err := t.read(ctx); err != nil {
		return err
	}
	if err := t.followOrders(ctx); err != nil {
		return err
	}
	for i := range t.trace.Journals {
		for k := range t.trace.Journals[i].Postings {
			posting := &t.trace.Journals[i].Postings[k]
			// A journal may serve other orders too: their trades are not ours.
			ours := posting.Order == nil || slices.Contains(t.trace.Orders, *posting.Order)
			if posting.Trade != nil && ours && !slices.Contains(t.trace.Trades, *posting.Trade) {
				t.trace.Trades = append(t.trace.Trades, *posting.Trade)
			}
		}
	}
	if err := t.findDropped(ctx); err != nil {
		return err
	}
	return t.readEvents(ctx)
}

// read reads the journals at the places found.
func (t *tracer) read(ctx context.Context) error {
	t.trace.Journals = nil
	byShard := make(map[int32][]int64)
	for _, place := range t.places {
		byShard[place.shard] = append(byShard[place.shard], place.sequence)
	}
	for shard, sequences := range byShard {
		snapshot, err := openShard(ctx, t.tx, shard)
		if err != nil {
			return err
		}
		found, err := snapshot.readNumbers(ctx, sequences)
		if err != nil {
			return err
		}
		for i := range found.journals {
			t.trace.Journals = append(t.trace.Journals, found.journals[i].Journal)
		}
	}
	slices.SortFunc(t.trace.Journals, func(a, b ledger.Journal) int {
		if a.Shard != b.Shard {
			return int(a.Shard - b.Shard)
		}
		return int(a.Sequence - b.Sequence)
	})
	return nil
}

func (t *tracer) readEvents(ctx context.Context) error {
	trades := make([][16]byte, len(t.trace.Trades))
	for i, trade := range t.trace.Trades {
		trades[i] = trade
	}
	const query = `select trade_id, "offset", event, recorded_at, day, custodian, asset, side, ordered::text, orders, cash::text, units::text,
		coalesce(price::text, ''), confirmation, reason from report.trade_events where trade_id = any ($1) order by "offset"`
	rows, err := t.tx.Query(ctx, query, trades)
	if err != nil {
		return err
	}
	t.trace.Events, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (TracedEvent, error) {
		var event TracedEvent
		var trade [16]byte
		var recordedAt, day time.Time
		err := row.Scan(&trade, &event.Offset, &event.Event, &recordedAt, &day, &event.Custodian, &event.Asset, &event.Side,
			&event.Ordered, &event.Orders, &event.Cash, &event.Units, &event.Price, &event.Confirmation, &event.Reason)
		event.Trade, event.RecordedAt = trade, schemas.InstantOf(recordedAt)
		event.Day = schemas.Date(day.Unix() / secondsPerDay) //nolint:gosec // a date
		return event, err
	})
	return err
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// ErrNothingTraced says that the ledger has nothing under an id.
var ErrNothingTraced = errors.New("the ledger knows nothing under this id")

// traceJournalsMax bounds the journals of a trace. The members of a trade can be hundreds of thousands.
const traceJournalsMax = 1000

// Trace is everything in the ledger that hangs together with one id.
type Trace struct {
	// Kind is what the id names: "instruction", "journal", "order" or "trade".
	Kind string
	// Journals are whole, by shard and sequence. Each names the ingest record that caused it.
	Journals []ledger.Journal
	// Orders are the orders that were followed, Trades the trades that their postings or the id name.
	Orders, Trades []schemas.ID
	// Events are what became of the trades, in the order of their topic.
	Events []TracedEvent
	// Truncated says that there are more journals than traceJournalsMax.
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

// FindTrace follows an id: that of a journal, an order or a trade, or an instruction written as source/pot/id. It returns
// ErrNothingTraced where there is nothing. The pool's role is RoleAuditor.
func FindTrace(ctx context.Context, pool *pgxpool.Pool, id string) (*Trace, error) {
	trace := &Trace{}
	err := inSnapshot(ctx, pool, func(tx pgx.Tx) error {
		tracer := &tracer{tx: tx, trace: trace}
		if err := tracer.start(ctx, id); err != nil {
			return err
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

// start finds what the id names.
func (t *tracer) start(ctx context.Context, id string) error {
	if uuid, err := schemas.ParseID(id); err == nil {
		return t.startAt(ctx, uuid)
	}
	t.trace.Kind = "instruction"
	for _, parts := range splits(id) {
		err := t.find(ctx, `select j.shard, j.sequence from ledger.journal j join ledger.source s on s.id = j.source
			where s.code = $1 and j.pot = $2 and j.cause = $3`, parts[0], parts[1], parts[2])
		if err != nil || len(t.places) > 0 {
			return err
		}
	}
	return fmt.Errorf("%w: write a journal's, order's or trade's id, or source/pot/id for an instruction", ErrNothingTraced)
}

// traceSlashesMax bounds the slashes of an id that is taken apart in every way.
const traceSlashesMax = 8

// splits returns the ways to read an id as source/pot/id: each of the three may have slashes of its own.
func splits(id string) [][3]string {
	words := strings.SplitN(id, "/", traceSlashesMax+1)
	var all [][3]string
	for i := 1; i < len(words)-1; i++ {
		for k := i + 1; k < len(words); k++ {
			all = append(all, [3]string{strings.Join(words[:i], "/"), strings.Join(words[i:k], "/"), strings.Join(words[k:], "/")})
		}
	}
	return all
}

func (t *tracer) startAt(ctx context.Context, id schemas.ID) error {
	for _, kind := range [...]struct{ name, query string }{
		{"journal", "select shard, sequence from ledger.journal where id = $1"},
		{"order", "select shard, sequence from ledger.posting where order_id = $1 and trade is null union select shard, sequence from ledger.posting where counter_order_id = $1"},
		{"trade", `select p.shard, p.sequence from ledger.posting p join ledger.trade t on t.id = p.trade where t.code = $1 and p.order_id is null`},
	} {
		if err := t.find(ctx, kind.query, [16]byte(id)); err != nil {
			return err
		}
		t.trace.Kind = kind.name
		switch {
		case kind.name == "order" && len(t.places) > 0:
			t.trace.Orders = append(t.trace.Orders, id)
		case kind.name == "trade":
			return t.startAtTrade(ctx, id)
		}
		if len(t.places) > 0 {
			return nil
		}
	}
	return nil
}

func (t *tracer) startAtTrade(ctx context.Context, id schemas.ID) error {
	var known bool
	if err := t.tx.QueryRow(ctx, "select exists (select from ledger.trade where code = $1)", [16]byte(id)).Scan(&known); err != nil {
		return err
	}
	if !known {
		return ErrNothingTraced
	}
	t.trace.Trades = append(t.trace.Trades, id)
	return nil
}

func (t *tracer) find(ctx context.Context, query string, arguments ...any) error {
	rows, err := t.tx.Query(ctx, query, arguments...)
	if err != nil {
		return err
	}
	var place journalPlace
	_, err = pgx.ForEachRow(rows, []any{&place.shard, &place.sequence}, func() error {
		if !slices.Contains(t.places, place) && len(t.places) < traceJournalsMax {
			t.places = append(t.places, place)
		} else if len(t.places) == traceJournalsMax {
			t.trace.Truncated = true
		}
		return nil
	})
	return err
}

// follow goes from the journals found to their orders, to all journals of those orders, and to their trades.
func (t *tracer) follow(ctx context.Context) error {
	if err := t.read(ctx); err != nil {
		return err
	}
	if t.trace.Kind != "trade" {
		if err := t.followOrders(ctx); err != nil {
			return err
		}
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
	return t.readEvents(ctx)
}

func (t *tracer) followOrders(ctx context.Context) error {
	pots := make(map[schemas.PotID]struct{})
	for i := range t.trace.Journals {
		journal := &t.trace.Journals[i]
		if journal.Pot == nil {
			continue
		}
		pots[*journal.Pot] = struct{}{}
		for k := range journal.Postings {
			// Who asks for one order wants that one, not all that share a journal with it.
			if order := journal.Postings[k].Order; order != nil && t.trace.Kind != "order" && !slices.Contains(t.trace.Orders, *order) {
				t.trace.Orders = append(t.trace.Orders, *order)
			}
		}
	}
	orders := make([][16]byte, len(t.trace.Orders))
	for i, order := range t.trace.Orders {
		orders[i] = order
	}
	for pot := range pots {
		err := t.find(ctx, `select distinct j.shard, j.sequence from ledger.journal j
			join ledger.posting p on p.shard = j.shard and p.month = j.month and p.sequence = j.sequence
			where j.pot = $1 and p.order_id = any ($2) order by 1, 2`, string(pot), orders)
		if err != nil {
			return err
		}
	}
	return t.read(ctx)
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

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
)

// ErrNotComplete says that the ledger can't be read as of a recorded time for which records may still come.
var ErrNotComplete = errors.New("the ledger is not complete yet as of that recorded time")

// AsOf is a point on the two axes of time. What is nil does not restrict.
type AsOf struct {
	// EffectiveOn leaves out postings that are effective after this day.
	EffectiveOn *schemas.Date
	// RecordedAt leaves out journals that were recorded after this moment. It must lie before CompleteThrough.
	RecordedAt *schemas.Instant
}

// BalanceFilter says which balances are wanted; what is empty does not restrict.
type BalanceFilter struct {
	Pot     schemas.PotID
	Account schemas.Account
	Asset   schemas.AssetCode
	// ByPot gives a balance per pot and, for accounts of no pot, per shard, instead of one for all of them. A Pot implies it.
	ByPot bool
}

// Balance is what an account holds.
type Balance struct {
	// Pot is empty for accounts of no pot and for totals; Shard is -1 for totals.
	Pot     schemas.PotID     `json:"pot,omitempty"`
	Shard   int32             `json:"shard"`
	Account schemas.Account   `json:"account"`
	Asset   schemas.AssetCode `json:"asset"`
	// Amount has the asset's decimals, as "12.30".
	Amount string `json:"amount"`
	// Quantity is the same amount as a number.
	Quantity schemas.Quantity `json:"-"`
}

// Balances calls each for every balance wanted: totals by account and asset; balances of pots by shard, pot, account and asset, each shard as of one
// moment where asOf names none. Text is ordered byte by byte. It returns ErrNotComplete where the recorded time is refused, ErrDropped where only an archive knows, and the
// first error of each. The pool's role is RoleAuditor.
func Balances(ctx context.Context, pool *pgxpool.Pool, filter BalanceFilter, asOf AsOf, each func(Balance) error) error {
	query := &balancesQuery{filter, asOf}
	switch {
	case filter.Pot != "":
		return balancesError(query.readPot(ctx, pool, each))
	case filter.ByPot:
		return balancesError(balancesOfShards(ctx, pool, query, each))
	}
	return balancesError(query.readTotals(ctx, pool, each))
}

// balancesQuery is what is asked.
type balancesQuery struct {
	filter BalanceFilter
	asOf   AsOf
}

// times are the arguments for the effective date and the recorded time.
func (q *balancesQuery) times() (effective, recorded any) {
	if q.asOf.EffectiveOn != nil {
		effective = q.asOf.EffectiveOn.Time()
	}
	if q.asOf.RecordedAt != nil {
		recorded = q.asOf.RecordedAt.Time()
	}
	return effective, recorded
}

func (q *balancesQuery) readPot(ctx context.Context, pool *pgxpool.Pool, each func(Balance) error) error {
	const query = `select coalesce(pot, ''), shard, account, asset, balance::text from report.balances_as_of($1, $2, $3)
		where ($4 = '' or account = $4) and ($5 = '' or asset = $5) order by account collate "C", asset collate "C"`
	effective, recorded := q.times()
	rows, err := pool.Query(ctx, query, effective, recorded, string(q.filter.Pot), string(q.filter.Account), string(q.filter.Asset))
	if err != nil {
		return err
	}
	return eachBalance(rows, each)
}

// readTotals lets Postgres share out the adding up.
func (q *balancesQuery) readTotals(ctx context.Context, pool *pgxpool.Pool, each func(Balance) error) error {
	const query = `select '', -1::smallint, k.code, a.code, (t.quanta * a.quantum)::text
		from (select account, asset, sum(quanta) as quanta from ledger.changes_as_of($1, $2, $3, null, null) group by account, asset) as t
			join ledger.account k on k.id = t.account
			join ledger.asset a on a.id = t.asset
		where ($4 = '' or k.code = $4) and ($5 = '' or a.code = $5) order by k.code collate "C", a.code collate "C"`
	effective, recorded := q.times()
	return q.inReadable(ctx, pool, func(tx pgx.Tx, lastMonth *int16) error {
		rows, err := tx.Query(ctx, query, effective, recorded, lastMonth, string(q.filter.Account), string(q.filter.Asset))
		if err != nil {
			return err
		}
		return eachBalance(rows, each)
	})
}

// inReadable calls fn with a view of the ledger as of the times asked for, and the last month in it (none where no recorded time is given). It returns an
// error where they are refused. The settings are those of report.balances_as_of.
func (q *balancesQuery) inReadable(ctx context.Context, from beginner, fn func(tx pgx.Tx, lastMonth *int16) error) error {
	const settings = "set local plan_cache_mode = force_custom_plan; set local enable_partitionwise_join = on; set local enable_memoize = off; " +
		"set local work_mem = '" + balancesWorkMemory + "'"
	return inSnapshot(ctx, from, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, settings); err != nil {
			return err
		}
		effective, recorded := q.times()
		var lastMonth *int16
		if err := tx.QueryRow(ctx, "select ledger.last_month_as_of($1, $2)", effective, recorded).Scan(&lastMonth); err != nil {
			return err
		}
		return fn(tx, lastMonth)
	})
}

// eachBalance reads rows of pot, shard, account, asset and balance.
func eachBalance(rows pgx.Rows, each func(Balance) error) error {
	defer rows.Close()
	for rows.Next() {
		row := &storedRow{values: rows.RawValues()}
		balance := Balance{Pot: schemas.PotID(row.text()), Shard: int32(row.int16()), Account: schemas.Account(row.text()), Asset: schemas.AssetCode(row.text())}
		balance.Amount = row.text()
		if row.err != nil {
			return row.err
		}
		quanta, err := schemas.ParseQuanta(balance.Amount, schemas.QuantityScale)
		if err != nil {
			return err
		}
		balance.Quantity = schemas.Quantity(quanta)
		if err := each(balance); err != nil {
			return err
		}
	}
	return rows.Err()
}

func balancesError(err error) error {
	const (
		invalidParameter = "22023"
		notInState       = "55000"
	)
	var answer *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && answer.Code == invalidParameter:
		return fmt.Errorf("%w: %s", ErrNotComplete, answer.Message)
	case errors.As(err, &answer) && answer.Code == notInState:
		return fmt.Errorf("%w: %s. %s", ErrDropped, answer.Message, answer.Hint)
	}
	return fmt.Errorf("reading balances: %w", err)
}

// CompleteThrough returns the recorded time before which everything is booked in every shard; 0 says that some shard has not told
// yet. The pool's role is RoleAuditor.
func CompleteThrough(ctx context.Context, pool *pgxpool.Pool) (schemas.Instant, error) {
	var through schemas.Instant
	query := "select " + fmt.Sprintf(instantSQL, "complete_through") + " from report.complete_through"
	if err := pool.QueryRow(ctx, query).Scan(&through); err != nil {
		return 0, fmt.Errorf("reading how far the ledger is complete: %w", err)
	}
	return through, nil
}

// StoredPosition is the position of one partition, for whoever looks at the pipeline.
type StoredPosition struct {
	Topic      string          `json:"topic"`
	Partition  int32           `json:"partition"`
	Epoch      int64           `json:"epoch"`
	NextOffset int64           `json:"nextOffset"`
	Sequence   int64           `json:"sequence"`
	RecordedAt schemas.Instant `json:"recordedAt"`
	ClaimedBy  string          `json:"claimedBy"`
}

// Positions returns all positions, by topic and partition. The pool's role is RoleAuditor.
func Positions(ctx context.Context, pool *pgxpool.Pool) ([]StoredPosition, error) {
	query := "select topic, partition, epoch, next_offset, sequence, " + fmt.Sprintf(instantSQL, "recorded_at") +
		", claimed_by from ledger.position order by topic, partition"
	rows, err := pool.Query(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading positions: %w", err)
	}
	positions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[StoredPosition])
	if err != nil {
		return nil, fmt.Errorf("reading positions: %w", err)
	}
	return positions, nil
}

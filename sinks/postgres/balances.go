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

// balancesWorkMemory is what Postgres may take twice over to add up balances, once to keep them, and again to sort them: some 3 million balances of a
// shard fit. Its hash_mem_multiplier of 2 is where the twice comes from. So one question takes up to 1.5 GB, and one for all pots, which has balanceReadersMax
// shards added up at a time, up to 6 GB. With its default of 4 MB it writes all postings of a large ledger to temporary files first.
const balancesWorkMemory = "512MB"

// Balances calls each for every balance wanted: totals by account and asset; balances of pots by shard, pot, account and asset, each shard as of one
// moment where asOf names none. It returns ErrNotComplete where the recorded time is refused, ErrDropped where only an archive knows, and the first error
// of each. The pool's role is RoleAuditor.
func Balances(ctx context.Context, pool *pgxpool.Pool, filter BalanceFilter, asOf AsOf, each func(Balance) error) error {
	if filter.ByPot && filter.Pot == "" {
		return balancesError(balancesOfShards(ctx, pool, &balancesQuery{filter, asOf}, each))
	}
	return balancesError(pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) error {
		return (&balancesQuery{filter, asOf}).read(ctx, conn, nil, each)
	}))
}

// balancesQuery is what is asked.
type balancesQuery struct {
	filter BalanceFilter
	asOf   AsOf
}

// read asks one shard, or with none all of them.
func (q *balancesQuery) read(ctx context.Context, conn *pgxpool.Conn, shard *int, each func(Balance) error) error {
	const from = ` from report.balances_as_of($1, $2, nullif($3, ''), $6)
		where ($4 = '' or account = $4) and ($5 = '' or asset = $5)`
	query := "select '', -1::smallint, account, asset, sum(balance)::text" + from + " group by account, asset order by account, asset"
	if q.filter.ByPot || q.filter.Pot != "" {
		// Where all are of one shard the pots come first: the first of the sorted columns decides how dear the sorting is.
		order := " order by pot nulls last, account, asset"
		if shard == nil {
			order = " order by shard, pot nulls last, account, asset"
		}
		query = "select coalesce(pot, ''), shard, account, asset, balance::text" + from + order
	}
	var effective, recorded any
	if q.asOf.EffectiveOn != nil {
		effective = q.asOf.EffectiveOn.Time()
	}
	if q.asOf.RecordedAt != nil {
		recorded = q.asOf.RecordedAt.Time()
	}
	return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local work_mem = '"+balancesWorkMemory+"'"); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, query, effective, recorded, string(q.filter.Pot), string(q.filter.Account), string(q.filter.Asset), shard)
		if err != nil {
			return err
		}
		defer rows.Close()
		var codes balanceCodes
		for rows.Next() {
			balance, err := codes.balance(&storedRow{values: rows.RawValues()})
			if err != nil {
				return err
			}
			if err := each(balance); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// balanceCodes are the accounts and assets of the balances that were read: some dozens, in millions of rows.
type balanceCodes struct {
	accounts, assets codeTexts
}

func (c *balanceCodes) balance(row *storedRow) (Balance, error) {
	balance := Balance{Pot: schemas.PotID(row.text()), Shard: int32(row.int16())}
	balance.Account, balance.Asset = schemas.Account(c.accounts.keep(row.raw())), schemas.AssetCode(c.assets.keep(row.raw()))
	balance.Amount = row.text()
	if row.err != nil {
		return balance, row.err
	}
	quanta, err := schemas.ParseQuanta(balance.Amount, schemas.QuantityScale)
	balance.Quantity = schemas.Quantity(quanta)
	return balance, err
}

// codeTexts makes one string of each code, however often it comes.
type codeTexts map[string]string

func (t *codeTexts) keep(code []byte) string {
	if known, ok := (*t)[string(code)]; ok {
		return known
	}
	if *t == nil {
		*t = codeTexts{}
	}
	(*t)[string(code)] = string(code)
	return string(code)
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

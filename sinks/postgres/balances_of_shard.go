package postgres

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
)

// shardBalancesSQL has Postgres order the pots only: what a pot has is a handful, and put in order here. Accounts and assets stay numbers and balances quanta until they
// are here, too. The "offset 0" has the adding up planned without a view to the order, for which it would sort all changes instead of what they come to.
const shardBalancesSQL = `select pot, account, asset, quanta
	from (
			select pot, account, asset, ledger.sum_of_quanta(quanta) as quanta
			from ledger.changes_as_of($1, $2, $3, null, $4)
			where ($5::smallint is null or account = $5) and ($6::smallint is null or asset = $6)
			group by pot, account, asset
			offset 0
		) as t
	order by pot collate "C" nulls last`

// readShard reads the balances of all pots of a shard, and then those of the shard itself.
func (q *balancesQuery) readShard(ctx context.Context, conn *pgxpool.Conn, shard int, each func(Balance) error) error {
	return q.inReadable(ctx, conn, func(tx pgx.Tx, lastMonth *int16) error {
		codes, err := loadBalanceCodes(ctx, tx)
		if err != nil {
			return err
		}
		account, asset, known := codes.wanted(&q.filter)
		if !known {
			return nil
		}
		// Each shard has a reader already; helpers of it would each add up a part of every balance, and then all parts once more.
		if _, err := tx.Exec(ctx, "set local max_parallel_workers_per_gather = 0"); err != nil {
			return err
		}
		effective, recorded := q.times()
		rows, err := tx.Query(ctx, shardBalancesSQL, effective, recorded, lastMonth, shard, account, asset)
		if err != nil {
			return err
		}
		return eachOfShard(rows, int32(shard), codes, each) //nolint:gosec // there are at most 4096
	})
}

func eachOfShard(rows pgx.Rows, shard int32, codes *balanceCodes, each func(Balance) error) error {
	defer rows.Close()
	pot := potBalances{shard: shard, codes: codes}
	for rows.Next() {
		row := &storedRow{values: rows.RawValues()}
		if !pot.owns(row) {
			if err := pot.handOut(each); err != nil {
				return err
			}
			pot.begin(row)
		}
		row.at = 1
		pot.found = append(pot.found, numberedBalance{row.int16(), row.int16(), row.int64()})
		if row.err != nil {
			return row.err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return pot.handOut(each)
}

// numberedBalance is a balance as it is stored.
type numberedBalance struct {
	account, asset int16
	quanta         int64
}

// potBalances are those of one pot, or those of no pot, while they are read.
type potBalances struct {
	shard int32
	codes *balanceCodes
	pot   schemas.PotID
	found []numberedBalance
}

// owns says whether a row is of this pot. No pot has an empty id.
func (p *potBalances) owns(row *storedRow) bool { return string(p.pot) == string(row.values[0]) }

func (p *potBalances) begin(row *storedRow) {
	p.pot, p.found = schemas.PotID(row.values[0]), p.found[:0]
}

// handOut calls each in the order of account and asset.
func (p *potBalances) handOut(each func(Balance) error) error {
	slices.SortFunc(p.found, func(a, b numberedBalance) int {
		if a.account != b.account {
			return cmp.Compare(p.codes.accounts[a.account], p.codes.accounts[b.account])
		}
		return cmp.Compare(p.codes.assets[a.asset].code, p.codes.assets[b.asset].code)
	})
	for _, found := range p.found {
		asset := p.codes.assets[found.asset]
		quantity, err := quantityOfSum(found.quanta, asset.scale)
		if err != nil {
			return err
		}
		balance := Balance{
			Pot: p.pot, Shard: p.shard, Account: p.codes.accounts[found.account], Asset: asset.code,
			Amount: quantaText(found.quanta, asset.scale), Quantity: quantity,
		}
		if err := each(balance); err != nil {
			return err
		}
	}
	return nil
}

// quantityOfSum is a sum as a Quantity. It may have more digits than a single one has, if only they fit.
func quantityOfSum(quanta int64, scale int) (schemas.Quantity, error) {
	factor := schemas.Power10(schemas.QuantityScale - scale)
	if product := quanta * factor; product/factor == quanta {
		return schemas.Quantity(product), nil
	}
	return 0, schemas.ErrOverflow
}

// quantaText writes quanta with the given number of decimals, as Postgres does. There are millions, too many for a library that makes a big number of each.
func quantaText(quanta int64, scale int) string {
	const digitsMax = 19 + len("-0.")
	text := make([]byte, 0, digitsMax)
	// The number of the same size, also for the least one, which has no counterpart above 0.
	size := uint64(quanta) //nolint:gosec // the same bits
	if quanta < 0 {
		text, size = append(text, '-'), -size
	}
	if scale == 0 {
		return string(strconv.AppendUint(text, size, 10))
	}
	factor := uint64(schemas.Power10(scale)) //nolint:gosec // it is above 0
	text = append(strconv.AppendUint(text, size/factor, 10), '.')
	for rest := size % factor; scale > 0; scale-- {
		factor /= 10
		text, rest = append(text, '0'+byte(rest/factor)), rest%factor
	}
	return string(text)
}

// balanceCodes are what the numbers of accounts and assets stand for.
type balanceCodes struct {
	accounts map[int16]schemas.Account
	assets   map[int16]storedAsset
}

type storedAsset struct {
	code  schemas.AssetCode
	scale int
}

func loadBalanceCodes(ctx context.Context, tx pgx.Tx) (*balanceCodes, error) {
	codes := &balanceCodes{accounts: map[int16]schemas.Account{}, assets: map[int16]storedAsset{}}
	rows, err := tx.Query(ctx, "select id, code from ledger.account")
	if err != nil {
		return nil, err
	}
	var number int16
	var account schemas.Account
	if _, err := pgx.ForEachRow(rows, []any{&number, &account}, func() error { codes.accounts[number] = account; return nil }); err != nil {
		return nil, err
	}
	if rows, err = tx.Query(ctx, "select id, code, scale from ledger.asset"); err != nil {
		return nil, err
	}
	var asset storedAsset
	_, err = pgx.ForEachRow(rows, []any{&number, &asset.code, &asset.scale}, func() error { codes.assets[number] = asset; return nil })
	return codes, err
}

// wanted are the numbers of the account and the asset of a filter, nil where it does not restrict; known is false where nothing was ever booked of one.
func (c *balanceCodes) wanted(filter *BalanceFilter) (account, asset *int16, known bool) {
	for number, code := range c.accounts {
		if code == filter.Account {
			account = &number
		}
	}
	for number, stored := range c.assets {
		if stored.code == filter.Asset {
			asset = &number
		}
	}
	return account, asset, (account != nil || filter.Account == "") && (asset != nil || filter.Asset == "")
}

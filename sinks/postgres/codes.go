package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const (
	// codesKnownMax bounds what is remembered of each kind of code.
	codesKnownMax = 200_000
	// numberAttemptsMax bounds the attempts at numbering codes while others number the same ones.
	numberAttemptsMax = 5
)

// move is what a posting does.
type move struct {
	stage    string
	from, to schemas.Account
}

// assetNumber is an asset's number and the scale of its quanta.
type assetNumber struct {
	id    int16
	scale int32
}

// codes remembers the numbers under which recurring codes are stored. Numbers are given out by the database and never change, so
// what is remembered stays true whatever becomes of a transaction.
type codes struct {
	mutex    sync.RWMutex
	assets   map[schemas.AssetCode]assetNumber
	accounts map[schemas.Account]int16
	topics   map[string]int16
	rules    map[string]int16
	sources  map[schemas.SourceID]int32
	trades   map[schemas.ID]int32
	moves    map[move]int16
}

// wantedCodes collects the codes that a batch needs and that have no known number yet.
type wantedCodes struct {
	assets        map[schemas.AssetCode]int32
	topics, rules map[string]struct{}
	sources       map[schemas.SourceID]struct{}
	trades        map[schemas.ID]struct{}
	moves         map[move]struct{}
}

func newWantedCodes() *wantedCodes {
	return &wantedCodes{
		assets: map[schemas.AssetCode]int32{}, topics: map[string]struct{}{}, rules: map[string]struct{}{},
		sources: map[schemas.SourceID]struct{}{}, trades: map[schemas.ID]struct{}{}, moves: map[move]struct{}{},
	}
}

func want[K comparable, V any](wanted map[K]struct{}, known map[K]V, code K) {
	if _, ok := known[code]; !ok {
		wanted[code] = struct{}{}
	}
}

func (c *codes) missing(journals []ledger.Journal) *wantedCodes {
	wanted := newWantedCodes()
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for i := range journals {
		journal := &journals[i]
		want(wanted.topics, c.topics, journal.Topic)
		want(wanted.rules, c.rules, journal.Rules)
		want(wanted.sources, c.sources, journal.Source)
		for k := range journal.Postings {
			posting := &journal.Postings[k]
			if _, ok := c.assets[posting.Asset]; !ok {
				wanted.assets[posting.Asset] = posting.Scale // should two scales come up, one will not match
			}
			want(wanted.moves, c.moves, move{posting.Stage, posting.From, posting.To})
			if posting.Trade != nil {
				want(wanted.trades, c.trades, *posting.Trade)
			}
		}
	}
	return wanted
}

// number gives every wanted code a number. It runs outside the booking transaction: else two shards that meet the same new
// codes in different order would wait for each other.
func (c *codes) number(ctx context.Context, pool *pgxpool.Pool, wanted *wantedCodes) error {
	accounts := make(map[schemas.Account]struct{})
	for m := range wanted.moves {
		accounts[m.from], accounts[m.to] = struct{}{}, struct{}{}
	}
	err := errors.Join(
		c.numberAssets(ctx, pool, wanted.assets),
		numberTexts(ctx, pool, c, "account", "text", &c.accounts, accounts, textOf[schemas.Account]),
		numberTexts(ctx, pool, c, "topic", "text", &c.topics, wanted.topics, textOf[string]),
		numberTexts(ctx, pool, c, "rules", "text", &c.rules, wanted.rules, textOf[string]),
		numberTexts(ctx, pool, c, "source", "text", &c.sources, wanted.sources, textOf[schemas.SourceID]),
		numberTexts(ctx, pool, c, "trade", "uuid", &c.trades, wanted.trades, schemas.ID.String))
	if err != nil {
		return err
	}
	return c.numberMoves(ctx, pool, wanted.moves)
}

func textOf[K ~string](code K) string { return string(code) }

// addSQL adds what is missing of some rows and returns the numbers of all. A row that another session is adding at the
// same moment is waited for, but not returned: then one asks again.
const addSQL = `with wanted as (select * from unnest(%[3]s) as w (%[2]s)),
	added as (
		insert into ledger.%[1]s (%[2]s) select %[2]s from wanted w
		where not exists (select from ledger.%[1]s t where %[4]s) order by %[2]s on conflict do nothing returning *)
	select %[5]s from added t union all select %[5]s from ledger.%[1]s t join wanted w on %[4]s`

func numberTexts[K comparable, N int16 | int32](
	ctx context.Context, pool *pgxpool.Pool, c *codes, table, sqlType string, known *map[K]N, wanted map[K]struct{}, text func(K) string,
) error {
	if len(wanted) == 0 {
		return nil
	}
	byText := make(map[string]K, len(wanted))
	for code := range wanted {
		byText[text(code)] = code
	}
	texts := slices.Sorted(maps.Keys(byText))
	statement := fmt.Sprintf(addSQL, table, "code", "$1::"+sqlType+"[]", "t.code = w.code", "t.id, t.code::text")
	return untilNumbered(ctx, pool, table, statement, []any{texts}, len(wanted), func(rows pgx.Rows) error {
		var number N
		var code string
		if err := rows.Scan(&number, &code); err != nil {
			return err
		}
		remember(c, known, byText[code], number)
		return nil
	})
}

func (c *codes) numberAssets(ctx context.Context, pool *pgxpool.Pool, wanted map[schemas.AssetCode]int32) error {
	if len(wanted) == 0 {
		return nil
	}
	assets := slices.Sorted(maps.Keys(wanted))
	names, scales := make([]string, len(assets)), make([]int32, len(assets))
	for i, asset := range assets {
		names[i], scales[i] = string(asset), wanted[asset]
	}
	statement := fmt.Sprintf(addSQL, "asset", "code, scale", "$1::text[], $2::smallint[]", "t.code = w.code", "t.id, t.code, t.scale")
	return untilNumbered(ctx, pool, "asset", statement, []any{names, scales}, len(wanted), func(rows pgx.Rows) error {
		var asset assetNumber
		var code schemas.AssetCode
		if err := rows.Scan(&asset.id, &code, &asset.scale); err != nil {
			return err
		}
		remember(c, &c.assets, code, asset)
		return nil
	})
}

func (c *codes) numberMoves(ctx context.Context, pool *pgxpool.Pool, wanted map[move]struct{}) error {
	if len(wanted) == 0 {
		return nil
	}
	stages, from, to := make([]string, 0, len(wanted)), make([]int16, 0, len(wanted)), make([]int16, 0, len(wanted))
	byNumbers := make(map[string]move, len(wanted))
	c.mutex.RLock()
	for m := range wanted {
		stages, from, to = append(stages, m.stage), append(from, c.accounts[m.from]), append(to, c.accounts[m.to])
		byNumbers[moveKey(m.stage, c.accounts[m.from], c.accounts[m.to])] = m
	}
	c.mutex.RUnlock()
	statement := fmt.Sprintf(addSQL, "move", "stage, from_account, to_account", "$1::text[], $2::smallint[], $3::smallint[]",
		"(t.stage, t.from_account, t.to_account) = (w.stage, w.from_account, w.to_account)", "t.id, t.stage, t.from_account, t.to_account")
	return untilNumbered(ctx, pool, "move", statement, []any{stages, from, to}, len(wanted), func(rows pgx.Rows) error {
		var number, fromAccount, toAccount int16
		var stage string
		if err := rows.Scan(&number, &stage, &fromAccount, &toAccount); err != nil {
			return err
		}
		remember(c, &c.moves, byNumbers[moveKey(stage, fromAccount, toAccount)], number)
		return nil
	})
}

func moveKey(stage string, from, to int16) string {
	return stage + "|" + strconv.Itoa(int(from)) + "|" + strconv.Itoa(int(to))
}

func remember[K comparable, N any](c *codes, known *map[K]N, code K, number N) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if *known == nil || len(*known) >= codesKnownMax {
		*known = make(map[K]N)
	}
	(*known)[code] = number
}

func untilNumbered(
	ctx context.Context, pool *pgxpool.Pool, table, statement string, arguments []any, wanted int, scan func(pgx.Rows) error,
) error {
	for range numberAttemptsMax {
		rows, err := pool.Query(ctx, statement, arguments...)
		if err != nil {
			return fmt.Errorf("numbering codes of %s: %w", table, err)
		}
		got := 0
		for rows.Next() {
			if err := scan(rows); err != nil {
				rows.Close()
				return fmt.Errorf("reading numbers of %s: %w", table, err)
			}
			got++
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("numbering codes of %s: %w", table, err)
		}
		if got == wanted {
			return nil
		}
	}
	return fmt.Errorf("numbering codes of %s: others kept adding the same ones", table)
}

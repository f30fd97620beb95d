package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	asset    schemas.AssetCode
	from, to schemas.Account
}

func moveOf(posting *ledger.Posting) move {
	return move{posting.Stage, posting.Asset, posting.From, posting.To}
}

// assetNumber is an asset's number and the scale of its quanta.
type assetNumber struct {
	id    int16
	scale int32
}

// moveNumber is a move's number and the scale of its asset's quanta.
type moveNumber struct {
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
	moves    map[move]moveNumber
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
			want(wanted.moves, c.moves, moveOf(posting))
			if posting.Trade != nil {
				want(wanted.trades, c.trades, *posting.Trade)
			}
		}
	}
	return wanted
}

func (c *codes) scaleOf(asset schemas.AssetCode) int32 {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	return c.assets[asset].scale
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
	var stages []string
	var assets, from, to []int16
	byNumbers := make(map[moveNumbers]scaledMove, len(wanted))
	c.mutex.RLock()
	for m := range wanted {
		asset := c.assets[m.asset]
		n := moveNumbers{m.stage, asset.id, c.accounts[m.from], c.accounts[m.to]}
		stages, assets, from, to = append(stages, n.stage), append(assets, n.asset), append(from, n.from), append(to, n.to)
		byNumbers[n] = scaledMove{m, asset.scale}
	}
	c.mutex.RUnlock()
	const columns = "stage, asset, from_account, to_account"
	statement := fmt.Sprintf(addSQL, "move", columns, "$1::text[], $2::smallint[], $3::smallint[], $4::smallint[]",
		"(t.stage, t.asset, t.from_account, t.to_account) = (w.stage, w.asset, w.from_account, w.to_account)",
		"t.id, t.stage, t.asset, t.from_account, t.to_account")
	return untilNumbered(ctx, pool, "move", statement, []any{stages, assets, from, to}, len(wanted), func(rows pgx.Rows) error {
		var number int16
		var n moveNumbers
		if err := rows.Scan(&number, &n.stage, &n.asset, &n.from, &n.to); err != nil {
			return err
		}
		numbered := byNumbers[n]
		remember(c, &c.moves, numbered.move, moveNumber{number, numbered.scale})
		return nil
	})
}

// scaledMove is a move with the scale of its asset's quanta.
type scaledMove struct {
	move
	scale int32
}

// moveNumbers is a move as it is stored.
type moveNumbers struct {
	stage           string
	asset, from, to int16
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

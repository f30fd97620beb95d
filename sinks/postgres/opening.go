package postgres

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// ErrDropped says that only an archive has what was asked for: its months were dropped from the ledger. The error's text names the archive.
var ErrDropped = errors.New("these months were dropped from the ledger")

// Dropped is one act of dropping months.
type Dropped struct {
	// Act counts from 1.
	Act int32 `json:"act"`
	// First and Last are the months of recorded time.
	First Month `json:"first"`
	Last  Month `json:"last"`
	// DroppedAt is when it was done, Operator who did it, Reason why.
	DroppedAt time.Time `json:"droppedAt"`
	Operator  string    `json:"operator"`
	Reason    string    `json:"reason"`
	// Archive is the name of the folder that has the months, Manifest the SHA-256 of its manifest, in hex.
	Archive  string `json:"archive"`
	Manifest string `json:"manifest"`
}

// String says where the months are.
func (d *Dropped) String() string {
	if d.First == d.Last {
		return fmt.Sprintf("%s in archive %s", d.First, d.Archive)
	}
	return fmt.Sprintf("%s to %s in archive %s", d.First, d.Last, d.Archive)
}

// querier asks the database: a pool or a transaction.
type querier interface {
	Query(ctx context.Context, query string, arguments ...any) (pgx.Rows, error)
}

// DroppedMonths returns the acts by which months were dropped, the oldest first. The pool's role is RoleAuditor.
func DroppedMonths(ctx context.Context, pool *pgxpool.Pool) ([]Dropped, error) {
	return loadDropped(ctx, pool)
}

func loadDropped(ctx context.Context, from querier) ([]Dropped, error) {
	rows, err := from.Query(ctx, `select act, first_month, last_month, dropped_at, operator, reason, archive, encode(manifest, 'hex')
		from ledger.dropped order by act`)
	if err != nil {
		return nil, fmt.Errorf("reading which months were dropped: %w", err)
	}
	acts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (d Dropped, err error) {
		var first, last int16
		err = row.Scan(&d.Act, &first, &last, &d.DroppedAt, &d.Operator, &d.Reason, &d.Archive, &d.Manifest)
		d.First, d.Last, d.DroppedAt = Month(first), Month(last), d.DroppedAt.UTC()
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("reading which months were dropped: %w", err)
	}
	return acts, nil
}

// requireFrom refuses with ErrDropped where months from the given one on were dropped.
func requireFrom(ctx context.Context, from querier, first Month) error {
	acts, err := loadDropped(ctx, from)
	if err != nil {
		return err
	}
	acts = slices.DeleteFunc(acts, func(d Dropped) bool { return d.Last < first })
	if len(acts) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s; read them back with penstock ledger load, and ask there", ErrDropped, places(acts))
}

// placesMax bounds how many archives an error names.
const placesMax = 12

// places says where the months of acts are.
func places(acts []Dropped) string {
	var all []string
	for i := range acts[max(0, len(acts)-placesMax):] {
		all = append(all, acts[max(0, len(acts)-placesMax)+i].String())
	}
	if len(acts) > placesMax {
		return "those before, and " + strings.Join(all, ", ")
	}
	return strings.Join(all, ", ")
}

// openedShard is what one act left of one shard.
type openedShard struct {
	Dropped
	shard int32
	// sequence, head and recordedAt are the last journal of the months, or the one before where they had none of the shard.
	sequence   int64
	head       ledger.Hash
	recordedAt schemas.Instant
	// digest is the stored one.
	digest   [sha256.Size]byte
	balances []openingBalance
	// orders are those of which more may be booked, and all payments.
	orders, trades []schemas.ID
	// unwritten counts times that no act writes, because they have parts of a millisecond or are endless. The digest does not see these parts.
	unwritten int
}

// openingBalance is by how much dropped postings had changed an account.
type openingBalance struct {
	// pot is empty for accounts of the shard.
	pot         schemas.PotID
	account     schemas.Account
	asset       schemas.AssetCode
	effectiveOn schemas.Date
	quantity    schemas.Quantity
	changedAt   schemas.Instant
}

func (b *openingBalance) compare(other *openingBalance) int {
	return cmp.Or(
		cmp.Compare(b.pot, other.pot), cmp.Compare(b.account, other.account), cmp.Compare(b.asset, other.asset), cmp.Compare(b.effectiveOn, other.effectiveOn),
		cmp.Compare(b.quantity, other.quantity), cmp.Compare(b.changedAt, other.changedAt))
}

// sum works the digest out: over the act, the head, and all rows in an order of their own. It covers the digest of the act before, so no act can be left out.
func (o *openedShard) sum(before [sha256.Size]byte) [sha256.Size]byte {
	slices.SortFunc(o.balances, func(a, b openingBalance) int { return a.compare(&b) })
	byText := func(a, b schemas.ID) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(o.orders, byText)
	slices.SortFunc(o.trades, byText)
	hash := sha256.New()
	fmt.Fprintf(hash, "penstock-opening/1 after %x\n", before)
	fmt.Fprintf(hash, "act %d %s %s %s %q %q %q %s\n", o.Act, o.First, o.Last, o.DroppedAt.Format(time.RFC3339Nano), o.Operator, o.Reason, o.Archive, o.Manifest)
	fmt.Fprintf(hash, "head %d %d %x %s\n", o.shard, o.sequence, o.head, o.recordedAt)
	for i := range o.balances {
		b := &o.balances[i]
		fmt.Fprintf(hash, "balance %q %s %s %s %s %s\n", b.pot, b.account, b.asset, b.effectiveOn, b.quantity, b.changedAt)
	}
	for _, order := range o.orders {
		fmt.Fprintf(hash, "order %s\n", order)
	}
	for _, trade := range o.trades {
		fmt.Fprintf(hash, "trade %s\n", trade)
	}
	return [sha256.Size]byte(hash.Sum(nil))
}

// unwrittenSQL says whether a time is one that no act writes.
const unwrittenSQL = "%[1]s <> date_trunc('milliseconds', %[1]s) or %[1]s = 'infinity'"

// loadOpened reads what all acts left of a shard, the oldest first. An act without a row for the shard comes with an empty one.
func loadOpened(ctx context.Context, tx pgx.Tx, shard int32) ([]openedShard, error) {
	acts, err := loadDropped(ctx, tx)
	if err != nil {
		return nil, err
	}
	opened := make([]openedShard, len(acts))
	for i := range acts {
		opened[i] = openedShard{Dropped: acts[i], shard: shard}
		if err := opened[i].load(ctx, tx); err != nil {
			return nil, fmt.Errorf("reading opening %d of shard %d: %w", acts[i].Act, shard, err)
		}
	}
	return opened, nil
}

func (o *openedShard) load(ctx context.Context, tx pgx.Tx) error {
	if err := o.loadHead(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `select coalesce(o.pot, ''), c.code, a.code, a.scale, o.effective_on, o.quanta,
			`+fmt.Sprintf(instantSQL+", "+unwrittenSQL, "o.changed_at")+`
		from ledger.opening o join ledger.account c on c.id = o.account join ledger.asset a on a.id = o.asset where o.act = $1 and o.shard = $2`, o.Act, o.shard)
	if err != nil {
		return err
	}
	var b openingBalance
	var scale int32
	var effectiveOn time.Time
	var quanta int64
	var unwritten bool
	_, err = pgx.ForEachRow(rows, []any{&b.pot, &b.account, &b.asset, &scale, &effectiveOn, &quanta, &b.changedAt, &unwritten}, func() (err error) {
		if unwritten {
			o.unwritten++
		}
		b.effectiveOn = schemas.DateOf(effectiveOn.Date())
		b.quantity, err = schemas.QuantityOf(quanta, int(scale))
		o.balances = append(o.balances, b)
		return err
	})
	if err != nil {
		return err
	}
	if o.orders, err = loadIDs(ctx, tx, "select order_id from ledger.opening_order where act = $1 and shard = $2", o.Act, o.shard); err != nil {
		return err
	}
	const trades = "select t.code from ledger.opening_trade o join ledger.trade t on t.id = o.trade where o.act = $1 and o.shard = $2"
	o.trades, err = loadIDs(ctx, tx, trades, o.Act, o.shard)
	return err
}

func (o *openedShard) loadHead(ctx context.Context, tx pgx.Tx) error {
	query := "select sequence, head, " + fmt.Sprintf(instantSQL+", "+unwrittenSQL, "recorded_at") + `, digest
		from ledger.opening_head where act = $1 and shard = $2`
	var head, digest []byte
	var unwritten bool
	err := tx.QueryRow(ctx, query, o.Act, o.shard).Scan(&o.sequence, &head, &o.recordedAt, &unwritten, &digest)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if unwritten {
		o.unwritten++
	}
	copy(o.head[:], head)
	copy(o.digest[:], digest)
	return err
}

func loadIDs(ctx context.Context, tx pgx.Tx, query string, arguments ...any) ([]schemas.ID, error) {
	rows, err := tx.Query(ctx, query, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (schemas.ID, error) {
		var id [16]byte
		err := row.Scan(&id)
		return id, err
	})
}

// openingHead returns where a shard's chain begins: 0 and no hash where no months were dropped.
func openingHead(ctx context.Context, tx pgx.Tx, shard int32) (sequence int64, head ledger.Hash, err error) {
	var stored []byte
	err = tx.QueryRow(ctx, "select sequence, head from ledger.opening_head where shard = $1 order by act desc limit 1", shard).Scan(&sequence, &stored)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, head, nil
	}
	if err != nil {
		return 0, head, fmt.Errorf("reading where shard %d begins: %w", shard, err)
	}
	copy(head[:], stored)
	return sequence, head, nil
}

// openingDigests returns the digest of each act over all shards, in hex.
func openingDigests(ctx context.Context, tx pgx.Tx) (map[int32]string, error) {
	rows, err := tx.Query(ctx, "select act, digest from ledger.opening_head order by act, shard")
	if err != nil {
		return nil, err
	}
	all := make(map[int32][]byte)
	var act int32
	var digest []byte
	_, err = pgx.ForEachRow(rows, []any{&act, &digest}, func() error { all[act] = append(all[act], digest...); return nil })
	digests := make(map[int32]string, len(all))
	for act, joined := range all {
		sum := sha256.Sum256(joined)
		digests[act] = hex.EncodeToString(sum[:])
	}
	return digests, err
}

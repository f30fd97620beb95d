package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
	"github.com/penstock-ledger/penstock/streams"
)

// toldSQL is all that the ledger was told of external trades: per event its offset, and everything else as words, the parts of the shards last. Days and times
// are written out, so that they do not depend on a session's settings. Those at infinity have words of their own: to_char has none for them, as for one that is
// missing.
const toldSQL = `select e.record_offset, array[e.id::text, t.code::text, e.event,
		case when isfinite(e.recorded_at) then to_char(e.recorded_at at time zone 'UTC', 'YYYY-MM-DD BC HH24:MI:SS.US') else e.recorded_at::text end,
		case when isfinite(e.day) then to_char(e.day::timestamp, 'YYYY-MM-DD BC') else e.day::text end,
		e.custodian, a.code, a.scale::text, e.side, e.ordered::text, o.code, e.orders::text, encode(e.root, 'hex'),
		case when isfinite(e.settles_on) then to_char(e.settles_on::timestamp, 'YYYY-MM-DD BC') else e.settles_on::text end,
		e.piece::text, e.final::text, e.cash::text, e.units::text, e.price::text, e.price_version::text,
		case when isfinite(e.settled_on) then to_char(e.settled_on::timestamp, 'YYYY-MM-DD BC') else e.settled_on::text end,
		e.confirmation, e.reason]
		|| (select array_agg(array_to_string(array[p.shard::text, p.weight::text, p.orders::text, encode(p.root, 'hex')], ' ') order by p.shard)
			from ledger.trade_part p where p.record_offset = e.record_offset)
	from ledger.trade_event e join ledger.trade t on t.id = e.trade join ledger.asset a on a.id = e.asset join ledger.asset o on o.id = e.ordered_asset
	order by e.record_offset`

// toldTrades is what events of trades have come to. No hash stands in their records, as it does in journals: only what is signed of them vouches for them.
type toldTrades struct {
	events, through int64
	sum             [sha256.Size]byte
}

// add takes the next event: its offset, and its words, of which nil is one that is missing.
func (t *toldTrades) add(offset int64, words []*string) {
	b := strconv.AppendInt(t.sum[:len(t.sum):len(t.sum)], offset, 10)
	for _, word := range words {
		if word == nil {
			b = append(b, '|', '-')
			continue
		}
		b = strconv.AppendInt(append(b, '|'), int64(len(*word)), 10) // the length before the text, so that no text can pass for two
		b = append(append(b, ':'), *word...)
	}
	t.sum = sha256.Sum256(b)
	t.events++
	t.through = offset
}

func (t *toldTrades) signed() anchor.Trades {
	return anchor.Trades{Events: t.events, Through: t.through, Digest: hex.EncodeToString(t.sum[:])}
}

// goOn makes it what was signed, so that what comes later is judged by itself.
func (t *toldTrades) goOn(signed *anchor.Trades) error {
	sum, err := hex.DecodeString(signed.Digest)
	if err != nil || len(sum) != len(t.sum) {
		return fmt.Errorf("the anchor's digest of trades is %q", signed.Digest)
	}
	t.events, t.through, t.sum = signed.Events, signed.Through, [sha256.Size]byte(sum)
	return nil
}

// readTold adds all events; before each it calls next with its offset.
func (t *toldTrades) readTold(ctx context.Context, tx pgx.Tx, next func(offset int64) error) error {
	t.through = -1
	rows, err := tx.Query(ctx, toldSQL)
	if err != nil {
		return fmt.Errorf("reading what became of trades: %w", err)
	}
	var offset int64
	var words []*string
	_, err = pgx.ForEachRow(rows, []any{&offset, &words}, func() error {
		if err := next(offset); err != nil {
			return err
		}
		t.add(offset, words)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading what became of trades: %w", err)
	}
	return nil
}

// signTrades has an anchor tell what became of trades.
func signTrades(ctx context.Context, tx pgx.Tx, a *anchor.Anchor) error {
	var told toldTrades
	if err := told.readTold(ctx, tx, func(int64) error { return nil }); err != nil {
		return err
	}
	signed := told.signed()
	a.Trades = &signed
	// A time at infinity stands for no month; that it was changed shows in the digest.
	var until *time.Time
	const latest = "select max(recorded_at) filter (where isfinite(recorded_at)) from ledger.trade_event"
	if err := tx.QueryRow(ctx, latest).Scan(&until); err != nil {
		return fmt.Errorf("reading when the last of the trades' events was recorded: %w", err)
	}
	if until != nil {
		a.TradesUntil = until.UTC()
	}
	return nil
}

// signedTrades compares what became of trades with what was signed of it, from each anchor to the next.
func signedTrades(anchors []anchor.Anchor) func(context.Context, pgx.Tx) (Check, error) {
	var wanted []*anchor.Trades
	for i := range anchors {
		if anchors[i].Trades != nil {
			wanted = append(wanted, anchors[i].Trades)
		}
	}
	return func(ctx context.Context, tx pgx.Tx) (Check, error) {
		check := Check{Name: "signed-trades", Title: "what became of trades is what was signed of it", Of: "signed events"}
		var told toldTrades
		met, first := 0, int64(0)
		compare := func(offset int64) error {
			for ; met < len(wanted) && wanted[met].Through < offset; met++ {
				signed := wanted[met]
				check.Checked = signed.Events
				if got := told.signed(); got != *signed {
					place := fmt.Sprintf("%s offsets %d to %d", streams.LedgerTrade, first, signed.Through)
					check.fail(place, "signed were %d events up to there with the digest %s, it has %d with %s", signed.Events, signed.Digest, got.Events, got.Digest)
					if err := told.goOn(signed); err != nil {
						return err
					}
				}
				first = signed.Through + 1
			}
			return nil
		}
		if err := told.readTold(ctx, tx, compare); err != nil {
			return check, err
		}
		return check, compare(math.MaxInt64)
	}
}

// signedChecks compare with what was signed of more than the chains, as far as the anchors tell of it.
func signedChecks(anchors []anchor.Anchor) (checks []func(context.Context, pgx.Tx) (Check, error)) {
	if signsOpenings(anchors) {
		checks = append(checks, signedOpenings(anchors))
	}
	if slices.ContainsFunc(anchors, func(a anchor.Anchor) bool { return a.Trades != nil }) {
		checks = append(checks, signedTrades(anchors))
	}
	return checks
}

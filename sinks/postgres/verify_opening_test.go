package postgres

import (
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

func (a *archived) tamper(t *testing.T, change string) {
	t.Helper()
	if _, err := a.super.Exec(t.Context(), unprotected(change), pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsTamperingWithAnOpening(t *testing.T) {
	for name, c := range map[string]struct {
		change string
		failed []string
	}{
		"changed balance":     {"update ledger.opening_1 set quanta = quanta + 1 where ctid = (select min(ctid) from ledger.opening_1 where pot is not null)", []string{"opening", "balances"}},
		"moved balance":       {"update ledger.opening_2 set effective_on = effective_on + 1", []string{"opening"}},
		"dropped balance":     {"delete from ledger.opening_1 where shard = 1 and pot is null", []string{"opening", "sum-zero"}},
		"added balance":       {"insert into ledger.opening_1 select * from ledger.opening_1 limit 1", []string{"opening"}},
		"changed head":        {"update ledger.opening_head set head = decode(repeat('ab', 32), 'hex') where act = 2 and shard = 0", []string{"opening", "chain"}},
		"changed number":      {"update ledger.opening_head set sequence = sequence - 1 where act = 2 and shard = 0", []string{"opening", "sequence"}},
		"dropped head":        {"delete from ledger.opening_head where act = 2 and shard = 0", []string{"opening", "sequence", "chain"}},
		"changed reason":      {"update ledger.dropped set reason = 'x' where act = 1", []string{"opening"}},
		"added trade":         {"insert into ledger.trade (code) values (gen_random_uuid()); insert into ledger.opening_trade select 1, 0, max(id) from ledger.trade", []string{"opening"}},
		"balance of no shard": {"insert into ledger.opening_1 select quanta, changed_at, effective_on, 1, 9999, account, asset, pot from ledger.opening_1 limit 1", []string{"opening-place"}},
		"trade of no shard":   {"insert into ledger.trade (code) values (gen_random_uuid()); insert into ledger.opening_trade select 1, 9999, max(id) from ledger.trade", []string{"opening-place"}},
		"order of no act":     {"insert into ledger.opening_order values (7, 0, gen_random_uuid())", []string{"opening-place"}},
		"head of no shard":    {"insert into ledger.opening_head select 1, 9999, sequence, head, recorded_at, digest from ledger.opening_head where shard = 0 and act = 1", []string{"opening-place"}},
		"dropped order":       {"delete from ledger.opening_order where shard = 2", []string{"opening"}},
		"no opening at all":   {"delete from ledger.opening_order; delete from ledger.opening; delete from ledger.opening_head; delete from ledger.dropped", []string{"sequence", "chain", "balances"}},
		"the last one gone":   {"delete from ledger.opening_order where act = 2; delete from ledger.opening_2; delete from ledger.opening_head where act = 2; delete from ledger.dropped where act = 2", []string{"sequence", "chain"}},
		"month without one":   {"drop table ledger.journal_1_2008_05, ledger.posting_1_2008_05", []string{"position"}},
		"renamed account":     {"update ledger.account set code = 'bank:mine' where code = 'bank:client-money'", []string{"opening", "chain"}},
		"a microsecond":       {"update ledger.opening_1 set changed_at = changed_at + interval '1 microsecond' where ctid = (select min(ctid) from ledger.opening_1)", []string{"opening"}},
		"half a millisecond":  {"update ledger.opening_1 set changed_at = changed_at - interval '499 microseconds' where shard = 1", []string{"opening"}},
		"head's microsecond":  {"update ledger.opening_head set recorded_at = recorded_at + interval '1 microsecond' where act = 1 and shard = 0", []string{"opening"}},
		"changed last month":  {"update ledger.dropped set last_month = last_month + 1 where act = 2", []string{"opening"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchived(t)
			a.drop(t, testMarch)
			a.drop(t, testMarch+1)
			a.tamper(t, c.change)
			report := a.verify(t)
			for _, name := range c.failed {
				if !slices.Contains(report.failed(), name) {
					t.Errorf("check %s noticed nothing; these did: %v", name, report.failed())
				}
			}
		})
	}
}

func TestVerifyFindsAMonthThatWasDroppedWithoutAnOpening(t *testing.T) {
	a := newArchived(t)
	a.drop(t, testMarch)
	a.tamper(t, "drop table ledger.journal_0_2008_04, ledger.posting_0_2008_04")
	if failed := a.verify(t).failed(); !slices.Contains(failed, "sequence") || !slices.Contains(failed, "chain") {
		t.Errorf("only these checks failed: %v", failed)
	}
}

func TestVerifyFindsAnOpeningWhereNothingWasDropped(t *testing.T) {
	a := newArchived(t)
	a.tamper(t, "insert into ledger.trade (code) values (gen_random_uuid()); insert into ledger.opening_trade select 1, 0, max(id) from ledger.trade")
	if failed := a.verify(t).failed(); !slices.Contains(failed, "opening-place") {
		t.Errorf("only these checks failed: %v", failed)
	}
}

// redigest changes an opening and has its digests fit again, as somebody would who knows how.
func (a *archived) redigest(t *testing.T, change string) {
	t.Helper()
	a.tamper(t, change)
	update := ""
	err := inSnapshot(t.Context(), a.auditor, func(tx pgx.Tx) error {
		for shard := range int32(testShards) {
			acts, err := loadOpened(t.Context(), tx, shard)
			if err != nil {
				return err
			}
			var before [32]byte
			for i := range acts {
				before = acts[i].sum(before)
				update += fmt.Sprintf("update ledger.opening_head set digest = '\\x%x' where act = %d and shard = %d;", before, acts[i].Act, shard)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a.tamper(t, update)
}

func TestAnAnchorShowsAnOpeningThatWasMadeAnew(t *testing.T) {
	a := newArchived(t)
	early := a.takeAnchor(t)
	a.drop(t, testMarch)
	a.drop(t, testMarch+1)
	anchors := []anchor.Anchor{early, a.takeAnchor(t)}
	a.goesOn(t)
	for _, options := range []VerifyOptions{{Anchors: anchors}, {Anchors: anchors, Incremental: true}, {Anchors: anchors[:1]}, {Anchors: anchors[:1], Incremental: true}} {
		if failed := a.failed(t, options); len(failed) > 0 {
			t.Errorf("with %d anchors, incremental %v: these checks failed: %v", len(options.Anchors), options.Incremental, failed)
		}
	}
	a.redigest(t, "update ledger.opening_1 set quanta = quanta + 1 where ctid = (select min(ctid) from ledger.opening_1 where pot is not null)")
	if failed := a.failed(t, VerifyOptions{Anchors: anchors}); !slices.Contains(failed, "signed-openings") || slices.Contains(failed, "opening") {
		t.Errorf("these checks failed: %v", failed)
	}
}

func TestAnAnchorOfTheOpeningsHeadIsComparedWithIt(t *testing.T) {
	a := newArchived(t)
	signed := a.takeAnchor(t)
	for shard, run := range a.exported(t, testMarch).Runs {
		signed.Heads[shard] = anchor.Head{Shard: int32(shard), Sequence: run.Through, Hash: fmt.Sprintf("%x", run.Head)}
	}
	signed.CompleteThrough = (testMarch + 1).Begin().Time()
	a.drop(t, testMarch)
	if failed := a.failed(t, VerifyOptions{Anchors: []anchor.Anchor{signed}}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
	signed.Heads[1].Hash = fmt.Sprintf("%064x", 1)
	if failed := a.failed(t, VerifyOptions{Anchors: []anchor.Anchor{signed}}); !slices.Equal(failed, []string{"anchors"}) {
		t.Errorf("with another head signed, these checks failed: %v", failed)
	}
}

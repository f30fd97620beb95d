package postgres

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/sinks/postgres/anchor"
)

// nextStage is what the first stage of a change to come may be: columns in every table that this binary writes, and a table. In tables of journals and postings
// a new column may be missing: those of months that are yet to come take no defaults from their parent.
func nextStage() []string {
	statements := []string{
		"create table ledger.next (id bigint primary key)",
		"insert into ledger.migration (version_id, is_applied) select max(version_id) + 1, true from ledger.migration",
		"alter table ledger.journal add column next_text text, add column next_number bigint",
		"alter table ledger.posting add column next_text text, add column next_number bigint",
	}
	for _, table := range []string{
		"trade_event", "trade_part", "position", "progress", "asset", "account", "topic", "rules", "source", "trade", "move", "system",
	} {
		statements = append(statements, "alter table ledger."+table+" add column next_text text, add column next_number bigint not null default 7")
	}
	return statements
}

// TestThisBinaryGoesOnWithTheSchemaOfTheNext is going back after the next binary has migrated: this one starts, books into months that there are and new ones, and
// reads and verifies all of it.
func TestThisBinaryGoesOnWithTheSchemaOfTheNext(t *testing.T) {
	h := newHistory(t)
	h.goesOn(t)
	for _, statement := range nextStage() {
		if _, err := h.super.Exec(t.Context(), "set role penstock_owner; "+statement+"; reset role"); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := Migrate(t.Context(), h.url); err != nil {
		t.Fatal(err)
	}
	opened, err := OpenLedger(t.Context(), openTestPool(t, h.url, RoleSink), LedgerOptions{Shards: testShards, Cluster: "test"})
	if err != nil {
		t.Fatal(err)
	}
	h.Ledger = opened
	for shard := range h.at {
		h.at[shard] = h.claim(t, int32(shard))
	}
	for range 2 { // the first goes on in the month that there is
		h.goesOn(t)
		for _, chain := range h.chains {
			chain.at += schemas.Instant(31 * 24 * time.Hour / time.Millisecond)
		}
	}
	h.mustBookTrade(t, h.chains[0].at)
	report := h.verifyWith(t, VerifyOptions{Anchors: []anchor.Anchor{h.takeAnchor(t)}})
	if failed := without(report.failed(), []string{"not-negative-effective"}); len(failed) > 0 { // the history does not look on which days it spends
		t.Errorf("these checks failed: %v", failed)
	}
	recorded := h.complete() - 1
	effective := schemas.Date(int64(recorded) / (24 * time.Hour.Milliseconds()))
	want, got := h.fold(effective, recorded), h.stored(t, BalanceFilter{ByPot: true}, AsOf{EffectiveOn: &effective, RecordedAt: &recorded})
	if !maps.Equal(want, got) || len(want) == 0 {
		t.Errorf("balances are %v, want %v", got, want)
	}
	last := &h.journals[len(h.journals)-1]
	trace, err := FindTrace(t.Context(), h.auditor, fmt.Sprintf("%d/%d", last.Shard, last.Sequence))
	if err != nil || len(trace.Journals) != 1 || trace.Journals[0].ID != last.ID {
		t.Errorf("the last journal is traced to %+v, %v", trace, err)
	}
	if months := count(t, h.super, "select count(distinct month) from ledger.journal"); months < 2 {
		t.Errorf("all was booked in %d month", months)
	}
}

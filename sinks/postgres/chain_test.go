package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/postgres/pgtest"
	"github.com/penstock-ledger/penstock/streams"
)

const (
	testShards    = 3
	testCustodian = "CREST"
	testAsset     = schemas.AssetCode("GB00A")
	testScale     = 4
)

// testChain writes the journals of one shard as the pot processor would: numbered, chained, with running balances.
type testChain struct {
	shard    int32
	sequence int64
	head     [32]byte
	at       schemas.Instant
	offset   int64
	balances map[[3]string]schemas.Quantity
}

func newTestChain(shard int32) *testChain {
	start := schemas.InstantOf(time.Date(2008, time.March, 20, 9, 0, 0, 0, time.UTC))
	return &testChain{shard: shard, at: start, balances: map[[3]string]schemas.Quantity{}}
}

// testMove is a posting before it has its leg and its balances; cash is in pence, units in quanta of testScale.
type testMove struct {
	stage        string
	asset        schemas.AssetCode
	quanta       int64
	from, to     schemas.Account
	order, trade *schemas.ID
}

func (c *testChain) journal(pot, cause string, moves ...testMove) ledger.Journal {
	c.at += 250
	c.offset += 3
	journal := ledger.Journal{
		ID: schemas.DeriveID("test", pot, cause, fmt.Sprint(c.shard)), Shard: c.shard, Source: "portal", Cause: cause,
		RecordedAt: c.at, Topic: streams.IngestInstruction, Partition: c.shard, Offset: c.offset, Rules: "1",
	}
	if pot != "" {
		id := schemas.PotID(pot)
		journal.Pot = &id
	}
	for i, m := range moves {
		scale := testScale
		if m.asset == schemas.Cash {
			scale = schemas.MoneyScale
		}
		quantity, err := schemas.QuantityOf(m.quanta, scale)
		if err != nil {
			panic(err)
		}
		// The chain covers the link of a posting that negates another: what the ledger gives back must have it.
		var reverses *schemas.ID
		if m.stage == "returned" {
			reverses = testID("reversed")
		}
		journal.Postings = append(journal.Postings, ledger.Posting{
			Leg: int32(i + 1), Stage: m.stage, Asset: m.asset, Scale: int32(scale), Quantity: quantity, From: m.from, To: m.to,
			EffectiveOn: schemas.Date(int64(c.at) / (24 * 3600 * 1000)), Order: m.order, Trade: m.trade, Reverses: reverses,
			FromBalance: c.move(pot, m.asset, m.from, -quantity), ToBalance: c.move(pot, m.asset, m.to, quantity),
		})
	}
	c.sequence++
	c.head = journal.Link(c.sequence, c.head)
	return journal
}

func (c *testChain) move(pot string, asset schemas.AssetCode, account schemas.Account, change schemas.Quantity) *schemas.Quantity {
	if !ledger.IsPotAccount(account) {
		return nil
	}
	key := [3]string{pot, string(asset), string(account)}
	c.balances[key] += change
	balance := c.balances[key]
	return &balance
}

func testID(name string) *schemas.ID {
	id := schemas.DeriveID("test", name)
	return &id
}

// buy writes the life of one buy in a pot: contributed and reserved, priced with a penny given back, settled.
func (c *testChain) buy(pot, cause string, pence, units int64) []ledger.Journal {
	order, trade := testID(pot+cause), testID("trade")
	owed := testMove{"priced", testAsset, units, ledger.UnitsOwed(testCustodian), ledger.PotPending, order, trade}
	return []ledger.Journal{
		c.journal(pot, cause,
			testMove{"contributed", schemas.Cash, pence, ledger.BankClientMoney, ledger.PotAvailable, nil, nil},
			testMove{"reserved", schemas.Cash, pence, ledger.PotAvailable, ledger.PotReserved, order, nil}),
		c.journal(pot, cause+"-priced",
			testMove{"priced", schemas.Cash, pence - 1, ledger.PotReserved, ledger.CashOwed(testCustodian), order, trade},
			owed,
			testMove{"returned", schemas.Cash, 1, ledger.PotReserved, ledger.PotAvailable, order, trade}),
		c.journal(pot, cause+"-settled",
			testMove{"settled", testAsset, units, ledger.PotPending, ledger.PotSettled, order, trade}),
	}
}

// correct negates what buy has booked of a trade, and books other units for the same cash.
func (c *testChain) correct(pot, cause string, pence, units, right int64) ledger.Journal {
	order, trade := testID(pot+cause), testID("trade")
	cashOwed, unitsOwed := ledger.CashOwed(testCustodian), ledger.UnitsOwed(testCustodian)
	return c.journal(pot, cause+"-corrected",
		testMove{"reversed", testAsset, units, ledger.PotSettled, ledger.PotPending, order, trade},
		testMove{"reversed", testAsset, units, ledger.PotPending, unitsOwed, order, trade},
		testMove{"reversed", schemas.Cash, pence - 1, cashOwed, ledger.PotReserved, order, trade},
		testMove{"priced", schemas.Cash, pence - 1, ledger.PotReserved, cashOwed, order, trade},
		testMove{"priced", testAsset, right, unitsOwed, ledger.PotPending, order, trade},
		testMove{"settled", testAsset, right, ledger.PotPending, ledger.PotSettled, order, trade})
}

// close writes the outside leg of a trade.
func (c *testChain) close(cause string, pence, units int64) ledger.Journal {
	trade := testID("trade")
	return c.journal("", cause,
		testMove{"rounded", testAsset, 1, ledger.UnitsOwed(testCustodian), ledger.SchemeRounding, nil, trade},
		testMove{"settled", schemas.Cash, pence, ledger.CashOwed(testCustodian), ledger.BankClientMoney, nil, trade},
		testMove{"settled", testAsset, units, ledger.UnitsSettled(testCustodian), ledger.UnitsOwed(testCustodian), nil, trade})
}

// life writes several pots' buys, one after the other, and their close.
func (c *testChain) life(random *rand.Rand, pots int) []ledger.Journal {
	var journals []ledger.Journal
	for i := range pots {
		pot := fmt.Sprintf("p-%d-%04d", c.shard, i)
		journals = append(journals, c.buy(pot, fmt.Sprintf("i-%d", c.sequence), 1000+random.Int64N(100_000), 1+random.Int64N(1_000_000))...)
	}
	return append(journals, c.close(fmt.Sprintf("close-%d", c.sequence), 5000, 7000))
}

// testLedger is a migrated and founded ledger in a database of its own.
type testLedger struct {
	*Ledger
	url            string
	super, auditor *pgxpool.Pool
}

func openTestLedger(t testing.TB) *testLedger {
	t.Helper()
	return openTestLedgerAt(t, pgtest.Start(t))
}

func openTestLedgerAt(t testing.TB, url string) *testLedger {
	t.Helper()
	ctx := context.Background()
	if err := Migrate(ctx, url); err != nil {
		t.Fatal(err)
	}
	test := &testLedger{url: url, super: openTestPool(t, url, "postgres"), auditor: openTestPool(t, url, RoleAuditor)}
	opened, err := OpenLedger(ctx, openTestPool(t, url, RoleSink), LedgerOptions{Shards: testShards, Cluster: "test", Process: t.Name()})
	if err != nil {
		t.Fatal(err)
	}
	test.Ledger = opened
	return test
}

func openTestPool(t testing.TB, url string, role Role) *pgxpool.Pool {
	t.Helper()
	pool, err := OpenPool(context.Background(), url, role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func (l *testLedger) claim(t testing.TB, shard int32) Position {
	t.Helper()
	position, err := l.Claim(context.Background(), shard)
	if err != nil {
		t.Fatal(err)
	}
	return position
}

// mustBook books journals as if they were the next records of their topic.
func (l *testLedger) mustBook(t testing.TB, at Position, journals ...ledger.Journal) Position {
	t.Helper()
	next, err := l.Book(context.Background(), at, Batch{Journals: journals, JournalOffset: at.JournalOffset + int64(len(journals))})
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func count(t testing.TB, pool *pgxpool.Pool, query string, arguments ...any) int64 {
	t.Helper()
	var n int64
	if err := pool.QueryRow(context.Background(), query, arguments...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// split writes one member's month: a contribution split over three funds, priced, settled.
func (c *testChain) split(random *rand.Rand) []ledger.Journal {
	pot, cause := "", fmt.Sprintf("contribution-2008-03-%d", c.sequence)
	for pot == "" || streams.PartitionOf(pot, testShards) != c.shard {
		pot = fmt.Sprintf("p-%08d", random.Int64N(5_000_000))
	}
	contributed := []testMove{{"contributed", schemas.Cash, 30_000, ledger.BankClientMoney, ledger.PotAvailable, nil, nil}}
	var priced, settled []testMove
	for fund := range 3 {
		order, trade := testID(fmt.Sprint(pot, cause, fund)), testID(fmt.Sprint("trade", fund))
		asset, units := schemas.AssetCode(fmt.Sprint("FUND", fund)), 1+random.Int64N(1_000_000)
		contributed = append(contributed, testMove{"reserved", schemas.Cash, 10_000, ledger.PotAvailable, ledger.PotReserved, order, nil})
		priced = append(priced,
			testMove{"priced", schemas.Cash, 9_990, ledger.PotReserved, ledger.CashOwed(testCustodian), order, trade},
			testMove{"priced", asset, units, ledger.UnitsOwed(testCustodian), ledger.PotPending, order, trade},
			// Not returned, to which a chain of tests gives a link that costs bytes: in a member's month nothing is reversed.
			testMove{"left", schemas.Cash, 10, ledger.PotReserved, ledger.PotAvailable, order, trade})
		settled = append(settled, testMove{"settled", asset, units, ledger.PotPending, ledger.PotSettled, order, trade})
	}
	return []ledger.Journal{
		c.journal(pot, cause, contributed...), c.journal(pot, cause+"-priced", priced...), c.journal(pot, cause+"-settled", settled...),
	}
}

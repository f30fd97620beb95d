package postgres

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// dealt is a trade of the test: its orders' cash by the pots of a shard, and when it was dealt and paid.
type dealt struct {
	name       string
	side       ledger.TradeSide
	pence      int64
	day, paid  int // of March 2008; those after the 31st are days of April
	correction int64
}

func inMarch(day int, hour int) schemas.Instant {
	return schemas.InstantOf(time.Date(2008, time.March, day, hour, 0, 0, 0, time.UTC))
}

// clientMoneyCase is what happened to the money of two members, in two shards: contributions and suspense, buys and sells that settle days later, one
// of them corrected, a payment out, income, a charge.
func clientMoneyCase() []dealt {
	return []dealt{
		{"buy-1", ledger.TradeSideBuy, 60_00, 20, 25, 0},
		{"buy-2", ledger.TradeSideBuy, 25_00, 28, 33, 0},
		{"sell-1", ledger.TradeSideSell, 20_00, 26, 31, 21_00},
		{"sell-2", ledger.TradeSideSell, 9_00, 31, 36, 0},
	}
}

// journalsOf are the journals of a trade in a chain, in their days: dealt, paid and corrected.
func (d *dealt) journalsOf(c *testChain, pot string) map[int]func() ledger.Journal {
	owed, trade := ledger.CashOwed(testCustodian), testID(d.name)
	move := func(stage string, pence int64, from, to schemas.Account) testMove {
		return testMove{stage, schemas.Cash, pence, from, to, nil, trade}
	}
	from, to, pays := ledger.PotReserved, owed, []testMove{move("settled", d.pence, owed, ledger.BankClientMoney)}
	if d.side == ledger.TradeSideSell {
		from, to = owed, ledger.PotPending
		got := d.pence
		if d.correction > 0 {
			got = d.correction
		}
		pays = []testMove{move("settled", got, ledger.BankClientMoney, owed), move("settled", got, ledger.PotPending, ledger.PotAvailable)}
	}
	all := map[int]func() ledger.Journal{
		d.day: func() ledger.Journal { return c.journal(pot, d.name, move("priced", d.pence, from, to)) },
		d.paid: func() ledger.Journal {
			return c.journal(pot, d.name+"-paid", pays...)
		},
	}
	if d.correction > 0 {
		all[d.day+1] = func() ledger.Journal {
			j := c.journal(pot, d.name+"-corrected", move("corrected", d.pence, to, from), move("priced", d.correction, from, to))
			for i := range j.Postings {
				j.Postings[i].EffectiveOn-- // it counts for the day of the trade
			}
			c.head = j.Link(j.Sequence, j.Previous)
			return j
		}
	}
	return all
}

// bookClientMoney books all of it, and the events of the trades.
func bookClientMoney(t *testing.T, a *archived) {
	t.Helper()
	plain := func(stage string, pence int64, from, to schemas.Account) testMove {
		return testMove{stage, schemas.Cash, pence, from, to, nil, nil}
	}
	owed := ledger.CashOwed(testCustodian)
	others := map[int][]testMove{
		18: {plain("contributed", 200_00, ledger.BankClientMoney, ledger.PotAvailable), plain("reserved", 85_00, ledger.PotAvailable, ledger.PotReserved)},
		21: {plain("received", 11_00, ledger.BankClientMoney, ledger.SchemeSuspense)},
		24: {plain("distributed", 3_00, owed, ledger.PotAvailable)}, 25: {plain("distributed", 3_00, ledger.BankClientMoney, owed)},
		27: {plain("charged", 1_00, ledger.PotAvailable, ledger.SchemeCharges), plain("withdrawn", 30_00, ledger.PotAvailable, ledger.PotPayable)},
		29: {plain("sent", 30_00, ledger.PotPayable, ledger.BankInTransit)},
		34: {plain("paid", 30_00, ledger.BankInTransit, ledger.BankClientMoney)},
	}
	trades := clientMoneyCase()
	for day := 18; day <= 36; day++ {
		for shard := range int32(2) {
			chain, pot := a.chains[shard], potIn(shard, 0)
			chain.at = inMarch(day, 9)
			var journals []ledger.Journal
			if moves := others[day]; moves != nil {
				journals = append(journals, chain.journal(pot, fmt.Sprint("day-", day), moves...))
			}
			for i := range trades {
				if journal := trades[i].journalsOf(chain, pot)[day]; journal != nil {
					chain.at = inMarch(day, 10+i)
					journals = append(journals, journal())
				}
			}
			if len(journals) > 0 {
				a.journals = append(a.journals, journals...)
				a.at[shard] = a.mustBook(t, a.at[shard], journals...)
			}
		}
	}
	for shard, at := range a.at {
		progress := &ledger.Progress{Shard: int32(shard), Sequence: at.Sequence, RecordedBefore: (testMarch + 2).Begin()} //nolint:gosec // a few
		next, err := a.Book(t.Context(), at, Batch{Progress: progress, ProgressOffset: at.ProgressOffset + 1})
		if err != nil {
			t.Fatal(err)
		}
		a.at[shard] = next
	}
	at, err := a.ClaimTrades(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	events := tradeEventsOf(trades)
	if _, err := a.BookTrades(t.Context(), at, events, int64(len(events))); err != nil {
		t.Fatal(err)
	}
}

// tradeEventsOf tells of the trades, each of which has orders of two shards.
func tradeEventsOf(trades []dealt) (events []TradeEvent) {
	for i := range trades {
		d := &trades[i]
		paid := dayOf(d.paid)
		for _, name := range []string{"priced", "corrected", "settled"} {
			e := ledger.Trade{
				ID: *testID(d.name + name), Trade: *testID(d.name), Event: name, RecordedAt: inMarch(d.day, 9), Day: dayOf(d.day), Custodian: testCustodian, Asset: testAsset,
				UnitsScale: testScale, Side: d.side, Ordered: 150_000_000, Orders: 2, SettlesOn: paid, Cash: schemas.Quantity(2 * d.pence * 10_000), Piece: 1,
			}
			switch name {
			case "corrected":
				if d.correction == 0 {
					continue
				}
				e.Cash, e.RecordedAt = schemas.Quantity(2*d.correction*10_000), inMarch(d.day+1, 9)
			case "settled":
				e.SettledOn, e.RecordedAt, e.Piece = &paid, inMarch(d.paid, 9), 0
				if d.correction > 0 {
					e.Cash = schemas.Quantity(2 * d.correction * 10_000)
				}
			}
			events = append(events, TradeEvent{e, int64(len(events))})
		}
	}
	return events
}

func dayOf(day int) schemas.Date {
	return schemas.DateOf(time.Date(2008, time.March, day, 0, 0, 0, 0, time.UTC).Date())
}

// clientMoneyOf works the columns out for the end of a day, from the journals in memory alone.
func (h *history) clientMoneyOf(day schemas.Date, recorded schemas.Instant) string {
	sums, owed, other := map[schemas.Account]schemas.Quantity{}, map[schemas.ID]schemas.Quantity{}, schemas.Quantity(0)
	for i := range h.journals {
		for k := range h.journals[i].Postings {
			p := &h.journals[i].Postings[k]
			if p.Asset != schemas.Cash || p.EffectiveOn > day || h.journals[i].RecordedAt > recorded {
				continue
			}
			for account, change := range map[schemas.Account]schemas.Quantity{p.From: -p.Quantity, p.To: p.Quantity} {
				switch {
				case !ledger.IsCashOwed(account):
					sums[account] += change
				case p.Trade != nil:
					owed[*p.Trade] += change
				default:
					other += change
				}
			}
		}
	}
	bought, owedToUs := schemas.Quantity(0), -other
	for _, left := range owed {
		bought += max(left, 0)
		owedToUs -= min(left, 0)
	}
	requirement := sums[ledger.PotAvailable] + sums[ledger.PotReserved] + sums[ledger.PotPayable] + sums[ledger.SchemeSuspense] + sums[ledger.BankInTransit] + bought
	bank, scheme := -sums[ledger.BankClientMoney], sums[ledger.SchemeCharges]+sums[ledger.SchemeRounding]+sums[ledger.SchemeCompensation]
	words := []string{day.String()}
	for _, amount := range []schemas.Quantity{
		sums[ledger.PotAvailable], sums[ledger.PotReserved], sums[ledger.PotPayable], sums[ledger.SchemeSuspense], sums[ledger.BankInTransit], bought,
		requirement, bank, bank - requirement, sums[ledger.PotPending], scheme, owedToUs,
	} {
		words = append(words, strings.TrimSuffix(amount.String(), "0000"))
	}
	return "(" + strings.Join(words, ",") + ")"
}

// clientMoney asks the ledger.
func (a *archived) clientMoney(t *testing.T, asked string) []string {
	t.Helper()
	var rows []string
	if err := a.auditor.QueryRow(t.Context(), "select coalesce(array_agg(m::text order by m.day), '{}') from report.client_money_as_of("+asked+") m").Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestClientMoneyIsWhatTheJournalsComeTo(t *testing.T) {
	a := openArchived(t)
	bookClientMoney(t, a)
	for _, recorded := range []schemas.Instant{inMarch(20, 23), inMarch(26, 23), inMarch(27, 23), inMarch(33, 12), inMarch(40, 0)} {
		rows := a.clientMoney(t, "recorded => '"+recorded.String()+"'")
		if len(rows) == 0 {
			t.Errorf("at %s there is nothing", recorded)
		}
		for _, row := range rows {
			day, err := schemas.ParseDate(row[1:11])
			if err != nil {
				t.Fatal(err)
			}
			if want := a.clientMoneyOf(day, recorded); row != want {
				t.Errorf("as of %s the row is\n%s, want\n%s", recorded, row, want)
			}
		}
	}
	all := a.clientMoney(t, "")
	if len(all) != 13 {
		t.Errorf("there are %d days: %v", len(all), all)
	}
	var view string
	if err := a.auditor.QueryRow(t.Context(), "select string_agg(m::text, ' ' order by day) from report.client_money m").Scan(&view); err != nil || view != strings.Join(all, " ") {
		t.Errorf("the view says %s, %v", view, err)
	}
	some := a.clientMoney(t, "first_day => '2008-03-23', last_day => '2008-03-27'")
	want := []string{strings.Replace(a.clientMoneyOf(dayOf(23), inMarch(40, 0)), "03-22", "03-23", 1)}
	for day := 24; day <= 27; day++ {
		want = append(want, a.clientMoneyOf(dayOf(day), inMarch(40, 0)))
	}
	if !slices.Equal(some, want) {
		t.Errorf("of some days there is\n%s, want\n%s", strings.Join(some, "\n"), strings.Join(want, "\n"))
	}
}

// A buy of a dropped month that settles later costs until then what its custodian has confirmed.
func TestClientMoneyStaysWhenMonthsAreDropped(t *testing.T) {
	a := openArchived(t)
	bookClientMoney(t, a)
	before := a.clientMoney(t, "first_day => '2008-03-31'")
	a.drop(t, testMarch)
	if after := a.clientMoney(t, ""); !slices.Equal(after, before) || len(after) < 4 {
		t.Errorf("it was\n%s\nand is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	for asked, want := range map[string]string{
		"first_day => '2008-03-30'": "2008-03 to 2008-03 are in archive ledger-2008-03", "recorded => '2008-03-30 00:00Z'": "2008-03 to 2008-03 are in archive ledger-2008-03",
		"last_day => '2008-03-20'":                            "2008-03 to 2008-03 are in archive ledger-2008-03",
		"recorded => '2030-01-01 00:00Z'":                     "complete only before",
		"first_day => '2008-04-02', last_day => '2008-04-01'": "lies before the first",
	} {
		if _, err := a.auditor.Exec(t.Context(), "select * from report.client_money_as_of("+asked+")"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", asked, err, want)
		}
	}
}

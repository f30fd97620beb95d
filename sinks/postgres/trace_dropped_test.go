package postgres

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

func TestWhatWasDroppedIsTracedToItsArchive(t *testing.T) {
	a := newArchived(t)
	find := func(id string) (*Trace, error) { return FindTrace(t.Context(), a.auditor, id) }
	old, recent := &a.journals[0], &a.journals[len(a.journals)-1]
	a.drop(t, testMarch)
	a.drop(t, testMarch+1)
	if _, err := find(fmt.Sprintf("%d/%d", old.Shard, old.Sequence)); !errors.Is(err, ErrDropped) || !strings.Contains(err.Error(), "2008-03 in archive ledger-2008-03") {
		t.Errorf("the place of a journal: %v", err)
	}
	for _, id := range []string{old.ID.String(), old.Postings[1].Order.String(), "portal/" + string(*old.Pot) + "/" + old.Cause, "nothing"} {
		if _, err := find(id); !errors.Is(err, ErrNothingTraced) || !strings.Contains(err.Error(), "2008-03 in archive ledger-2008-03, 2008-04 in archive ledger-2008-04") {
			t.Errorf("%s: %v", id, err)
		}
	}
	if trace, err := find(recent.ID.String()); err != nil || len(trace.Dropped) != 0 {
		t.Errorf("a journal that is there: %+v, %v", trace, err)
	}
	// An order that had reserved in March and is dealt now.
	pot := string(*old.Pot)
	chain := a.chains[old.Shard]
	priced := chain.journal(pot, "late", testMove{"priced", schemas.Cash, 1, ledger.PotReserved, ledger.CashOwed(testCustodian), old.Postings[1].Order, testID("trade")})
	a.at[old.Shard] = a.mustBook(t, a.at[old.Shard], priced)
	if trace, err := find(old.Postings[1].Order.String()); err != nil || len(trace.Journals) != 1 || len(trace.Dropped) != 1 || trace.Dropped[0].Archive != "ledger-2008-03" {
		t.Errorf("an order that began there: %+v, %v", trace, err)
	}
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
}

// wantDropped traces an order and compares the archives that the trace names.
func (a *archived) wantDropped(t *testing.T, id schemas.ID, archives ...string) {
	t.Helper()
	trace, err := FindTrace(t.Context(), a.auditor, id.String())
	if err != nil {
		t.Errorf("%s: %v", id, err)
		return
	}
	var named []string
	for i := range trace.Dropped {
		named = append(named, trace.Dropped[i].Archive)
	}
	if !slices.Equal(named, archives) {
		t.Errorf("the trace of %s names %v, want %v", id, named, archives)
	}
}

// TestATraceOfARestNamesTheArchivesOfItsFirstOrder has an order that reserves in March. Its rest is dealt in April, and the rest of that in May; nothing but their ids tells that they belong together.
func TestATraceOfARestNamesTheArchivesOfItsFirstOrder(t *testing.T) {
	a := openArchived(t)
	pot, first, recent := potIn(1, 7), testID("first"), testID("recent")
	rest := schemas.RestOf(*first)
	second := schemas.RestOf(rest)
	reserved := func(cause string, order *schemas.ID) func(*testChain) ledger.Journal {
		return func(c *testChain) ledger.Journal {
			return c.journal(pot, cause, testMove{"contributed", schemas.Cash, 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil},
				testMove{"reserved", schemas.Cash, 100, ledger.PotAvailable, ledger.PotReserved, order, nil})
		}
	}
	priced := func(cause string, quantity int64, order *schemas.ID) func(*testChain) ledger.Journal {
		return func(c *testChain) ledger.Journal {
			return c.journal(pot, cause, testMove{"priced", schemas.Cash, quantity, ledger.PotReserved, ledger.CashOwed(testCustodian), order, testID(cause)})
		}
	}
	a.lives(t, time.March, reserved("i1", first))
	a.lives(t, time.April, priced("f1", 40, &rest))
	a.lives(t, time.May, priced("f2", 20, &second), reserved("i2", recent), priced("f3", 10, recent))
	a.wantDropped(t, second)
	a.drop(t, testMarch)
	a.wantDropped(t, rest, "ledger-2008-03")
	a.drop(t, testMarch+1)
	a.wantDropped(t, second, "ledger-2008-03", "ledger-2008-04")
	a.wantDropped(t, *recent)
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
}

// TestATraceOfAPaymentNamesTheArchivesOfItsSteps has a payment that is decided in March, sent in April, and comes back in May.
func TestATraceOfAPaymentNamesTheArchivesOfItsSteps(t *testing.T) {
	a := openArchived(t)
	payment := testID("payment")
	step := func(stage string, moves ...testMove) func(*testChain) ledger.Journal {
		return func(c *testChain) ledger.Journal { return c.journal(potIn(1, 7), stage, moves...) }
	}
	cash := func(stage string, from, to schemas.Account) testMove {
		return testMove{stage, schemas.Cash, 30, from, to, payment, nil}
	}
	a.lives(t, time.March, step("withdrawn", testMove{"contributed", schemas.Cash, 100, ledger.BankClientMoney, ledger.PotAvailable, nil, nil},
		cash("withdrawn", ledger.PotAvailable, ledger.PotPayable)))
	a.lives(t, time.April, step("sent", cash("sent", ledger.PotPayable, ledger.BankInTransit)))
	a.lives(t, time.May, step("bounced", cash("bounced", ledger.BankInTransit, ledger.PotPayable), cash("bounced", ledger.PotPayable, ledger.PotAvailable)))
	plan := a.drop(t, testMarch)
	a.wantDropped(t, *payment, "ledger-2008-03")
	a.drop(t, testMarch+1)
	a.wantDropped(t, *payment, "ledger-2008-03", "ledger-2008-04")
	if plan.Payments != 1 {
		t.Errorf("of March %d payments are counted", plan.Payments)
	}
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
}

// TestATraceOfADeliveryNamesTheArchivesOfItsSteps has units in specie that are announced in March and come in May.
func TestATraceOfADeliveryNamesTheArchivesOfItsSteps(t *testing.T) {
	a := openArchived(t)
	delivery := testID("delivery")
	step := func(stage string, from, to schemas.Account) func(*testChain) ledger.Journal {
		return func(c *testChain) ledger.Journal {
			return c.journal(potIn(1, 7), stage, testMove{stage, testAsset, 30, from, to, delivery, nil})
		}
	}
	a.lives(t, time.March, step("announced", ledger.UnitsOwed(testCustodian), ledger.PotPending))
	a.lives(t, time.April)
	a.lives(t, time.May, step("delivered", ledger.PotPending, ledger.PotSettled))
	plan := a.drop(t, testMarch)
	a.wantDropped(t, *delivery, "ledger-2008-03")
	if plan.Deliveries != 1 || plan.Payments != 0 {
		t.Errorf("of March %d deliveries and %d payments are counted", plan.Deliveries, plan.Payments)
	}
	if failed := a.failed(t, VerifyOptions{}); len(failed) > 0 {
		t.Errorf("these checks failed: %v", failed)
	}
}

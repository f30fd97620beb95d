package invariants

import (
	"math/big"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// daysOfCharge are the days of the year by which an annual charge is divided.
const daysOfCharge = 365

// annual is a pot's annual charge while its journals are followed.
type annual struct {
	// times counts what was taken by each row of the reference data, taken adds up all that was ever taken from cash.
	times map[operated]int
	taken schemas.Quantity
	// has is what is in its accounts, most the most that it ever had of an asset, in all of them.
	has, most map[schemas.AssetCode]schemas.Quantity
}

// scheduling is the judgement of annual charges.
type scheduling struct {
	*facts
	almanac  *almanac
	rows     map[operated]*reference.AnnualCharge
	declared map[operated]bool
	pots     map[schemas.PotID]*annual
}

// checkScheduled leads what is taken by the calendar back to a row of the reference data, counts that row's days of collection, and compares all that was ever taken of
// a pot with the most that can have accrued: at the highest rates that rows and operators named for each day, on the most that the pot ever was worth.
func (f *facts) checkScheduled() *finding {
	c := &finding{number: 28, name: "the annual charge is taken once on a day of collection that reference data name, and never more than can have accrued"}
	s := &scheduling{f, newAlmanac(f.Reference), make(map[operated]*reference.AnnualCharge), make(map[operated]bool), make(map[schemas.PotID]*annual)}
	for i := range f.Charges {
		s.rows[operated{f.Charges[i].Partition, f.Charges[i].Offset}] = f.Charges[i].AnnualCharge
	}
	for i := range f.Operations {
		if _, collects := f.Operations[i].Body.(*ingest.ChargeCollection); collects {
			s.declared[operated{f.Operations[i].Partition, f.Operations[i].Offset}] = true
		}
	}
	taken := 0
	for shard := range f.Shards {
		for _, j := range f.shards[shard] {
			if j.Pot == nil {
				continue
			}
			s.book(j)
			if amount := chargedBy(j); amount > 0 && s.judge(c, j, amount) {
				taken++
			}
		}
	}
	return c.on(taken, "charges").on(len(f.Charges), "rows")
}

// judge says whether the journal takes an annual charge, and judges it.
func (s *scheduling) judge(c *finding, j *ledger.Journal, amount schemas.Quantity) bool {
	at, pot := operated{j.Partition, j.Offset}, s.pots[*j.Pot]
	switch {
	case j.Topic == streams.IngestReference:
		row, today := s.rows[at], s.almanac.dateOf(j.RecordedAt)
		if row == nil {
			c.fail("journal %s takes a charge of %s by what is no row of an annual charge", j.ID, amount)
			return true
		}
		if pot.times[at]++; pot.times[at] > s.almanac.collections(row, today) {
			c.fail("journal %s takes a charge of pot %s on %s, which had %d days for it since %s", j.ID, *j.Pot, today, s.almanac.collections(row, today), row.EffectiveFrom)
		}
	case j.Topic != streams.IngestOperator || !s.declared[at]:
		return false
	}
	pot.taken += amount
	if most := s.accruedMost(pot, j.RecordedAt); pot.taken > most {
		c.fail("journal %s makes all charges of pot %s %s; no more than %s can have accrued", j.ID, *j.Pot, pot.taken, most)
	}
	return true
}

// book notes the most that the pot ever had of each asset, but for what is about to be paid out.
func (s *scheduling) book(j *ledger.Journal) {
	pot := s.pots[*j.Pot]
	if pot == nil {
		pot = &annual{times: make(map[operated]int), has: make(map[schemas.AssetCode]schemas.Quantity), most: make(map[schemas.AssetCode]schemas.Quantity)}
		s.pots[*j.Pot] = pot
	}
	for i := range j.Postings {
		p := &j.Postings[i]
		if isPots(p.From) {
			pot.has[p.Asset] -= p.Quantity
		}
		if isPots(p.To) {
			pot.has[p.Asset] += p.Quantity
		}
		pot.most[p.Asset] = max(pot.most[p.Asset], pot.has[p.Asset])
	}
}

// isPots says whether an account counts to what a pot is worth.
func isPots(account schemas.Account) bool {
	return strings.HasPrefix(string(account), "pot:") && account != ledger.PotPayable
}

// accruedMost is what may have accrued by the time if the pot was always worth as much as it ever was.
func (s *scheduling) accruedMost(pot *annual, at schemas.Instant) schemas.Quantity {
	worth := pot.most[schemas.Cash]
	for asset, units := range pot.most {
		if asset != schemas.Cash {
			worth += (&charging{facts: s.facts}).atMost(asset, units, at)
		}
	}
	rates := int64(0)
	for day, last := s.firstCharged(), s.almanac.dateOf(at); day <= last; day++ {
		rates += int64(s.rateMost(day))
	}
	most := new(big.Int).Mul(big.NewInt(int64(worth)), big.NewInt(rates))
	return schemas.Quantity(most.Quo(most, big.NewInt(daysOfCharge*int64(schemas.WeightOne))).Int64())
}

// firstCharged is the first day for which a charge can have accrued.
func (s *scheduling) firstCharged() schemas.Date {
	var first schemas.Date
	note := func(day schemas.Date) {
		if first == 0 || day < first {
			first = day
		}
	}
	for _, row := range s.rows {
		note(row.EffectiveFrom)
	}
	for i := range s.Operations {
		if a, accrues := s.Operations[i].Body.(*ingest.ChargeAccrual); accrues {
			note(a.From)
		}
	}
	return first
}

// rateMost is the highest rate that rows, in force or not, and operators name for the day.
func (s *scheduling) rateMost(day schemas.Date) schemas.Weight {
	var most schemas.Weight
	for _, row := range s.rows {
		if row.EffectiveFrom <= day {
			most = max(most, row.Rate)
		}
	}
	for i := range s.Operations {
		if a, accrues := s.Operations[i].Body.(*ingest.ChargeAccrual); accrues && a.From <= day && day <= a.Through {
			most = max(most, a.Rate)
		}
	}
	return most
}

// dateOf is the date on the platform's clocks.
func (a *almanac) dateOf(at schemas.Instant) schemas.Date {
	date := schemas.Date(at.Time().Unix() / (24 * 60 * 60)) //nolint:gosec // days fit
	s := a.setting(date)
	if s == nil {
		return date
	}
	zone := a.zones[s.Zone]
	if zone == nil {
		return date
	}
	local := at.Time().In(zone)
	return schemas.DateOf(local.Year(), local.Month(), local.Day())
}

// collections counts the days of collection that a row names, through a day.
func (a *almanac) collections(row *reference.AnnualCharge, through schemas.Date) int {
	count := 0
	for day := row.EffectiveFrom; day <= through; day++ {
		if a.collects(row, day) {
			count++
		}
	}
	return count
}

// collects says whether a row has a charge taken on the day: the day that it names, the last of a month that is too short, or where it names none the first open one.
func (a *almanac) collects(row *reference.AnnualCharge, day schemas.Date) bool {
	tomorrow := day + 1
	number, isLast := day.Time().Day(), tomorrow.Time().Day() == 1
	if row.CollectionDay > 0 {
		return number == int(row.CollectionDay) || isLast && number < int(row.CollectionDay)
	}
	isOpen := func(day schemas.Date) bool {
		s := a.setting(day)
		return s != nil && a.open(s.PlatformCalendar, day)
	}
	for n := 1; n < number; n++ {
		if isOpen(day - schemas.Date(n)) { //nolint:gosec // a day of a month
			return false
		}
	}
	return isOpen(day)
}

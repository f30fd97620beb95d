package invariants

import (
	"slices"
	"time"

	// Cut-offs are local times, whatever the machine knows of time zones.
	_ "time/tzdata"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// almanac answers questions about days from reference data, by looking at one day after another.
type almanac struct {
	settings  []*reference.Settings
	assets    []*reference.Asset
	calendars map[string]*reference.Calendar
	// zones are those of the settings, by their names: reading the rules of one again for each question would be most of the work.
	zones map[string]*time.Location
}

// searchDaysMax bounds a search for an open day.
const searchDaysMax = 366

func newAlmanac(entries []*reference.Entry) *almanac {
	a := &almanac{calendars: make(map[string]*reference.Calendar), zones: make(map[string]*time.Location)}
	for _, entry := range entries {
		switch body := entry.Body.(type) {
		case *reference.Settings:
			a.settings = append(a.settings, body)
			if zone, err := time.LoadLocation(body.Zone); err == nil {
				a.zones[body.Zone] = zone
			}
		case *reference.Asset:
			a.assets = append(a.assets, body)
		case *reference.Calendar:
			a.calendars[body.Name] = body
		}
	}
	return a
}

func (a *almanac) setting(day schemas.Date) *reference.Settings {
	var best *reference.Settings
	for _, s := range a.settings {
		if s.EffectiveFrom <= day && (best == nil || s.EffectiveFrom >= best.EffectiveFrom) {
			best = s
		}
	}
	return best
}

func (a *almanac) asset(code schemas.AssetCode, day schemas.Date) *reference.Asset {
	var best *reference.Asset
	for _, s := range a.assets {
		if s.Code == code && s.EffectiveFrom <= day && (best == nil || s.EffectiveFrom >= best.EffectiveFrom) {
			best = s
		}
	}
	return best
}

func (a *almanac) open(name string, day schemas.Date) bool {
	c := a.calendars[name]
	weekend := day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
	return c != nil && day >= c.FirstDay && day <= c.LastDay && !weekend && !slices.Contains(c.Closed, day)
}

// openFor says whether the asset's market and, where it has days of its own, its currency are open.
func (a *almanac) openFor(asset *reference.Asset, day schemas.Date) bool {
	return a.open(asset.Calendar, day) && (asset.CurrencyCalendar == "" || a.open(asset.CurrencyCalendar, day))
}

// inTime says whether something received then is in time for the day, and whether the day is one on which the asset deals.
func (a *almanac) inTime(code schemas.AssetCode, day schemas.Date, received schemas.Instant) (deals, in bool) {
	s, asset := a.setting(day), a.asset(code, day)
	if s == nil || asset == nil || !a.open(s.PlatformCalendar, day) || !a.openFor(asset, day) {
		return false, false
	}
	zone := a.zones[s.Zone]
	if zone == nil {
		return false, false
	}
	date := day.Time()
	cutOff := time.Date(date.Year(), date.Month(), date.Day(), int(asset.CutOffMinute)/60, int(asset.CutOffMinute)%60, 0, 0, zone)
	return true, received.Time().Before(cutOff) || asset.CutOffInclusive && received.Time().Equal(cutOff)
}

// localDay is the date that the platform's clocks show at the moment.
func (a *almanac) localDay(at schemas.Instant) schemas.Date {
	zone := time.UTC
	if s := a.setting(schemas.Date(at.Time().Unix() / (24 * 60 * 60))); s != nil { //nolint:gosec // days fit
		if known := a.zones[s.Zone]; known != nil {
			zone = known
		}
	}
	local := at.Time().In(zone)
	return schemas.DateOf(local.Year(), local.Month(), local.Day())
}

// dealingDay is the first day, not before that of receipt, for which the instruction is in time.
func (a *almanac) dealingDay(code schemas.AssetCode, received schemas.Instant) (schemas.Date, bool) {
	s := a.setting(schemas.Date(received.Time().Unix() / (24 * 60 * 60))) //nolint:gosec // days fit
	if s == nil {
		return 0, false
	}
	zone := a.zones[s.Zone]
	if zone == nil {
		return 0, false
	}
	local := received.Time().In(zone)
	today := schemas.DateOf(local.Year(), local.Month(), local.Day())
	for day := today; day < today+searchDaysMax; day++ {
		if deals, in := a.inTime(code, day, received); deals && in {
			return day, true
		}
	}
	return 0, false
}

// settlesOn is the day of settlement: so many days after the dealing day.
func (a *almanac) settlesOn(code schemas.AssetCode, day schemas.Date) (schemas.Date, bool) {
	asset := a.asset(code, day)
	if asset == nil {
		return 0, false
	}
	left := asset.SettlementLag
	last := day + searchDaysMax
	for ; left > 0 && day < last; left-- {
		for day++; day < last && !a.openFor(asset, day); day++ {
		}
	}
	return day, day < last
}

// checkDays works out dealing days and settlement dates again, and looks for the prices that were used.
func (f *facts) checkDays() []*finding {
	days := &finding{number: 10, name: "the dealing day follows from receipt time, cut-off and calendar"}
	price := &finding{number: 11, name: "the price used is a vendor's close of the dealing day"}
	settle := &finding{number: 22, name: "a trade is due to settle so many business days after its dealing day"}
	closed := &finding{number: 35, name: "no instruction in time for a day comes after the day is closed"}
	a := newAlmanac(f.Reference)
	dealt, fills := 0, 0
	for _, id := range sortedIDs(f.orders) {
		o := f.orders[id]
		for trade := range o.trades {
			dealt++
			f.checkDay(days, a, o, f.trades[trade])
		}
	}
	for _, id := range sortedIDs(f.trades) {
		t := f.trades[id]
		fills += len(t.fills)
		f.checkPrices(price, t)
		if t.batched == nil {
			continue
		}
		if due, ok := a.settlesOn(t.batched.Asset, t.batched.Day); !ok || due != t.batched.SettlesOn {
			settle.fail("trade %s of %s settles on %s, due is %s", id, t.batched.Day, t.batched.SettlesOn, due)
		}
		if t.settled != nil && (t.settled.SettledOn == nil || *t.settled.SettledOn < t.batched.SettlesOn) {
			settle.fail("trade %s settled before %s", id, t.batched.SettlesOn)
		}
	}
	for _, s := range f.Statuses {
		if s.Code == codeAfterClose && !s.Duplicate {
			closed.fail("instruction %s of pot %s, received at %s", s.ID, s.Pot, s.ReceivedAt)
		}
	}
	return []*finding{
		days.on(dealt, "orders"), price.on(fills, "fills").on(len(f.Prices), "prices"), settle.on(len(f.trades), "trades"),
		closed.on(len(f.Statuses), "statuses").on(dealt, "orders"),
	}
}

func (f *facts) checkDay(c *finding, a *almanac, o *order, t *trade) {
	if o.received == nil && o.made == 0 || t == nil || t.batched == nil {
		c.fail("order %s cannot be led back to an instruction or an event, and a trade", o.id)
		return
	}
	moments := []schemas.Instant{o.made}
	if o.received != nil {
		moments[0] = o.received.ReceivedAt
	}
	if o.isSwitched() {
		moments = o.switchedAt
	}
	for _, at := range moments {
		if day, ok := a.dealingDay(t.batched.Asset, at); ok && f.carriedThrough(day, t.batched) && f.isIn(o, t.batched.Asset) {
			return
		}
	}
	day, _ := a.dealingDay(t.batched.Asset, moments[0])
	c.fail("order %s of %s, received at %s, deals on %s in %s; by the calendar on %s", o.id, o.asset, moments[0], t.batched.Day, t.batched.Asset, day)
}

// pencePerPound converts prices that are quoted in pence.
const pencePerPound = 100

func (f *facts) checkPrices(c *finding, t *trade) {
	for _, fill := range t.fills {
		known := f.correctedTo(fill)
		for _, p := range f.prices[priceKey{fill.Asset, fill.Day}] {
			pounds := p.Close
			if p.Quotation == reference.QuotationPence {
				pounds /= pencePerPound
			}
			known = known || fill.Price != nil && *fill.Price == pounds
		}
		if !known || fill.PriceVersion < 1 {
			c.fail("trade %s: piece %d is priced at what no vendor sent for %s on %s", t.id, fill.Piece, fill.Asset, fill.Day)
		}
	}
}

package dealing

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/penstock-ledger/penstock/processors/internal/book"
	"github.com/penstock-ledger/penstock/processors/internal/calendar"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/schemas/state"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of reference data.
const (
	settlementLagMax  = 5
	backdatingDaysMax = 366
	reviewDaysMax     = 90
	minutesOfDayMax   = 24*60 - 1
	assetsMax         = 2000
	closedDaysMax     = 5000
	assetRowsPerAsset = 100
	custodianRowsMax  = 100
	calendarRowsMax   = 200
	settingsRowsMax   = 100
	// referenceBytesMax bounds all of it, for it is kept in one record, together with the prices.
	referenceBytesMax = 500 << 10
)

// basisPoints are the whole, in hundredths of a percent.
const basisPoints = 10_000

// What a change of reference data must leave as it is.
const (
	// noticeMillis is how far the shards may be ahead when they hear of a change: what they received by then is already answered.
	noticeMillis = 24 * 60 * 60 * 1000
	// unsettledDaysMax is how many days back a batch may still wait for its totals, and so for its day of settlement.
	unsettledDaysMax = 7
)

// Reference is what dealing knows besides trades, ready for look-ups.
type Reference struct {
	*book.Book
	stored     *state.DealingReference
	custodians map[schemas.CustodianID]bool
}

// NewReference makes the stored reference data ready.
func NewReference(stored *state.DealingReference) (*Reference, error) {
	b, err := book.New(stored.Settings, stored.Assets, stored.Calendars)
	if err != nil {
		return nil, fmt.Errorf("reading reference data: %w", err)
	}
	r := &Reference{b, stored, make(map[schemas.CustodianID]bool, len(stored.Custodians))}
	for i := range stored.Custodians {
		r.custodians[stored.Custodians[i].ID] = true
	}
	return r, nil
}

// closedThrough returns the last closed day of the asset, and false for an asset that is new.
func (r *Reference) closedThrough(asset schemas.AssetCode) (schemas.Date, bool) {
	for i := range r.stored.Closed {
		if r.stored.Closed[i].Asset == asset {
			return r.stored.Closed[i].Day, true
		}
	}
	return 0, false
}

// referenceReceived checks an entry, keeps it, and tells every shard that needs it. An entry that is known already, or was until another replaced it, changes nothing.
func (d *dealing) referenceReceived(place streams.Place, r *Reference, cause *inbox.Cause, entry *reference.Entry) (*state.DealingReference, []streams.Out) {
	key := entryKey(cause, entry)
	if r.heard(key) {
		return r.stored, nil
	}
	changes, through, why := r.put(cause, entry)
	next := changes
	if why.code == "" {
		next, why = r.remember(changes, cause, key, entry)
	}
	if why.code == "" && next != nil && referenceBytes(next) > referenceBytesMax {
		why = bad("there is more reference data than can be kept")
	}
	if why.code == "" && changes != nil {
		why = r.strands(next, cause.ReceivedAt)
	}
	switch _, ours := entry.Body.(*reference.AnnualCharge); {
	case why.code != "":
		return r.stored, []streams.Out{rejectionOut(place, cause, why)}
	case next == nil:
		return r.stored, nil
	case changes == nil, ours: // shards are told of each charge when its day has come
		return next, nil
	}
	return next, tellAll(nil, d.shards, key.String(), cause, &inbox.ReferenceChanged{Entry: *entry, ClosedThrough: through})
}

// put adds an entry to what is stored; nil says that it changes nothing. It also returns, for an asset that is new, the last day that counts as closed.
func (r *Reference) put(cause *inbox.Cause, entry *reference.Entry) (next *state.DealingReference, through *schemas.Date, why refusal) {
	switch body := entry.Body.(type) {
	case *reference.Calendar:
		next, why = r.putCalendar(body, cause.ReceivedAt)
	case *reference.Custodian:
		next, why = r.putCustodian(body)
	case *reference.Settings:
		next, why = r.putSettings(body, cause.ReceivedAt)
	case *reference.Asset:
		return r.putAsset(body, cause.ReceivedAt)
	case *reference.AnnualCharge:
		next, why = r.putCharge(body, cause)
	case *reference.GlidePath:
		next, why = r.putPath(body, cause.ReceivedAt)
	}
	return next, nil, why
}

func bad(format string, args ...any) refusal {
	return refusal{codeBadReference, fmt.Sprintf(format, args...)}
}

func settingsMissing() refusal {
	return refusal{codeSettingsMissing, "the trust's settings are not known yet"}
}

// tooLate refuses a change of days for which instructions may have been answered already: cut-offs and open days are the
// same for all who ask on a day.
func tooLate(what string, through schemas.Date) refusal {
	return refusal{codeReferenceTooLate, fmt.Sprintf("%s: nothing through %s can change any more", what, through)}
}

// sameThrough says whether a calendar's next version agrees with the old one on every day up to the given one that the old one
// knew, and forgets none of its days: a day of settlement may be among them.
func sameThrough(old, next *reference.Calendar, day schemas.Date) bool {
	through := min(old.LastDay, day)
	upTo := func(closed []schemas.Date) []schemas.Date {
		n, _ := slices.BinarySearch(closed, through+1)
		return closed[:n]
	}
	return old.FirstDay == next.FirstDay && next.LastDay >= old.LastDay && slices.Equal(upTo(old.Closed), upTo(next.Closed))
}

// strands refuses a change after which an asset would not deal on a day for which pots may hold orders: that day would never
// be closed, and their cash would stay reserved. Such a day is dealt, and it is for the custodian to reject the trade.
func (r *Reference) strands(next *state.DealingReference, received schemas.Instant) refusal {
	today, ok := r.LocalDate(received)
	if !ok {
		return refusal{}
	}
	after, err := NewReference(next)
	if err != nil {
		return bad("%v", err)
	}
	for _, code := range r.Codes() {
		last, err := r.DealingDay(code, received+noticeMillis)
		if err != nil {
			last = today + unsettledDaysMax
		}
		days := r.carriedDays(code)
		for day := today - unsettledDaysMax; day <= last; day++ {
			days = append(days, day)
		}
		for _, day := range days {
			before, err := r.Deals(code, day)
			if err != nil || !before {
				continue
			}
			if still, err := after.Deals(code, day); err != nil || !still {
				return tooLate(fmt.Sprintf("asset %s would not deal on %s", code, day), max(day, last))
			}
		}
	}
	return refusal{}
}

func (r *Reference) putCalendar(c *reference.Calendar, received schemas.Instant) (*state.DealingReference, refusal) {
	if err := calendar.Check(c); err != nil {
		return nil, bad("%v", err)
	}
	next := *r.stored
	next.Calendars = book.PutCalendar(r.stored.Calendars, c)
	if len(c.Closed) > closedDaysMax || len(next.Calendars) > calendarRowsMax {
		return nil, bad("calendar %q: more closed days or calendars than there may be", c.Name)
	}
	if today, ok := r.begun(received); ok {
		for i := range r.stored.Calendars {
			if old := &r.stored.Calendars[i]; old.Name == c.Name && !sameThrough(old, c, today) {
				return nil, tooLate("calendar "+c.Name, today)
			}
		}
	}
	return changed(r.stored, &next), refusal{}
}

func (r *Reference) putCustodian(c *reference.Custodian) (*state.DealingReference, refusal) {
	if !isName(string(c.ID)) || len(r.stored.Custodians) >= custodianRowsMax {
		return nil, bad("custodian %q: its id cannot be part of an account's name, or there are too many", c.ID)
	}
	if c.QuantityDigits < 0 || c.QuantityDigits > quantityDigitsMax {
		return nil, bad("custodian %q reports to %d digits", c.ID, c.QuantityDigits)
	}
	next := *r.stored
	next.Custodians = book.PutCustodian(r.stored.Custodians, c)
	different := changed(r.stored, &next)
	if different != nil && r.custodianChanges() >= custodianChangesMax {
		return nil, bad("custodian %q: custodians have changed %d times, and cannot any more", c.ID, custodianChangesMax)
	}
	return different, refusal{}
}

func (r *Reference) putSettings(s *reference.Settings, received schemas.Instant) (*state.DealingReference, refusal) {
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		return nil, bad("settings from %s: there is no time zone %q", s.EffectiveFrom, s.Zone)
	}
	switch {
	case !r.HasCalendar(s.PlatformCalendar):
		return nil, bad("settings from %s: there is no calendar %q", s.EffectiveFrom, s.PlatformCalendar)
	case len(r.stored.Settings) > 0 && r.stored.Settings[0].Zone != s.Zone:
		return nil, bad("settings from %s: the time zone is %s and cannot change, or dates could run backwards", s.EffectiveFrom, r.stored.Settings[0].Zone)
	case s.BackdatingDays < 0 || s.BackdatingDays > backdatingDaysMax:
		return nil, bad("settings from %s: back-dating of %d days", s.EffectiveFrom, s.BackdatingDays)
	case s.ReviewAbove != nil && *s.ReviewAbove < 0:
		return nil, bad("settings from %s: review above %s", s.EffectiveFrom, *s.ReviewAbove)
	case s.ReviewDays < 0 || s.ReviewDays > reviewDaysMax:
		return nil, bad("settings from %s: a review of %d days", s.EffectiveFrom, s.ReviewDays)
	case s.SellCashMaxBps < 0 || s.SellCashMaxBps > basisPoints:
		return nil, bad("settings from %s: a sell by cash for %d hundredths of a percent of a value", s.EffectiveFrom, s.SellCashMaxBps)
	case len(r.stored.Settings) >= settingsRowsMax:
		return nil, bad("settings from %s: too many rows", s.EffectiveFrom)
	}
	next := *r.stored
	next.Settings = book.PutSettings(r.stored.Settings, s)
	different := changed(r.stored, &next)
	if today, ok := r.begun(received); ok && different != nil && s.EffectiveFrom <= today {
		return nil, tooLate(fmt.Sprintf("settings from %s", s.EffectiveFrom), today)
	}
	return different, refusal{}
}

// putAsset also returns, for an asset that is new, the last day that counts as closed: the day before it was received.
func (r *Reference) putAsset(a *reference.Asset, received schemas.Instant) (*state.DealingReference, *schemas.Date, refusal) {
	next := *r.stored
	next.Assets = book.PutAsset(r.stored.Assets, a)
	through, known := r.closedThrough(a.Code)
	// What is stored stays as it is, also where it was accepted when less was checked: sent again it is no news, and nothing to refuse.
	if known && changed(r.stored, &next) == nil {
		return nil, nil, refusal{}
	}
	if why := r.checkAsset(a); why.code != "" {
		return nil, nil, why
	}
	if known {
		if today, ok := r.begun(received); !ok || a.EffectiveFrom <= max(today, through) {
			return nil, nil, tooLate(fmt.Sprintf("asset %s from %s", a.Code, a.EffectiveFrom), max(today, through))
		}
		return &next, nil, refusal{}
	}
	today, ok := r.LocalDate(received)
	if !ok {
		return nil, nil, refusal{codeSettingsMissing, fmt.Sprintf("asset %s: the trust's settings are not known yet", a.Code)}
	}
	yesterday := today - 1
	next.Closed = setClosed(r.stored.Closed, a.Code, yesterday)
	return &next, &yesterday, refusal{}
}

func (r *Reference) checkAsset(a *reference.Asset) refusal {
	earlier := cmp.Or(r.Asset(a.Code, a.EffectiveFrom-1), r.First(a.Code))
	switch {
	case !isName(string(a.Code)) || a.Code == schemas.Cash:
		return bad("%q cannot be the code of an asset", a.Code)
	case !r.HasCalendar(a.Calendar):
		return bad("asset %s: there is no calendar %q", a.Code, a.Calendar)
	case a.CurrencyCalendar != "" && !r.HasCalendar(a.CurrencyCalendar):
		return bad("asset %s: there is no calendar %q of its currency", a.Code, a.CurrencyCalendar)
	case !r.custodians[a.Custodian]:
		return bad("asset %s: there is no custodian %q", a.Code, a.Custodian)
	case a.UnitsScale < 0 || a.UnitsScale > schemas.UnitsScaleMax:
		return bad("asset %s: units of %d decimals", a.Code, a.UnitsScale)
	case a.PriceScale < 0 || a.PriceScale > schemas.PriceScale:
		return bad("asset %s: prices of %d decimals", a.Code, a.PriceScale)
	case a.CutOffMinute < 0 || a.CutOffMinute > minutesOfDayMax:
		return bad("asset %s: cut-off at minute %d", a.Code, a.CutOffMinute)
	case a.SettlementLag < 0 || a.SettlementLag > settlementLagMax:
		return bad("asset %s: settlement after %d days", a.Code, a.SettlementLag)
	case a.PriceTolerance <= 0:
		return bad("asset %s: price tolerance %s", a.Code, a.PriceTolerance)
	case earlier != nil && earlier.UnitsScale != a.UnitsScale:
		return bad("asset %s: its units have %d decimals and cannot change", a.Code, earlier.UnitsScale)
	case earlier != nil && earlier.Custodian != a.Custodian:
		return bad("asset %s: it is with %s, and so is what is held of it: with %s it is a new asset, into which this one is merged", a.Code, earlier.Custodian, a.Custodian)
	case earlier == nil && len(r.Codes()) >= assetsMax, len(r.stored.Assets) >= assetsMax*assetRowsPerAsset:
		return bad("asset %s: too many assets", a.Code)
	}
	return refusal{}
}

// isName says whether a text can stand in the names of accounts, tags and trades: it prints, and holds none of the marks
// that separate there.
func isName(text string) bool {
	if text == "" || len(text) > schemas.TextIDMax || strings.ContainsAny(text, "!/:") {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) })
}

// referenceBytes is the size of the reference data without prices, which are bounded by themselves.
func referenceBytes(next *state.DealingReference) int {
	without := *next
	without.Prices = nil
	return len(without.AppendAvro(nil))
}

// changed returns next where it differs from the stored data, else nil.
func changed(stored, next *state.DealingReference) *state.DealingReference {
	if bytes.Equal(stored.AppendAvro(nil), next.AppendAvro(nil)) {
		return nil
	}
	return next
}

func setClosed(closed []state.DealtThrough, asset schemas.AssetCode, day schemas.Date) []state.DealtThrough {
	return book.Put(closed, state.DealtThrough{Asset: asset, Day: day}, func(a, b state.DealtThrough) int { return cmp.Compare(a.Asset, b.Asset) })
}

// Package book makes reference data ready for look-ups: which row of an asset holds on a day, on which day an instruction
// deals, when a trade settles. It is built from records and never changes.
package book

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	// Cut-offs are local times. A machine without rules of time zones uses these; where it has rules, all machines of a cluster must have
	// the same.
	_ "time/tzdata"

	"github.com/penstock-ledger/penstock/processors/internal/calendar"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// ErrNoDealingDay says that the calendars name no day on which the asset deals.
var ErrNoDealingDay = errors.New("no dealing day")

// searchDaysMax bounds the search for a dealing day.
const searchDaysMax = 366

// backdatingDaysMax bounds how far back an instruction may be dated, whatever the settings say.
const backdatingDaysMax = 366

// Book answers questions about reference data.
type Book struct {
	settings  []setting
	assets    map[schemas.AssetCode][]reference.Asset
	codes     []schemas.AssetCode
	calendars map[string]calendar.Calendar
}

type setting struct {
	*reference.Settings
	zone *time.Location
}

// New makes a book. The rows of settings and assets must stand in the order in which Put* keeps them.
func New(settings []reference.Settings, assets []reference.Asset, calendars []reference.Calendar) (*Book, error) {
	b := &Book{assets: make(map[schemas.AssetCode][]reference.Asset), calendars: make(map[string]calendar.Calendar, len(calendars))}
	for i := range settings {
		zone, err := time.LoadLocation(settings[i].Zone)
		if err != nil {
			return nil, fmt.Errorf("reading settings from %s: %w", settings[i].EffectiveFrom, err)
		}
		b.settings = append(b.settings, setting{&settings[i], zone})
	}
	for from, through := 0, 0; from < len(assets); from = through {
		code := assets[from].Code
		for through < len(assets) && assets[through].Code == code {
			through++
		}
		b.codes = append(b.codes, code)
		b.assets[code] = assets[from:through]
	}
	for i := range calendars {
		b.calendars[calendars[i].Name] = calendar.New(&calendars[i])
	}
	return b, nil
}

// Codes returns the codes of all assets, in order.
func (b *Book) Codes() []schemas.AssetCode { return b.codes }

// Knows says whether there is any row of the asset.
func (b *Book) Knows(code schemas.AssetCode) bool { return b.assets[code] != nil }

// HasCalendar says whether there is a calendar of that name.
func (b *Book) HasCalendar(name string) bool { _, ok := b.calendars[name]; return ok }

// Asset returns the row of the asset that holds on the day, or nil.
func (b *Book) Asset(code schemas.AssetCode, day schemas.Date) *reference.Asset {
	return On(b.assets[code], day, func(row *reference.Asset) schemas.Date { return row.EffectiveFrom })
}

// On returns the row that holds on the day, or nil: of rows by date, the last that has begun.
func On[T any](rows []T, day schemas.Date, from func(*T) schemas.Date) *T {
	for i := len(rows) - 1; i >= 0; i-- {
		if from(&rows[i]) <= day {
			return &rows[i]
		}
	}
	return nil
}

// First returns the asset's row with the earliest date, or nil.
func (b *Book) First(code schemas.AssetCode) *reference.Asset {
	rows := b.assets[code]
	if len(rows) == 0 {
		return nil
	}
	return &rows[0]
}

// Latest returns the asset's row with the latest date, or nil. What never differs between rows, such as the scale of
// units, may be read from it.
func (b *Book) Latest(code schemas.AssetCode) *reference.Asset {
	rows := b.assets[code]
	if len(rows) == 0 {
		return nil
	}
	return &rows[len(rows)-1]
}

// Settings returns the settings that hold on the day, or nil.
func (b *Book) Settings(day schemas.Date) *reference.Settings {
	if s := b.setting(day); s != nil {
		return s.Settings
	}
	return nil
}

func (b *Book) setting(day schemas.Date) *setting {
	return On(b.settings, day, func(s *setting) schemas.Date { return s.EffectiveFrom })
}

// OldestDate returns the earliest date that an instruction received on the day may bear. It never runs backwards, not even when
// settings come to allow more: what was forgotten by then must not be accepted a second time.
func (b *Book) OldestDate(today schemas.Date) schemas.Date {
	oldest := today - backdatingDaysMax
	last := today
	for i := len(b.settings) - 1; i >= 0; i-- {
		s := b.settings[i]
		if s.EffectiveFrom > today {
			continue
		}
		oldest = max(oldest, last-schemas.Date(s.BackdatingDays))
		last = s.EffectiveFrom - 1
	}
	return oldest
}

// LocalDate returns the date that the platform's clocks show at the moment, and false where there are no settings yet.
func (b *Book) LocalDate(at schemas.Instant) (schemas.Date, bool) {
	s := b.setting(calendar.LocalDate(at, time.UTC))
	if s == nil {
		return 0, false
	}
	return calendar.LocalDate(at, s.zone), true
}

// DealingDay returns the day on which something received at the given time deals in the asset: the first day from the date of
// receipt on which the platform, the asset and its currency are open and whose cut-off it is in time for. The rows that hold on
// that very day decide.
func (b *Book) DealingDay(code schemas.AssetCode, received schemas.Instant) (schemas.Date, error) {
	local, ok := b.LocalDate(received)
	if !ok {
		return 0, fmt.Errorf("%w: there are no settings yet", ErrNoDealingDay)
	}
	for day := local; day < local+searchDaysMax; day++ {
		open, err := b.Deals(code, day)
		if err != nil {
			return 0, err
		}
		if !open {
			continue
		}
		if cutOff, _ := b.CutOff(code, day); cutOff.InTime(received, day) {
			return day, nil
		}
	}
	return 0, fmt.Errorf("%w: none within %d days", ErrNoDealingDay, searchDaysMax)
}

// NextDealingDay returns the first day from the given one on on which the asset deals.
func (b *Book) NextDealingDay(code schemas.AssetCode, from schemas.Date) (schemas.Date, error) {
	for day := from; day < from+searchDaysMax; day++ {
		deals, err := b.Deals(code, day)
		if err != nil {
			return 0, err
		}
		if deals {
			return day, nil
		}
	}
	return 0, fmt.Errorf("%w: none within %d days", ErrNoDealingDay, searchDaysMax)
}

// Deals says whether the asset deals on the day. Before the asset's first row it does not. A day of which the settlement is
// beyond the calendar's last day is not known to deal: a trade that nobody can say the end of must not begin.
func (b *Book) Deals(code schemas.AssetCode, day schemas.Date) (bool, error) {
	asset, settings := b.Asset(code, day), b.Settings(day)
	if asset == nil || settings == nil {
		return false, nil
	}
	for _, name := range [...]string{settings.PlatformCalendar, asset.Calendar, asset.CurrencyCalendar} {
		if name == "" {
			continue // the currency has no days of its own
		}
		open, err := b.open(name, day)
		if err != nil || !open {
			return false, err
		}
	}
	if _, err := b.SettlementDate(code, day); err != nil {
		return false, err
	}
	return true, nil
}

// PlatformOpen says whether the platform is open on the day. A day that its calendar does not know is not.
func (b *Book) PlatformOpen(day schemas.Date) bool {
	settings := b.Settings(day)
	if settings == nil {
		return false
	}
	open, err := b.open(settings.PlatformCalendar, day)
	return err == nil && open
}

func (b *Book) open(name string, day schemas.Date) (bool, error) {
	c, ok := b.calendars[name]
	if !ok {
		return false, fmt.Errorf("%w: there is no calendar %q", ErrNoDealingDay, name)
	}
	open, err := c.Open(day)
	if err != nil {
		return false, fmt.Errorf("%w: calendar %q: %w", ErrNoDealingDay, name, err)
	}
	return open, nil
}

// CutOff returns the asset's cut-off on the day, and false where nothing holds on that day.
func (b *Book) CutOff(code schemas.AssetCode, day schemas.Date) (calendar.CutOff, bool) {
	asset, s := b.Asset(code, day), b.setting(day)
	if asset == nil || s == nil {
		return calendar.CutOff{}, false
	}
	return calendar.CutOff{Minute: asset.CutOffMinute, Inclusive: asset.CutOffInclusive, Zone: s.zone}, true
}

// SettlementDate returns the asset's settlement day for a dealing day: as many business days later as its lag says, counting days on
// which its market is open and its currency can be paid. The platform's own closed days do not move it.
func (b *Book) SettlementDate(code schemas.AssetCode, day schemas.Date) (schemas.Date, error) {
	asset := b.Asset(code, day)
	if asset == nil {
		return 0, fmt.Errorf("%w: asset %s is not known on %s", ErrNoDealingDay, code, day)
	}
	calendars := make([]calendar.Calendar, 0, 2)
	for _, name := range [...]string{asset.Calendar, asset.CurrencyCalendar} {
		if name == "" {
			continue
		}
		c, ok := b.calendars[name]
		if !ok {
			return 0, fmt.Errorf("%w: there is no calendar %q", ErrNoDealingDay, name)
		}
		calendars = append(calendars, c)
	}
	settles, err := calendar.AddBusinessDays(day, int(asset.SettlementLag), calendars...)
	if err != nil {
		return 0, fmt.Errorf("%w: settling %s of %s: %w", ErrNoDealingDay, code, day, err)
	}
	return settles, nil
}

// PutAsset returns the rows with the new one in its place: by code, then date. A row of the same code and date is replaced.
func PutAsset(rows []reference.Asset, row *reference.Asset) []reference.Asset {
	return Put(rows, *row, func(a, b reference.Asset) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.EffectiveFrom, b.EffectiveFrom))
	})
}

// PutSettings returns the rows with the new one in its place, by date.
func PutSettings(rows []reference.Settings, row *reference.Settings) []reference.Settings {
	return Put(rows, *row, func(a, b reference.Settings) int { return cmp.Compare(a.EffectiveFrom, b.EffectiveFrom) })
}

// PutCalendar returns the calendars with the new one in its place, by name.
func PutCalendar(rows []reference.Calendar, row *reference.Calendar) []reference.Calendar {
	return Put(rows, *row, func(a, b reference.Calendar) int { return cmp.Compare(a.Name, b.Name) })
}

// PutCustodian returns the custodians with the new one in its place, by id.
func PutCustodian(rows []reference.Custodian, row *reference.Custodian) []reference.Custodian {
	return Put(rows, *row, func(a, b reference.Custodian) int { return cmp.Compare(a.ID, b.ID) })
}

// Put returns the rows with one of them in its place, in the given order; a row that is its equal there is replaced. It copies, so that
// who holds the old slice sees no change.
func Put[T any](rows []T, row T, order func(a, b T) int) []T {
	next := slices.Clone(rows)
	i, found := slices.BinarySearchFunc(next, row, order)
	if found {
		next[i] = row
		return next
	}
	return slices.Insert(next, i, row)
}

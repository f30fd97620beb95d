package demo

import (
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

const (
	zoneName       = "Europe/London"
	platform       = "XLON"
	backdatingDays = 90
	// priceDecimals is the scale of every price here, tolerance the move that needs no person: 15 %.
	priceDecimals                 = 4
	tolerance      schemas.Weight = 150_000
	cutOffMinute                  = 12 * 60
	earlyMinute                   = 10*60 + 30
	harbour                       = schemas.CustodianID("HARBOUR")
	northgate                     = schemas.CustodianID("NORTHGATE")
	calendarShares                = "NEW-YORK-SHARES"
	calendarOil                   = "US-OIL-SPOT"
	calendarFB                    = "NEW-YORK-SHARES-2012"
)

// Fund is an asset of the demo. Cut-off, inclusion, scale and settlement lag differ on purpose.
type Fund struct {
	Code       schemas.AssetCode
	Custodian  schemas.CustodianID
	Calendar   string
	UnitsScale int32
	// CutOffMinute is local time; Inclusive says whether the very millisecond is in time.
	CutOffMinute int32
	Inclusive    bool
	// Requeues says that the orders of a trade that the custodian rejects go on to the next day; else they end.
	Requeues bool
	// Lag is the settlement lag in business days of the asset's calendar.
	Lag int32
}

// Funds returns the demo's assets, in the order of their codes.
func Funds() []Fund {
	return []Fund{
		{"AAPL", harbour, calendarShares, 4, cutOffMinute, false, false, 2},
		{"FB", harbour, calendarFB, 4, cutOffMinute, false, false, 3},
		{"GOOG", harbour, calendarShares, 6, cutOffMinute, false, false, 3},
		{"IBM", northgate, calendarShares, 3, cutOffMinute, true, false, 2},
		{"MSFT", northgate, calendarShares, 5, earlyMinute, false, true, 1},
		{"WTI", northgate, calendarOil, 4, cutOffMinute, false, false, 3},
	}
}

func fundNamed(code schemas.AssetCode) Fund {
	for _, fund := range Funds() {
		if fund.Code == code {
			return fund
		}
	}
	panic("demo: no fund named " + string(code))
}

// row is the fund as reference data, from its first close on.
func (f Fund) row(from schemas.Date) *reference.Asset {
	policy := reference.RejectionPolicyReverse
	if f.Requeues {
		policy = reference.RejectionPolicyRequeue
	}
	return &reference.Asset{
		Code: f.Code, EffectiveFrom: from, Name: string(f.Code) + " tracker (price in GBP)", Custodian: f.Custodian, Calendar: f.Calendar,
		UnitsScale: f.UnitsScale, PriceScale: priceDecimals, Quotation: reference.QuotationPounds,
		CutOffMinute: f.CutOffMinute, CutOffInclusive: f.Inclusive, SettlementLag: f.Lag, PriceTolerance: tolerance, Rejection: policy,
	}
}

package scenario

import (
	"slices"
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// declaration builds what an operator declares on pots or assets; nil for another kind of step.
func (b *builder) declaration(kind string) ingest.OperationBody {
	asset := schemas.AssetCode(b.Get("asset", "GB00X"))
	numerator, denominator := int64(b.number("new", "1")), int64(b.number("old", "1"))
	switch kind {
	case "FlatFee":
		return &ingest.FlatFee{Cash: b.money("cash", "0"), Floor: b.money("floor", "100.00"), Dated: b.date("dated")}
	case "ChargeAccrual":
		return &ingest.ChargeAccrual{From: b.date("from"), Through: b.date("through"), Rate: read(b, "rate", "0", schemas.ParseWeight)}
	case "ChargeCollection":
		return &ingest.ChargeCollection{Dated: b.date("dated"), ByUnits: b.Has("by-units")}
	case "Distribution":
		return &ingest.Distribution{Asset: asset, Cash: b.money("cash", "0"), EffectiveOn: b.date("on"), Reinvest: b.Has("reinvest")}
	case "Rebalancing":
		return &ingest.Rebalancing{
			Dated: b.date("dated"), Absolute: b.band("absolute"), Relative: b.band("relative"), Minimum: b.money("minimum", "1.00"),
			InvestCash: b.Has("invest-cash"), WhileUnsettled: b.Has("while-unsettled"),
		}
	case "UnitSplit":
		return &ingest.UnitSplit{Asset: asset, On: b.date("on"), Numerator: numerator, Denominator: denominator}
	case "FundMerger":
		return &ingest.FundMerger{Asset: asset, Into: schemas.AssetCode(b.Get("into", "")), On: b.date("on"), Numerator: numerator, Denominator: denominator}
	}
	return nil
}

// annualCharge reads a row of the annual charge. Without "collected" it is taken on the first open day of the month.
func (b *builder) annualCharge() *reference.AnnualCharge {
	count := reference.DayCountActual365
	if b.Has("no-leap-day") {
		count = reference.DayCountNoLeap365
	}
	return &reference.AnnualCharge{
		EffectiveFrom: b.date("from"), Rate: read(b, "rate", "0", schemas.ParseWeight), DayCount: count, CollectionDay: b.number("collected", "0"), ByUnits: b.Has("by-units"),
	}
}

// event builds what a shard of pots is told of an event; nil for another kind of step. Without "of", "from" and "through" the shard holds all there is.
func (b *builder) event(kind string) inbox.PotBody {
	if kind == "AssetHalted" {
		return &inbox.AssetHalted{Asset: schemas.AssetCode(b.Get("asset", "GB00X")), From: b.date("from")}
	}
	event, asset, custodian, scale := b.number("event", "1"), schemas.AssetCode(b.Get("asset", "GB00X")), schemas.CustodianID(b.Get("custodian", "CREST")), b.number("scale", "3")
	whole := b.quanta("of", scale)
	before, through := b.quanta("from", scale), whole
	if b.Has("through") {
		through = b.quanta("through", scale)
	}
	rounding, compensation := b.quanta("rounding", scale), b.quanta("compensation", scale)
	switch kind {
	case "HoldingsCounted":
		return &inbox.HoldingsCounted{Event: event, Round: b.number("round", "1"), Asset: asset, Merged: b.merged()}
	case "IncomeDistributed":
		return &inbox.IncomeDistributed{
			Event: event, Asset: asset, Custodian: custodian, Cash: b.money("cash", "0"), Weight: whole, WeightBefore: before, WeightThrough: through,
			Rounding: rounding, Compensation: compensation, EffectiveOn: b.date("on"), Reinvest: b.Has("reinvest"),
		}
	case "AssetConverted":
		return &inbox.AssetConverted{
			Event: event, Asset: asset, Custodian: custodian, UnitsScale: scale, Into: schemas.AssetCode(b.Get("into", string(asset))),
			IntoCustodian: schemas.CustodianID(b.Get("into-custodian", string(custodian))), IntoScale: b.number("into-scale", "3"),
			Numerator: int64(b.number("new", "1")), Denominator: int64(b.number("old", "1")), WeightBefore: before, WeightThrough: through,
			Rounding: rounding, Compensation: compensation, EffectiveOn: b.date("on"),
		}
	case "FeeCharged":
		return &inbox.FeeCharged{Event: event, Cash: b.money("cash", "0"), Floor: b.money("floor", "100.00")}
	case "ChargeAccrued":
		return &inbox.ChargeAccrued{Event: event, Days: b.number("days", "1"), Rate: read(b, "rate", "0", schemas.ParseWeight)}
	case "ChargeCollected":
		return &inbox.ChargeCollected{Event: event, ByUnits: b.Has("by-units")}
	case "PotsRebalanced":
		return &inbox.PotsRebalanced{
			Event: event, Absolute: b.band("absolute"), Relative: b.band("relative"), Minimum: b.money("minimum", "1.00"),
			InvestCash: b.Has("invest-cash"), WhileUnsettled: b.Has("while-unsettled"),
		}
	}
	return nil
}

// merged reads the assets that were merged into the one that is counted; there may be none.
func (b *builder) merged() []schemas.AssetCode {
	var assets []schemas.AssetCode
	if b.Has("merged") {
		for asset := range strings.SplitSeq(b.Get("merged", ""), ",") {
			assets = append(assets, schemas.AssetCode(asset))
		}
	}
	return assets
}

func mergedText(assets []schemas.AssetCode) string {
	texts := make([]string, len(assets))
	for i, asset := range assets {
		texts[i] = string(asset)
	}
	return strings.Join(texts, ",")
}

// band reads a tolerance band of a re-balancing, which may not be given.
func (b *builder) band(name string) *schemas.Weight {
	if !b.Has(name) {
		return nil
	}
	band := read(b, name, "0", schemas.ParseWeight)
	return &band
}

func bandArg(name string, band *schemas.Weight) Args {
	if band == nil {
		return nil
	}
	return Args{{name, band.String()}}
}

// eventArgs tells of what a shard of pots is told of an event; false where it is told of something else.
func eventArgs(body inbox.PotBody) (string, Args, bool) {
	switch e := body.(type) {
	case *inbox.HoldingsCounted:
		args := Args{{"event", number(e.Event)}, {"round", number(e.Round)}, {"asset", string(e.Asset)}}
		if len(e.Merged) > 0 {
			args = append(args, Arg{"merged", mergedText(e.Merged)})
		}
		return "HoldingsCounted", args, true
	case *inbox.IncomeDistributed:
		args := Args{
			{"event", number(e.Event)},
			{"asset", string(e.Asset)},
			{"cash", e.Cash.String()},
			{"of", number(e.Weight)},
			{"from", number(e.WeightBefore)},
			{"through", number(e.WeightThrough)},
		}
		return "IncomeDistributed", append(args, flag("reinvest", e.Reinvest)...), true
	case *inbox.AssetHalted:
		return "AssetHalted", Args{{"asset", string(e.Asset)}, {"from", e.From.String()}}, true
	case *inbox.AssetConverted:
		return "AssetConverted", Args{
			{"event", number(e.Event)},
			{"asset", string(e.Asset)},
			{"into", string(e.Into)},
			{"new", number(e.Numerator)},
			{"old", number(e.Denominator)},
			{"from", number(e.WeightBefore)},
			{"through", number(e.WeightThrough)},
		}, true
	case *inbox.FeeCharged:
		return "FeeCharged", Args{{"event", number(e.Event)}, {"cash", e.Cash.String()}, {"floor", e.Floor.String()}}, true
	case *inbox.ChargeAccrued:
		return "ChargeAccrued", Args{{"event", number(e.Event)}, {"days", number(e.Days)}, {"rate", e.Rate.String()}}, true
	case *inbox.ChargeCollected:
		return "ChargeCollected", append(Args{{"event", number(e.Event)}}, flag("by-units", e.ByUnits)...), true
	case *inbox.PotsRebalanced:
		args := slices.Concat(Args{{"event", number(e.Event)}}, bandArg("absolute", e.Absolute), bandArg("relative", e.Relative), Args{{"minimum", e.Minimum.String()}})
		return "PotsRebalanced", slices.Concat(args, flag("invest-cash", e.InvestCash), flag("while-unsettled", e.WhileUnsettled)), true
	}
	return "", nil, false
}

package scenario

import (
	"strconv"
	"strings"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/suspense"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/inbox"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
)

// builder reads the arguments of one step and reports those that do not read.
type builder struct {
	Reporter
	at schemas.Instant
	Args
}

func read[T any](b *builder, key, missing string, parse func(string) (T, error)) T {
	b.Helper()
	value, err := parse(b.Get(key, missing))
	if err != nil {
		b.Fatalf("%s: %v", key, err)
	}
	return value
}

func (b *builder) today() schemas.Date {
	return schemas.Date(b.at / (24 * 60 * 60 * 1000)) //nolint:gosec // scenarios lie in this century
}

func (b *builder) date(key string) schemas.Date {
	return read(b, key, b.today().String(), schemas.ParseDate)
}

// dates reads days with commas between them; none where they are missing.
func (b *builder) dates(key string) []schemas.Date {
	var days []schemas.Date
	for _, day := range strings.FieldsFunc(b.Get(key, ""), func(r rune) bool { return r == ',' }) {
		date, err := schemas.ParseDate(day)
		if err != nil {
			b.Fatalf("%s: %v", key, err)
		}
		days = append(days, date)
	}
	return days
}

// optionalDate reads a date that may be missing.
func (b *builder) optionalDate(key string) *schemas.Date {
	if !b.Has(key) {
		return nil
	}
	date := b.date(key)
	return &date
}

func (b *builder) money(key, missing string) schemas.Money {
	return read(b, key, missing, schemas.ParseMoney)
}

// optionalMoney reads an amount that may be missing.
func (b *builder) optionalMoney(key string) *schemas.Money {
	if !b.Has(key) {
		return nil
	}
	amount := b.money(key, "0")
	return &amount
}

func (b *builder) price(key string) schemas.Price { return read(b, key, "1", schemas.ParsePrice) }

func (b *builder) number(key, missing string) int32 {
	return int32(read(b, key, missing, func(text string) (int64, error) { return strconv.ParseInt(text, 10, 32) })) //nolint:gosec // parsed as 32 bits
}

func (b *builder) quanta(key string, scale int32) int64 {
	return read(b, key, "0", func(text string) (int64, error) { return schemas.ParseQuanta(text, int(scale)) })
}

// instruction builds what upstreams send; nil for another kind of step.
func (b *builder) instruction(kind string) *ingest.Instruction {
	i := &ingest.Instruction{
		Source: schemas.SourceID(b.Get("source", "portal")), ID: schemas.InstructionID(b.Get("id", "open")), Pot: schemas.PotID(b.Get("pot", "p1")),
		InstructedOn: b.date("dated"),
	}
	switch kind {
	case "PotOpened":
		i.Body = &ingest.PotOpened{}
	case "Contribution":
		i.Body = &ingest.Contribution{Cash: b.money("cash", "0"), Split: b.split(b.Get("split", "")), ByChoice: b.Has("by-choice")}
	case "InvestmentChoice":
		i.Body = &ingest.InvestmentChoice{Split: b.split(b.Get("split", "")), Path: b.path(), Target: b.optionalDate("target")}
	case "Buy":
		i.Body = &ingest.Buy{Asset: schemas.AssetCode(b.Get("asset", "GB00X")), Cash: b.money("cash", "0")}
	case "Sell":
		i.Body = b.sell()
	case "Switch":
		s := b.sell()
		i.Body = &ingest.Switch{Asset: s.Asset, Units: s.Units, Cash: s.Cash, All: s.All, Into: schemas.AssetCode(b.Get("into", "GB00Y"))}
	case "Cancel":
		i.Body = &ingest.Cancel{Instruction: schemas.InstructionID(b.Get("instruction", ""))}
	case "Withdraw":
		i.Body = &ingest.Withdraw{Cash: b.money("cash", "0"), Payee: b.Get("payee", "jo")}
	case "TransferOut":
		i.Body = &ingest.TransferOut{Receiver: b.Get("receiver", "another-scheme")}
	case "TransferOutInSpecie":
		i.Body = b.delivered()
	case "TransferIn":
		i.Body = &ingest.TransferIn{Reference: b.Get("reference", "R1")}
	case "Close":
		i.Body = &ingest.Close{}
	case "Tick":
		i.Body = &ingest.Tick{}
	default:
		return nil
	}
	return i
}

// sell reads a sell; a scenario may say too little, or too much, of how much is sold.
func (b *builder) sell() *ingest.Sell {
	s := &ingest.Sell{Asset: schemas.AssetCode(b.Get("asset", "GB00X")), Cash: b.optionalMoney("cash"), All: b.Has("all")}
	if b.Has("units") {
		units := schemas.Quantity(b.quanta("units", schemas.QuantityScale))
		s.Units = &units
	}
	return s
}

// split reads GB00X:0.6,GB00Y:0.4.
func (b *builder) split(text string) []ingest.SplitPart {
	if text == "" {
		return nil
	}
	var parts []ingest.SplitPart
	for _, part := range strings.Split(text, ",") {
		asset, weight, _ := strings.Cut(part, ":")
		w, err := schemas.ParseWeight(weight)
		if err != nil {
			b.Fatalf("split: %v", err)
		}
		parts = append(parts, ingest.SplitPart{Asset: schemas.AssetCode(asset), Weight: w})
	}
	return parts
}

// entry builds reference data; nil for another kind of step.
func (b *builder) entry(kind string) *reference.Entry {
	switch kind {
	case "Calendar":
		c := &reference.Calendar{Name: b.Get("name", "platform"), FirstDay: b.date("from"), LastDay: b.date("through"), Closed: b.dates("closed")}
		return &reference.Entry{Body: c}
	case "Custodian":
		return &reference.Entry{Body: &reference.Custodian{ID: schemas.CustodianID(b.Get("custodian", "CREST")), QuantityDigits: b.number("digits", "0")}}
	case "Settings":
		return &reference.Entry{Body: &reference.Settings{
			EffectiveFrom: b.date("from"), PlatformCalendar: b.Get("calendar", "platform"), Zone: b.Get("zone", "Europe/London"), BackdatingDays: b.number("backdating", "90"),
			ReviewAbove: b.optionalMoney("review-above"), ReviewDays: b.number("review-days", "30"),
			SellCashMaxBps: b.number("sell-cash-bps", "9000"), SwitchAwaitsSettlement: b.Has("switch-awaits-settlement"),
		}}
	case "Asset":
		return &reference.Entry{Body: b.asset()}
	case "AnnualCharge":
		return &reference.Entry{Body: b.annualCharge()}
	case "GlidePath":
		return &reference.Entry{Body: b.glidePath()}
	}
	return nil
}

func (b *builder) asset() *reference.Asset {
	hours, minutes, _ := strings.Cut(b.Get("cut-off", "12:00"), ":")
	minute, err := strconv.Atoi(hours)
	rest, failed := strconv.Atoi(minutes)
	if err != nil || failed != nil {
		b.Fatalf("cut-off: %q is not a time", b.Get("cut-off", ""))
	}
	quotation := reference.QuotationPounds
	if b.Has("pence") {
		quotation = reference.QuotationPence
	}
	rejection := reference.RejectionPolicyReverse
	if b.Has("requeue") {
		rejection = reference.RejectionPolicyRequeue
	}
	return &reference.Asset{
		Rejection: rejection,
		Code:      schemas.AssetCode(b.Get("asset", "GB00X")), EffectiveFrom: b.date("from"), Custodian: schemas.CustodianID(b.Get("custodian", "CREST")),
		Calendar: b.Get("calendar", "platform"), UnitsScale: b.number("scale", "3"), PriceScale: b.number("price-scale", "4"), Quotation: quotation,
		CutOffMinute: int32(minute*60 + rest), CutOffInclusive: b.Has("inclusive"), //nolint:gosec // a time of day
		SettlementLag: b.number("lag", "2"), PriceTolerance: read(b, "tolerance", "0.1", schemas.ParseWeight), CurrencyCalendar: b.Get("currency-calendar", ""),
	}
}

// batchKey says which batch a step is about.
func (b *builder) batchKey() (schemas.Date, schemas.CustodianID, schemas.AssetCode, schemas.ID) {
	day, custodian, asset := b.date("day"), schemas.CustodianID(b.Get("custodian", "CREST")), schemas.AssetCode(b.Get("asset", "GB00X"))
	return day, custodian, asset, batch.Trade(day, schemas.CustodianID(b.Get("placed-with", string(custodian))), asset, KindOf(b, b.Args))
}

// KindOf reads which kind of batch a step is about: buys, or with sell=units or sell=cash the sells of that basis.
func KindOf(r Reporter, args Args) batch.Kind {
	r.Helper()
	switch by := args.Get("sell", ""); by {
	case "":
		return batch.Kind{Side: inbox.SideBuy, Basis: inbox.BasisCash}
	case "units":
		return batch.Kind{Side: inbox.SideSell, Basis: inbox.BasisUnits}
	case "cash":
		return batch.Kind{Side: inbox.SideSell, Basis: inbox.BasisCash}
	default:
		r.Fatalf("sell: %q is neither units nor cash", by)
		return batch.Kind{}
	}
}

// quantaOf reads cash or units, as the basis says.
func (b *builder) quantaOf(key, missing string, basis inbox.Basis, scale int32) int64 {
	if basis == inbox.BasisUnits {
		return read(b, key, missing, func(text string) (int64, error) { return schemas.ParseQuanta(text, int(scale)) })
	}
	return int64(b.money(key, missing))
}

// confirmation builds what a custodian sends; nil for another kind of step.
func (b *builder) confirmation(kind string) *ingest.Confirmation {
	_, custodian, _, trade := b.batchKey()
	c := &ingest.Confirmation{Custodian: custodian, ID: b.Get("id", ""), Trade: trade}
	switch kind {
	case "Fill":
		c.Body = &ingest.FillPriced{
			Piece: b.number("piece", "1"), Cash: b.money("cash", "0"), Units: schemas.Quantity(b.quanta("units", schemas.QuantityScale)), Price: b.price("price"), Final: b.Has("final"),
		}
	case "Settled":
		c.Body = &ingest.TradeSettled{SettledOn: b.date("on")}
	case "Rejected":
		c.Body = &ingest.TradeRejected{Reason: b.reason("")}
	case "Deferred":
		c.Body = &ingest.TradeDeferred{Reason: b.Get("reason", "gated"), Until: b.optionalDate("until")}
	case "SettlementFailed":
		c.Body = &ingest.SettlementFailed{Reason: b.Get("reason", "no-units")}
	default:
		if units := b.units(kind); units != nil {
			return units
		}
		return b.bank(kind)
	}
	return c
}

// reason reads a reason, in which \0 stands for a character that none may have.
func (b *builder) reason(missing string) string {
	return strings.ReplaceAll(b.Get("reason", missing), `\0`, "\x00")
}

// bank builds what the bank sends; nil for another kind of step. A payment is named by the instruction of which it is: of=ID.
func (b *builder) bank(kind string) *ingest.Confirmation {
	pot, cash, on := schemas.PotID(b.Get("pot", "p1")), b.money("cash", "0"), b.date("on")
	c := &ingest.Confirmation{Custodian: schemas.CustodianID(b.Get("bank", "BANK")), ID: b.Get("id", kind), Trade: b.payment(pot)}
	switch kind {
	case "PaymentSent":
		c.Body = &ingest.PaymentSent{Pot: pot, Cash: cash, On: on}
	case "PaymentPaid":
		c.Body = &ingest.PaymentPaid{Pot: pot, Cash: cash, On: on}
	case "PaymentBounced":
		c.Body = &ingest.PaymentBounced{Pot: pot, Cash: cash, On: on, Reason: b.reason("unknown-account")}
	case "CashReceived":
		c.Body = &ingest.CashReceived{Reference: b.Get("reference", "R1"), Cash: cash, On: on}
	default:
		return nil
	}
	return c
}

// payment returns the id of an instruction's payment, or of an operator's refund.
func (b *builder) payment(pot schemas.PotID) schemas.ID {
	if suspense.IsKey(pot) {
		return schemas.DeriveID("refund", b.Get("operator", "ann"), b.Get("of", ""), string(pot))
	}
	return schemas.DeriveID("payment", b.Get("source", "portal"), string(pot), b.Get("of", ""), b.date("dated").String())
}

// journal returns the id of the journal of an instruction, of=ID, of a claim's cash, claim=ID, of a charge or a distribution, charge=NUMBER or income=NUMBER, of
// what a confirmation led to, confirmed=ID, or of the correction of a batch to a version of the price, corrected=VERSION.
func (b *builder) journal() schemas.ID {
	pot := b.Get("pot", "p1")
	switch {
	case b.Has("claim"):
		claim := schemas.DeriveID("claim", b.Get("source", "portal"), pot, b.Get("claim", ""), b.date("dated").String())
		return schemas.DeriveID("journal", "attributed/"+claim.String(), b.Get("source", "portal"), pot, b.Get("claim", ""))
	case b.Has("income"):
		return schemas.DeriveID("journal", "distributed", "dealing", pot, "event-"+b.Get("income", ""))
	case b.Has("confirmed"):
		return schemas.DeriveID("journal", "confirmed", "dealing", pot, b.Get("confirmed", ""))
	case b.Has("corrected"):
		_, _, _, trade := b.batchKey()
		return schemas.DeriveID("journal", "corrected", "dealing", pot, batch.Correction(trade, b.number("corrected", "2")))
	case b.Has("charge"):
		return schemas.DeriveID("journal", "charged", "dealing", pot, "event-"+b.Get("charge", ""))
	}
	return schemas.DeriveID("journal", "instructed/"+b.date("dated").String(), b.Get("source", "portal"), pot, b.Get("of", ""))
}

// told builds what one key tells another; nil for another kind of step. The claim is named by the instruction of which it is.
func (b *builder) told(kind string) inbox.PotBody {
	pot, reference, id := schemas.PotID(b.Get("pot", "p1")), b.Get("reference", "R1"), b.Get("id", "")
	claim := schemas.DeriveID("claim", b.Get("source", "portal"), string(pot), id, b.date("dated").String())
	switch kind {
	case "CashClaimed":
		return &inbox.CashClaimed{Reference: reference, Pot: pot, Claim: claim, On: b.date("on")}
	case "ClaimWithdrawn":
		return &inbox.ClaimWithdrawn{Reference: reference, Pot: pot, Claim: claim}
	case "CashAttributed":
		return &inbox.CashAttributed{Pot: pot, Claim: claim, Cash: b.money("cash", "0"), On: b.date("on")}
	case "ClaimRefused":
		return &inbox.ClaimRefused{Pot: pot, Claim: claim, Code: schemas.Code(b.Get("code", "")), Reason: "as told"}
	case "CashReturned":
		if b.Has("unclaimed") {
			return &inbox.CashReturned{Reference: reference, Payment: b.journal(), Cash: b.money("cash", "0"), On: b.date("on"), Unclaimed: true}
		}
		payment := schemas.DeriveID("payment", b.Get("source", "portal"), string(pot), b.Get("of", ""), b.date("dated").String())
		return &inbox.CashReturned{Reference: suspense.Returned(payment), Payment: payment, Cash: b.money("cash", "0"), On: b.date("on")}
	}
	return nil
}

// closing builds a vendor's price.
func (b *builder) closing() *ingest.Price {
	quotation := reference.QuotationPounds
	if b.Has("pence") {
		quotation = reference.QuotationPence
	}
	return &ingest.Price{Source: schemas.SourceID(b.Get("source", "vendor")), Asset: schemas.AssetCode(b.Get("asset", "GB00X")), Date: b.date("day"), Close: b.price("close"), Quotation: quotation}
}

// operation builds what an operator does; nil for another kind of step.
func (b *builder) operation(kind string) *ingest.Operation {
	o := &ingest.Operation{Operator: schemas.SourceID(b.Get("operator", "ann")), ID: b.Get("id", "op"), Reason: b.Get("reason", "checked")}
	asset, day, price := schemas.AssetCode(b.Get("asset", "GB00X")), b.date("day"), b.price("price")
	switch kind {
	case "Release":
		o.Body = &ingest.PriceRelease{Asset: asset, Date: day, Price: price}
	case "Refusal":
		o.Body = &ingest.PriceRefusal{Asset: asset, Date: day, Price: price}
	case "Refund":
		o.Body = &ingest.ReceiptRefund{Reference: b.Get("reference", "R1"), Cash: b.money("cash", "0"), Payee: b.Get("payee", "sender")}
	case "RuleActivation":
		o.Body = &ingest.RuleActivation{Rule: b.Get("rule", "allocation"), Version: b.Get("version", "")}
	case "ReviewRelease":
		o.Body = &ingest.ReviewRelease{Pot: schemas.PotID(b.Get("pot", "p1")), Source: schemas.SourceID(b.Get("source", "portal")), Instruction: schemas.InstructionID(b.Get("instruction", ""))}
	case "ReviewRefusal":
		o.Body = &ingest.ReviewRefusal{Pot: schemas.PotID(b.Get("pot", "p1")), Source: schemas.SourceID(b.Get("source", "portal")), Instruction: schemas.InstructionID(b.Get("instruction", ""))}
	case "GiveUp":
		_, _, _, trade := b.batchKey()
		o.Body = &ingest.SettlementGiveUp{Trade: trade}
	case "Reversal":
		o.Body = &ingest.JournalReversal{Pot: schemas.PotID(b.Get("pot", "p1")), Journal: b.journal(), Stage: b.Get("stage", "")}
	case "ResolveBreak":
		_, _, _, trade := b.batchKey()
		o.Body = &ingest.BreakResolution{Trade: trade, Confirmation: b.Get("confirmation", ""), Accept: b.Has("accept")}
	case "PriceCorrection":
		o.Body = &ingest.PriceCorrection{Asset: asset, Date: day, Old: b.price("old"), New: b.price("new")}
	case "ReleaseParked":
		o.Body = &ingest.ParkedRelease{Process: b.Get("process", "pot"), Key: b.Get("parked", "p1")}
	case "DropParked":
		o.Body = &ingest.ParkedDrop{Process: b.Get("process", "pot"), Key: b.Get("parked", "p1"), Offset: int64(b.number("offset", "0"))}
	default:
		if o.Body = b.declaration(kind); o.Body == nil {
			return nil
		}
	}
	return o
}

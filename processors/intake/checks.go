package intake

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/penstock-ledger/penstock/processors/internal/batch"
	"github.com/penstock-ledger/penstock/processors/internal/specie"
	"github.com/penstock-ledger/penstock/processors/internal/suspense"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/avrobin"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/reference"
	"github.com/penstock-ledger/penstock/streams"
)

// Bounds of what is passed on.
const (
	// instructionCashMax is the most cash of one instruction, fillCashMax that of one piece of an external trade. More is taken
	// for a mistake of the sender.
	instructionCashMax schemas.Money = 100_000_000_00
	fillCashMax        schemas.Money = 100_000_000_000_00
	splitPartsMax                    = 50
	// targetFirst and targetLast bound target dates, 1900-01-01 to 2199-12-31: what lies outside is a mistake of the sender.
	targetFirst    schemas.Date = -25_567
	targetLast     schemas.Date = 84_005
	reasonBytesMax              = 500
)

// decode reads the record's value, all of it.
func decode(record *streams.Record, value interface{ DecodeAvro(*avrobin.Reader) }) refusal {
	r := avrobin.NewReader(record.Value)
	value.DecodeAvro(r)
	err := r.Done()
	switch {
	case err == nil:
		return refusal{}
	case errors.Is(err, avrobin.ErrPrecision):
		return refusal{codeTooManyDigits, "a decimal has more digits than its schema allows"}
	}
	return refusal{codeUndecodable, err.Error()}
}

// first returns the first refusal that is one.
func first(refusals ...refusal) refusal {
	for _, r := range refusals {
		if r.code != "" {
			return r
		}
	}
	return refusal{}
}

// identifier refuses what cannot serve as a key: nothing, too much, or anything that does not print.
func identifier[T ~string](field string, id T) refusal {
	if len(id) == 0 || len(id) > schemas.TextIDMax {
		return refusal{codeBadIdentifier, fmt.Sprintf("%s has %d bytes, 1 to %d are allowed", field, len(id), schemas.TextIDMax)}
	}
	if id[0] == streams.ControlMark {
		return refusal{codeBadIdentifier, fmt.Sprintf("%s begins with %q", field, streams.ControlMark)}
	}
	for _, r := range string(id) {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) {
			return refusal{codeBadIdentifier, fmt.Sprintf("%s contains %q", field, r)}
		}
	}
	return refusal{}
}

// potIdentifier refuses what stands for a payment reference, too: no pot may bear its key.
func potIdentifier(pot schemas.PotID) refusal {
	if suspense.IsKey(pot) {
		return refusal{codeBadIdentifier, fmt.Sprintf("pot %s stands for a payment reference", pot)}
	}
	return identifier("pot", pot)
}

func referenceIdentifier(reference string) refusal {
	if len(reference) > suspense.ReferenceBytesMax {
		return refusal{codeBadIdentifier, fmt.Sprintf("reference has %d bytes, 1 to %d are allowed", len(reference), suspense.ReferenceBytesMax)}
	}
	return identifier("reference", reference)
}

func positive[T ~int64 | ~int32](field string, amount T) refusal {
	if amount <= 0 {
		return refusal{codeNotPositive, fmt.Sprintf("%s is not positive", field)}
	}
	return refusal{}
}

func cash(field string, amount, limit schemas.Money) refusal {
	if amount > limit {
		return refusal{codeAmountTooHigh, fmt.Sprintf("%s is %s, at most %s is accepted", field, amount, limit)}
	}
	return positive(field, amount)
}

func text(field, value string) refusal {
	if len(value) > reasonBytesMax {
		return refusal{codeTextTooLong, fmt.Sprintf("%s has %d bytes, at most %d are allowed", field, len(value), reasonBytesMax)}
	}
	// Postgres cannot store a zero character, and no reader wants the others.
	if strings.ContainsFunc(value, unicode.IsControl) {
		return refusal{codeBadText, field + " contains a control character"}
	}
	return refusal{}
}

func checkInstruction(i *ingest.Instruction) refusal {
	why := first(identifier("source", i.Source), identifier("id", i.ID), potIdentifier(i.Pot))
	if why.code != "" {
		return why
	}
	switch body := i.Body.(type) {
	case *ingest.Contribution:
		if body.ByChoice && len(body.Split) > 0 {
			return refusal{codeBadChoice, "a contribution names a split, and is to be invested by choice"}
		}
		return first(cash("cash", body.Cash, instructionCashMax), checkSplit(body.Split))
	case *ingest.InvestmentChoice:
		return checkChoice(body)
	case *ingest.Buy:
		return first(identifier("asset", body.Asset), cash("cash", body.Cash, instructionCashMax))
	case *ingest.Sell:
		return first(identifier("asset", body.Asset), checkSold(body.Units, body.Cash, body.All))
	case *ingest.Switch:
		return checkSwitch(body)
	case *ingest.Cancel:
		return identifier("instruction", body.Instruction)
	case *ingest.Withdraw:
		return first(cash("cash", body.Cash, instructionCashMax), identifier("payee", body.Payee))
	case *ingest.TransferOut:
		return identifier("receiver", body.Receiver)
	case *ingest.TransferIn:
		return referenceIdentifier(body.Reference)
	case *ingest.TransferOutInSpecie:
		return first(identifier("asset", body.Asset), checkDelivered(body.Units, body.All), identifier("receiver", body.Receiver))
	}
	return refusal{}
}

// checkDelivered refuses a transfer of units that does not say in one way how many.
func checkDelivered(units *schemas.Quantity, all bool) refusal {
	switch {
	case all && units == nil:
		return refusal{}
	case !all && units != nil:
		return positive("units", *units)
	}
	return refusal{codeBadDelivery, "a transfer in specie says one of units and all"}
}

func checkSwitch(s *ingest.Switch) refusal {
	why := first(identifier("asset", s.Asset), identifier("into", s.Into), checkSold(s.Units, s.Cash, s.All))
	if why.code == "" && s.Asset == s.Into {
		return refusal{codeBadSell, fmt.Sprintf("%s is switched into itself", s.Asset)}
	}
	return why
}

// checkSold refuses a sell that does not say in one way how much is sold.
func checkSold(units *schemas.Quantity, amount *schemas.Money, all bool) refusal {
	switch {
	case all && units == nil && amount == nil:
		return refusal{}
	case !all && units != nil && amount == nil:
		return positive("units", *units)
	case !all && units == nil && amount != nil:
		return cash("cash", *amount, instructionCashMax)
	}
	return refusal{codeBadSell, "a sell says one of units, cash and all"}
}

func checkSplit(parts []ingest.SplitPart) refusal {
	if len(parts) > splitPartsMax {
		return refusal{codeBadSplit, fmt.Sprintf("a split has %d parts, at most %d are accepted", len(parts), splitPartsMax)}
	}
	sum := schemas.Weight(0)
	seen := make(map[schemas.AssetCode]bool, len(parts))
	for i := range parts {
		if why := first(identifier("asset", parts[i].Asset), positive("weight", parts[i].Weight)); why.code != "" {
			return why
		}
		if seen[parts[i].Asset] {
			return refusal{codeBadSplit, fmt.Sprintf("asset %s stands twice in a split", parts[i].Asset)}
		}
		seen[parts[i].Asset] = true
		sum += parts[i].Weight
	}
	if len(parts) > 0 && sum != schemas.WeightOne {
		return refusal{codeBadSplit, fmt.Sprintf("the weights of a split sum to %s, not to 1", sum)}
	}
	return refusal{}
}

// checkChoice refuses a choice that is neither a fixed split, nor a path with a target date, nor taken back. No reason tells the target date.
func checkChoice(c *ingest.InvestmentChoice) refusal {
	switch {
	case c.Path == nil && c.Target == nil:
		return checkSplit(c.Split)
	case c.Path == nil || c.Target == nil || len(c.Split) > 0:
		return refusal{codeBadChoice, "a choice names a fixed split, or a path and a target date"}
	case *c.Target < targetFirst || *c.Target > targetLast:
		return refusal{codeBadChoice, fmt.Sprintf("a target date lies between %s and %s", targetFirst, targetLast)}
	}
	return identifier("path", *c.Path)
}

func checkPath(p *reference.GlidePath) refusal {
	why := identifier("code", p.Code)
	for i := range p.Rows {
		for n := range p.Rows[i].Split {
			why = first(why, identifier("asset", p.Rows[i].Split[n].Asset))
		}
	}
	return why
}

func checkPrice(p *ingest.Price) refusal {
	return first(identifier("source", p.Source), identifier("asset", p.Asset), positive("close", p.Close))
}

func checkConfirmation(c *ingest.Confirmation) refusal {
	if why := first(identifier("custodian", c.Custodian), identifier("id", c.ID)); why.code != "" {
		return why
	}
	switch body := c.Body.(type) {
	case *ingest.FillPriced:
		return first(positive("piece", body.Piece), cash("cash", body.Cash, fillCashMax), positive("units", body.Units), positive("price", body.Price))
	case *ingest.TradeRejected:
		return text("reason", body.Reason)
	case *ingest.PaymentSent:
		return first(identifier("pot", body.Pot), cash("cash", body.Cash, fillCashMax))
	case *ingest.PaymentPaid:
		return first(identifier("pot", body.Pot), cash("cash", body.Cash, fillCashMax))
	case *ingest.PaymentBounced:
		return first(identifier("pot", body.Pot), cash("cash", body.Cash, fillCashMax), text("reason", body.Reason))
	case *ingest.CashReceived:
		return first(referenceIdentifier(body.Reference), cash("cash", body.Cash, instructionCashMax))
	case *ingest.TradeDeferred:
		return text("reason", body.Reason)
	case *ingest.SettlementFailed:
		return text("reason", body.Reason)
	case *ingest.DeliveryFailed:
		return first(text("reason", body.Reason), checkNotice(c))
	}
	return checkNotice(c)
}

// checkNotice refuses what is said of units in specie that can be true of no delivery.
func checkNotice(c *ingest.Confirmation) refusal {
	notice, units := specie.Of(c)
	if !units {
		return refusal{}
	}
	if notice.Units > batch.UnitsMax {
		return refusal{codeAmountTooHigh, fmt.Sprintf("units are %s, at most %s are accepted", notice.Units, batch.UnitsMax)}
	}
	return first(potIdentifier(notice.Pot), identifier("asset", notice.Asset), positive("units", notice.Units))
}

func checkReference(r *ingest.ReferenceData) refusal {
	if why := first(identifier("source", r.Source), identifier("id", r.ID)); why.code != "" {
		return why
	}
	switch body := r.Entry.Body.(type) {
	case *reference.Asset:
		return first(text("name", body.Name), text("calendar", body.Calendar), text("currencyCalendar", body.CurrencyCalendar))
	case *reference.Calendar:
		return text("name", body.Name)
	case *reference.Custodian:
		return text("name", body.Name)
	case *reference.Settings:
		return first(text("platformCalendar", body.PlatformCalendar), text("zone", body.Zone))
	case *reference.AnnualCharge:
		return checkAnnualCharge(body)
	case *reference.GlidePath:
		return checkPath(body)
	}
	return refusal{}
}

func checkOperation(o *ingest.Operation) refusal {
	if why := first(identifier("operator", o.Operator), identifier("id", o.ID), text("reason", o.Reason)); why.code != "" {
		return why
	}
	if o.Reason == "" {
		return refusal{codeReasonMissing, "an operator's action needs a reason"}
	}
	switch body := o.Body.(type) {
	case *ingest.PriceCorrection:
		return first(identifier("asset", body.Asset), positive("old", body.Old), positive("new", body.New))
	case *ingest.ParkedRelease:
		return first(identifier("process", body.Process), identifier("key", body.Key))
	case *ingest.ReceiptRefund:
		return first(referenceIdentifier(body.Reference), cash("cash", body.Cash, fillCashMax), identifier("payee", body.Payee))
	case *ingest.RuleActivation:
		return first(text("rule", body.Rule), text("version", body.Version))
	case *ingest.ReviewRelease:
		return first(identifier("pot", body.Pot), identifier("source", body.Source), identifier("instruction", body.Instruction))
	case *ingest.ReviewRefusal:
		return first(identifier("pot", body.Pot), identifier("source", body.Source), identifier("instruction", body.Instruction))
	case *ingest.ParkedDrop:
		why := first(identifier("process", body.Process), identifier("key", body.Key))
		if why.code == "" && body.Offset < 0 {
			why = refusal{codeBadIdentifier, "offset is negative"}
		}
		return why
	case *ingest.BreakResolution:
		return identifier("confirmation", body.Confirmation)
	case *ingest.JournalReversal:
		if why := potIdentifier(body.Pot); why.code != "" || body.Stage == "" {
			return why
		}
		return identifier("stage", body.Stage)
	}
	return checkDeclaration(o)
}

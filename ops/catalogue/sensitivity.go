package main

import (
	"fmt"
	"strings"
)

// sensitivity says who may see a value.
type sensitivity string

const (
	// public is what anybody may know: names and prices of funds, calendars.
	public sensitivity = "public"
	// internal is how the system works: positions, hashes, numbers of versions.
	internal sensitivity = "internal"
	// business is what the scheme does as a whole: trades, totals, what is owed.
	business sensitivity = "business"
	// personal belongs to one member, who is known by the id of a pot only, or names one of the staff.
	personal sensitivity = "personal"
	// sensitive tells of the member's life: it stays on the topic by which it comes, in the inbox and in the pot's state.
	sensitive sensitivity = "sensitive"
	// secret is what would let an outsider find out more than was shown.
	secret sensitivity = "secret"
)

// classes are those of records: of each field in them that has no class of its own.
func classes() map[string]sensitivity {
	all := map[string]sensitivity{}
	for class, records := range map[sensitivity]string{
		public: "Price PriceReceived ReferenceData ReferenceReceived ReferenceChanged Entry Asset Calendar Custodian Settings AnnualCharge GlidePath PathRow PathPart PriceReleased PriceCorrected AssetHalted RuleActivated RuleActivation",
		internal: `Progress Cause DealingMessage PotMessage Parked RecordParked Released Dropped Refused Rejection Reached TimeReached Tick Flush DayClosed ClosedAsset
			FrozenOrders FrozenBatch ParkedRelease ParkedDrop Unparked`,
		business: `Trade ShardPart ShardTotal EventTotal CustodianOrder Confirmation FillPriced TradeSettled TradeRejected TradeDeferred SettlementFailed Confirmed BatchesConfirmed
			PricedBatch SettledBatch RejectedBatch BatchCorrected CorrectedPiece HoldingsCounted IncomeDistributed AssetConverted FeeCharged ChargeAccrued ChargeCollected PotsRebalanced Rebalancing Operation Operated
			PotOperated PriceRelease PriceRefusal PriceCorrection FlatFee ChargeAccrual ChargeCollection Distribution UnitSplit FundMerger BreakResolution SettlementGiveUp
			GivenUpPiece`,
		personal: `Instruction Instructed PotOpened Contribution SplitPart Buy Cancel Withdraw TransferIn Close Sell TransferOut Switch InvestmentChoice InstructionStatus Journal Posting PaymentOrder PaymentSent
			PaymentPaid PaymentBounced CashReceived BankConfirmed CashClaimed CashAttributed ClaimRefused ClaimWithdrawn CashReturned FrozenOrder ReceiptRefund ReviewRelease ReviewRefusal
			JournalReversal TransferOutInSpecie DeliveryOrder UnitsAnnounced UnitsDelivered DeliveryFailed UnitsConfirmed`,
	} {
		for name := range strings.FieldsSeq(records) {
			all[name] = class
		}
	}
	return all
}

// own are the classes of fields, wherever they stand, that differ from their record's; a record's name before the point names one field of one record.
func own() map[string]sensitivity {
	return map[string]sensitivity{
		"salt": secret, "pot": personal, "operator": personal, "payee": personal, "receiver": personal, "reference": personal,
		"asset": public, "custodian": public, "price": public, "close": public, "unitsScale": public, "scale": public,
		"shard": internal, "sequence": internal, "previous": internal, "hash": internal, "topic": internal, "partition": internal, "offset": internal, "rules": internal,
		"Journal.id": internal, "Posting.leg": internal, "Parked.key": personal, "ParkedRelease.key": personal, "ParkedDrop.key": personal, "Cause.id": personal,
		"Rejection.id": personal, "InvestmentChoice.target": sensitive,
	}
}

func sensitivityOf(of *record, f *field) (sensitivity, error) {
	base := of.name[strings.LastIndexByte(of.name, '.')+1:]
	for _, key := range []string{base + "." + f.name, f.name} {
		if class, ok := own()[key]; ok {
			return class, nil
		}
	}
	if class, ok := classes()[base]; ok {
		return class, nil
	}
	return "", fmt.Errorf("%s: say in sensitivity.go who may see it", base)
}

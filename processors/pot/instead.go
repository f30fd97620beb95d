package pot

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

// Reversible says whether a reversal of the posting's journal negates it: it brought the pot cash that no order serves, or took a charge.
func Reversible(p *ledger.Posting) bool {
	if p.Asset != schemas.Cash {
		return false
	}
	switch p.Stage {
	case stageContributed, stageAttributed, stageDistributed, stageCompensated:
		return p.To == ledger.PotAvailable
	case stageCharged:
		return p.From == ledger.PotAvailable
	}
	return false
}

// Instead says what undoes a booking of the stage where no reversal does, empty where one does. It is false for what is no stage.
func Instead(stage string) (act string, known bool) {
	switch stage {
	case stageContributed, stageAttributed, stageDistributed, stageCompensated, stageCharged:
		return "", true
	case stageReserved:
		act = "cancel the instruction before its cut-off; afterwards let it deal, and sell what it bought or buy what it sold"
	case stageCancelled, stageRejected:
		act = "send the instruction again, under a new id"
	case stagePriced, stageReturned, stageRounded, stageSettled, stageSwitched:
		act = "correct the price of the day, or give up a settlement that failed; what was dealt as it was asked for is sold or bought again. Of a charge by units a person works out what is owed"
	case stageWithdrawn:
		act = "cancel the instruction, as long as the bank has not sent the payment"
	case stageSent, stagePaid:
		act = "the payee returns it: the bank tells that the payment bounced"
	case stageBounced:
		act = "the cash is available again: withdraw it again, under a new id"
	case stageReceived:
		act = "refund what is held under the reference"
	case stageSplit, stageMerged:
		act = "declare the opposite split, or a merger back"
	case stageAnnounced:
		act = "the custodian says that the delivery failed, and announces the right one"
	case stagePromised:
		act = "cancel the instruction, as long as the custodian has not delivered"
	case stageDelivered:
		act = "the units go back the way they came: a transfer out in specie of what came, an announcement of what went"
	case stageUndelivered:
		act = "the custodian announces it again, or the instruction is sent again, under a new id"
	case stageReversed:
		act = "what was taken back is paid in again, what was given back is charged again; a correction is corrected again"
	case stageLent, stageRepaid:
		act = "nothing: what was lent was repaid"
	default:
		return "", false
	}
	return act, true
}

// refuseUnknown says why a journal that the pot does not remember cannot be reversed, and what to do where the operator says what it books.
func refuseUnknown(pot schemas.PotID, journal schemas.ID, stage string) refusal {
	if act, known := Instead(stage); known && act != "" {
		return refusal{codeNotReversible, fmt.Sprintf("journal %s is %s, which no reversal undoes: %s", journal, stage, act)}
	}
	return refusal{codeUnknownJournal, fmt.Sprintf(
		"journal %s is none of the last %d by which pot %s came to cash or was charged: what orders and payments made is undone in other ways", journal, bookedMax, pot)}
}

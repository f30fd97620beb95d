// Package suspense names the keys under which cash from outside is held until somebody claims it. Such a key stands where pots have
// theirs, and no pot may bear one.
package suspense

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

const prefix = "suspense:"

// ReferenceBytesMax is the longest payment reference, so that a key made of it is no longer than an identifier may be.
const ReferenceBytesMax = schemas.TextIDMax - len(prefix)

// Key returns the key of a payment reference.
func Key(reference string) schemas.PotID { return schemas.PotID(prefix + reference) }

// IsKey says whether what stands where a pot's id is expected is the key of a payment reference.
func IsKey(pot schemas.PotID) bool { return strings.HasPrefix(string(pot), prefix) }

// Noticed returns the key that a notice of the bank's is for: the pot, or that of the reference under which cash came. It is empty for what a custodian says.
func Noticed(c *ingest.Confirmation) schemas.PotID {
	switch body := c.Body.(type) {
	case *ingest.PaymentSent:
		return body.Pot
	case *ingest.PaymentPaid:
		return body.Pot
	case *ingest.PaymentBounced:
		return body.Pot
	case *ingest.CashReceived:
		return Key(body.Reference)
	}
	return ""
}

// Operated returns the key that an operator's act is for: a pot, or that of a payment reference. It is empty for one that is about no single key.
func Operated(o *ingest.Operation) schemas.PotID {
	switch act := o.Body.(type) {
	case *ingest.ReceiptRefund:
		return Key(act.Reference)
	case *ingest.ReviewRelease:
		return act.Pot
	case *ingest.ReviewRefusal:
		return act.Pot
	case *ingest.JournalReversal:
		return act.Pot
	}
	return ""
}

// Returned names the reference under which a payment is held that came back for a pot that was closed since.
func Returned(payment schemas.ID) string { return "bounced/" + payment.String() }

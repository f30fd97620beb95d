// Package suspense names the keys under which cash from outside is held until somebody claims it. Such a key stands where pots have
// theirs, and no pot may bear one.
package suspense

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
)

const prefix = "suspense:"

// ReferenceBytesMax is the longest payment reference, so that a key made of it is no longer than an identifier may be.
const ReferenceBytesMax = schemas.TextIDMax - len(prefix)

// Key returns the key of a payment reference.
func Key(reference string) schemas.PotID { return schemas.PotID(prefix + reference) }

// IsKey says whether what stands where a pot's id is expected is the key of a payment reference.
func IsKey(pot schemas.PotID) bool { return strings.HasPrefix(string(pot), prefix) }

// Returned names the reference under which a payment is held that came back for a pot that was closed since.
func Returned(payment schemas.ID) string { return "bounced/" + payment.String() }

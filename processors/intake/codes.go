package intake

import "github.com/penstock-ledger/penstock/schemas"

// The rejection codes of these processes. They are frozen. Those of bytes that cannot be read at all (intake/undecodable,
// intake/unknown-schema, intake/schema-incompatible) are found where values are taken out of the registry's framing.
const (
	codeTooLarge      schemas.Code = "intake/too-large"
	codeUndecodable   schemas.Code = "intake/undecodable"
	codeTooManyDigits schemas.Code = "intake/too-many-digits"
	codeReservedKey   schemas.Code = "intake/reserved-key"
	codeBadIdentifier schemas.Code = "intake/bad-identifier"
	codeNotPositive   schemas.Code = "intake/not-positive"
	codeAmountTooHigh schemas.Code = "intake/amount-too-high"
	codeBadSplit      schemas.Code = "intake/bad-split"
	codeBadChoice     schemas.Code = "intake/bad-choice"
	codeBadSell       schemas.Code = "intake/bad-sell"
	codeBadDelivery   schemas.Code = "intake/bad-delivery"
	codeReasonMissing schemas.Code = "intake/reason-missing"
	codeTextTooLong   schemas.Code = "intake/text-too-long"
	codeBadText       schemas.Code = "intake/bad-text"
	codeBadTerms      schemas.Code = "intake/bad-terms"
	codeNotDecidable  schemas.Code = "intake/not-decidable"
)

// refusal is why a record is not passed on. The zero refusal means that it is.
type refusal struct {
	code   schemas.Code
	reason string
}

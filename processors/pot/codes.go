package pot

import "github.com/penstock-ledger/penstock/schemas"

// The rejection codes of this process. They are frozen: who sends instructions acts on them.
const (
	codeNotOpen              schemas.Code = "pot/not-open"
	codeAlreadyOpen          schemas.Code = "pot/already-open"
	codeConflictingDuplicate schemas.Code = "pot/conflicting-duplicate"
	codeNotReady             schemas.Code = "pot/not-ready"
	codeDatedInFuture        schemas.Code = "pot/dated-in-future"
	codeDatedTooFarBack      schemas.Code = "pot/dated-too-far-back"
	codeTooManyInstructions  schemas.Code = "pot/too-many-instructions"
	codeTooManyOrders        schemas.Code = "pot/too-many-orders"
	codeBalanceTooLarge      schemas.Code = "pot/balance-too-large"
	codeHoldingTooLarge      schemas.Code = "pot/holding-too-large"
	codeCashNotAvailable     schemas.Code = "pot/cash-not-available"
	codeUnknownAsset         schemas.Code = "pot/unknown-asset"
	codeNoDealingDay         schemas.Code = "pot/no-dealing-day"
	codeAfterClose           schemas.Code = "pot/after-close"
	codeUnknownInstruction   schemas.Code = "pot/unknown-instruction"
	codeNothingToCancel      schemas.Code = "pot/nothing-to-cancel"
	codeTooLateToCancel      schemas.Code = "pot/too-late-to-cancel"
	codeTradeRejected        schemas.Code = "pot/trade-rejected"
	codeDroppedByOperator    schemas.Code = "pot/dropped-by-operator"
)

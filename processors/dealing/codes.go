package dealing

import "github.com/penstock-ledger/penstock/schemas"

// The rejection codes of this process. They are frozen.
const (
	codeConflictingConfirmation schemas.Code = "dealing/conflicting-confirmation"
	codeUnknownTrade            schemas.Code = "dealing/unknown-trade"
	codeWrongCustodian          schemas.Code = "dealing/wrong-custodian"
	codeNotPlaced               schemas.Code = "dealing/not-placed"
	codeTradeSettled            schemas.Code = "dealing/trade-settled"
	codeTradeRejected           schemas.Code = "dealing/trade-rejected"
	codeTradePriced             schemas.Code = "dealing/trade-priced"
	codeTooManyWaiting          schemas.Code = "dealing/too-many-waiting"
	codePieceRepeated           schemas.Code = "dealing/piece-repeated"
	codePieceMissing            schemas.Code = "dealing/piece-missing"
	codeTooManyPieces           schemas.Code = "dealing/too-many-pieces"
	codePriceMismatch           schemas.Code = "dealing/price-mismatch"
	codeOverfill                schemas.Code = "dealing/overfill"
	codeUnitsScale              schemas.Code = "dealing/units-scale"
	codeProceedsTooHigh         schemas.Code = "dealing/proceeds-too-high"
	codeUnitsNotReserved        schemas.Code = "dealing/units-not-reserved"
	codeUnitsMismatch           schemas.Code = "dealing/units-mismatch"
	codePieceDiffers            schemas.Code = "dealing/piece-differs"
	codeNoBreak                 schemas.Code = "dealing/no-such-break"
	codeBreakNotAcceptable      schemas.Code = "dealing/break-not-acceptable"
	codeNotFailed               schemas.Code = "dealing/settlement-not-failed"
	codeNotPriced               schemas.Code = "dealing/not-priced"
	codeSettledEarly            schemas.Code = "dealing/settled-early"
	codeSettledInFuture         schemas.Code = "dealing/settled-in-future"
	codeDeferredTooFar          schemas.Code = "dealing/deferred-too-far"
	codeUnknownAsset            schemas.Code = "dealing/unknown-asset"
	codeQuotationDiffers        schemas.Code = "dealing/quotation-differs"
	codePriceScale              schemas.Code = "dealing/price-scale"
	codePriceInFuture           schemas.Code = "dealing/price-dated-in-future"
	codePriceEarly              schemas.Code = "dealing/price-before-cut-off"
	codePriceDiffers            schemas.Code = "dealing/price-differs"
	codeNoParkedPrice           schemas.Code = "dealing/no-parked-price"
	codeNotCorrected            schemas.Code = "dealing/price-not-to-be-corrected"
	codeCorrectionTooLate       schemas.Code = "dealing/correction-too-late"
	codeTradeNotCorrectable     schemas.Code = "dealing/trade-not-correctable"
	codeSettingsMissing         schemas.Code = "dealing/settings-missing"
	codeBadReference            schemas.Code = "dealing/bad-reference"
	codeReferenceTooLate        schemas.Code = "dealing/reference-too-late"
	codeUnknownProcess          schemas.Code = "dealing/unknown-process"
	codeConflictingDeclaration  schemas.Code = "dealing/conflicting-declaration"
	codeDeclarationDated        schemas.Code = "dealing/declaration-dated"
	codeTooManyDeclarations     schemas.Code = "dealing/too-many-declarations"
	codeAlreadyRebalanced       schemas.Code = "dealing/already-rebalanced"
	codeNotFollowing            schemas.Code = "dealing/period-does-not-follow"
	codeAssetNotFree            schemas.Code = "dealing/asset-not-free"
	codeDeclaredTooLate         schemas.Code = "dealing/declared-too-late"
	codeNoHoldings              schemas.Code = "dealing/no-holdings"
	codeUnknownRule             schemas.Code = "dealing/unknown-rule"
	codeDroppedByOperator       schemas.Code = "dealing/dropped-by-operator"
)

// refusal is why something is not done. The zero refusal means that it is.
type refusal struct {
	code   schemas.Code
	reason string
}

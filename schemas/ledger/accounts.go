// Package ledger holds the records of the ledger topics, the accounts that they name, and the chain that ties journals together.
package ledger

import (
	"strings"

	"github.com/penstock-ledger/penstock/schemas"
)

// The accounts of a pot. Cash and the units of each asset have balances of their own in an account of the same code.
const (
	PotAvailable schemas.Account = "pot:available" // cash that can be used
	PotReserved  schemas.Account = "pot:reserved"  // cash set aside for buys; units set aside for sells
	PotPending   schemas.Account = "pot:pending"   // units bought, or proceeds of a sale, that have not settled
	PotPayable   schemas.Account = "pot:payable"   // cash about to be paid out
	PotSettled   schemas.Account = "pot:settled"   // units that can be sold
)

// The accounts of the scheme and of its bank; there is a set per shard.
const (
	SchemeRounding schemas.Account = "scheme:rounding"
	SchemeSuspense schemas.Account = "scheme:suspense" // cash received that nobody has claimed
	SchemeCharges  schemas.Account = "scheme:charges"  // what pots have paid for their keeping
	// SchemeCompensation is what the scheme made good itself, where a correction takes what a member has no more of.
	SchemeCompensation schemas.Account = "scheme:compensation"
	BankClientMoney    schemas.Account = "bank:client-money"
	BankInTransit      schemas.Account = "bank:in-transit" // cash sent and not paid yet; over all shards, also what moves from one to another
)

const (
	potOwner       = "pot:"
	custodianOwner = "custodian/"
)

// CashOwed is what the custodian is owed for units that it has priced and that have not settled, or owes for sold ones.
func CashOwed(custodian schemas.CustodianID) schemas.Account {
	return custodianOwner + schemas.Account(custodian) + ":cash-owed"
}

// UnitsOwed is what the custodian still has to deliver of units bought, or to take of units sold.
func UnitsOwed(custodian schemas.CustodianID) schemas.Account {
	return custodianOwner + schemas.Account(custodian) + ":units-owed"
}

// UnitsSettled is the contra of the trust's holding with the custodian.
func UnitsSettled(custodian schemas.CustodianID) schemas.Account {
	return custodianOwner + schemas.Account(custodian) + ":units-settled"
}

// IsCashOwed says whether the account is that of the cash which a custodian owes, or is owed.
func IsCashOwed(account schemas.Account) bool {
	return strings.HasSuffix(string(account), ":cash-owed")
}

// IsPotAccount says whether the account belongs to a pot.
func IsPotAccount(account schemas.Account) bool { return strings.HasPrefix(string(account), potOwner) }

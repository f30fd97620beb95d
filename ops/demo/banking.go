package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
	"github.com/penstock-ledger/penstock/sinks/bank"
	"github.com/penstock-ledger/penstock/streams"
)

// What is paid out of one pot, and what comes to another from a scheme that its member has left.
const (
	withdrawn         schemas.Money = 150_00
	transferred       schemas.Money = 1234_56
	transferReference               = "OLD-SCHEME-4711"
)

// withdraw has a member ask for cash. The bank sends it at once, and the payee has it on the next day.
func (g *generator) withdraw(p *potModel) {
	w := g.atHalfPast()
	i := g.instruct(portal, p, "withdraw-1", &ingest.Withdraw{Cash: withdrawn, Payee: "payee-7"})
	g.accepted(w, i, 0, "paid")
	w.show("a withdrawal")
	p.available -= withdrawn
	payment := schemas.DeriveID("payment", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String())
	step := func(words, stage string, from, to schemas.Account) Move {
		return Move{Words: words, Pot: p.id, Stage: stage, Order: payment, Asset: schemas.Cash, From: from, To: to, Quantity: cashOf(withdrawn)}
	}
	g.tell(Story{
		Title: "a withdrawal that is paid", Means: "the cash is the member's until the bank has sent it, and the trust's until the payee has it",
		Asked: fmt.Sprintf("on %s %s asked that %s be paid to payee-7", g.day.Date, p.id, withdrawn),
		Moves: []Move{
			step("set aside", "withdrawn", ledger.PotAvailable, ledger.PotPayable),
			step("sent by the bank", "sent", ledger.PotPayable, ledger.BankInTransit),
			step("with the payee", "paid", ledger.BankInTransit, ledger.BankClientMoney),
		},
	})
}

// receive has the bank receive cash of which nobody knows yet whose it is.
func (g *generator) receive() {
	receipt := &ingest.Confirmation{
		Custodian: bank.Name, ID: "receipt-4711", Trade: schemas.DeriveID("receipt-4711"),
		Body: &ingest.CashReceived{Reference: transferReference, Cash: transferred, On: g.day.Date},
	}
	g.atSecond().add(Record{About: "cash that came to the bank under a reference", Topic: streams.IngestConfirmation, Key: "bank", Value: receipt})
}

// claim has a member claim what the bank has received.
func (g *generator) claim(p *potModel) {
	w := g.atHalfPast()
	g.accepted(w, g.instruct(portal, p, "transfer-in-1", &ingest.TransferIn{Reference: transferReference}), 0, "attributed")
	w.show("the claim of it, by the pot that it is for")
	p.available += transferred
	step := func(words string, pot schemas.PotID, stage, cause string, from, to schemas.Account) Move {
		return Move{Words: words, Pot: pot, Stage: stage, Cause: cause, Asset: schemas.Cash, From: from, To: to, Quantity: cashOf(transferred)}
	}
	g.tell(Story{
		Title: "a transfer in", Means: "cash that nobody has claimed is owed to somebody: it stands in suspense, and passes through transit into the pot",
		Asked: fmt.Sprintf("on %s the bank got %s under %s, and %s claimed it later", g.day.Date, transferred, transferReference, p.id),
		Moves: []Move{
			step("nobody's yet, in suspense", "", "received", "receipt-4711", ledger.BankClientMoney, ledger.SchemeSuspense),
			step("given to who claims it", "", "attributed", "transfer-in-1", ledger.SchemeSuspense, ledger.BankInTransit),
			step("available in the pot", p.id, "attributed", "transfer-in-1", ledger.BankInTransit, ledger.PotAvailable),
		},
	})
}

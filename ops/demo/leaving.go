package demo

import (
	"fmt"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
	"github.com/penstock-ledger/penstock/schemas/ledger"
)

const (
	leaveOnDay = 4
	// By then the transfer is paid, and the pot closed.
	closedOnDay   = 9
	leaveReceiver = "another-scheme"
	// What the pot that leaves has bought, of funds that pay nothing out meanwhile.
	leaverFirst, leaverSecond                       = schemas.AssetCode("GOOG"), schemas.AssetCode("WTI")
	leaverFirstCash, leaverSecondCash schemas.Money = 300_00, 200_00
)

// leave has a member move everything to another scheme: all is sold, and paid out when the last of it has settled.
func (g *generator) leave(p *potModel) {
	i := g.instruct(portal, p, "transfer-out-1", &ingest.TransferOut{Receiver: leaveReceiver})
	g.accepted(g.atBuying(), i, g.day.Date, "paid")
	g.atBuying().show("a transfer out")
	cash := p.available
	p.available = 0
	g.workload.Left = append(g.workload.Left, p.id)
	payment := schemas.DeriveID("payment", string(i.Source), string(i.Pot), string(i.ID), i.InstructedOn.String())
	step := func(words, stage string, from, to schemas.Account, of ...int) Move {
		return Move{Words: words, Pot: p.id, Stage: stage, Order: payment, Asset: schemas.Cash, From: from, To: to, Of: of}
	}
	first, firstDealt, firstSettled := g.soldAlone(p, leaverFirst, 0, 0)
	second, secondDealt, secondSettled := g.soldAlone(p, leaverSecond, 0, 3)
	moves := append(append([]Move{first}, firstDealt...), append([]Move{second}, secondDealt...)...)
	paid := step("paid out, with "+cash.String()+" of cash", "withdrawn", ledger.PotAvailable, ledger.PotPayable, 2, 5)
	paid.Quantity, paid.Empties = cashOf(cash), true
	g.tell(Story{
		Title: "a transfer out", Means: "all units become cash, and all cash leaves: the last posting of each account brings it to nothing, and the pot is closed",
		Asked: fmt.Sprintf("on %s %s asked to be moved to %s", g.day.Date, p.id, leaveReceiver),
		Moves: append(moves, firstSettled, secondSettled, paid,
			step("sent by the bank", "sent", ledger.PotPayable, ledger.BankInTransit, 8),
			step("with the other scheme", "paid", ledger.BankInTransit, ledger.BankClientMoney, 8)),
	})
}

// afterLeaving has payroll pay into a pot that was closed.
func (g *generator) afterLeaving(p *potModel) {
	i := g.instruct(payroll, p, "too-late", &ingest.Contribution{Cash: 10_00})
	g.atSecond().add(instructionRecord(i, rejected("pot/closed")))
	g.atSecond().show("a contribution to a pot that was transferred out")
}

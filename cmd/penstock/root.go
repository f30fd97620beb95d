package main

import (
	"github.com/spf13/cobra"
)

// The groups of commands in the help.
const (
	groupRun   = "run"
	groupData  = "data"
	groupLook  = "look"
	groupAdmin = "admin"
)

// newRoot returns the command tree. It is made anew for every use, so that tests share nothing.
//
//	penstock --+-- up, demo, run, day,           run something
//	           |   bench, sim
//	           +-- produce, tail                 records in and out
//	           +-- status, prices, correct,      look at what is there, and act on it
//	           |   breaks, declare, refund,
//	           |   reverse, settlement, review,
//	           |   parked, pot, trace, prove,
//	           |   ledger
//	           +-- topics, schemas, reference,   set up
//	           |   rules, version
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "penstock",
		Short: "The streaming investment ledger of a master trust",
		Long: `Penstock turns members' instructions into external trades and books what becomes of them.

Try it: "penstock up" runs everything in one process; "penstock produce" then sends an instruction, "penstock day close" closes
a day, and "penstock pot show" tells what became of it.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run:"}, &cobra.Group{ID: groupData, Title: "Records in and out:"},
		&cobra.Group{ID: groupLook, Title: "Look:"}, &cobra.Group{ID: groupAdmin, Title: "Set up:"},
	)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newUp(), newDemo(), newRun(), newDay(), newBench(), newSim(),
		newProduce(), newTail(),
		newStatus(), newPrices(), newCorrect(), newBreaks(), newDeclare(), newRefund(), newReverse(), newSettlement(), newReview(), newParked(), newAgeing(), newPot(),
		newTrace(), newProve(), newLedger(),
		newTopics(), newSchemas(), newReference(), newRules(), newVersion(), newCommands(),
	)
	refuseUnknown(root)
	return root
}

// refuseUnknown makes commands that only group others refuse a word that names none of them: a misspelt check must not pass.
func refuseUnknown(command *cobra.Command) {
	for _, sub := range command.Commands() {
		if sub.HasSubCommands() && !sub.Runnable() {
			sub.Args = cobra.NoArgs
			sub.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		refuseUnknown(sub)
	}
}

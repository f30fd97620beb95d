package main

import (
	"fmt"

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
	explainArguments(root)
	return root
}

// explainArguments has each command say how it is written when it is given too few or too many words, or a word such as -5 that looks like a flag.
func explainArguments(command *cobra.Command) {
	if check := command.Args; check != nil && !command.HasSubCommands() {
		command.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return fmt.Errorf("%w; it is written: %s", err, cmd.UseLine())
			}
			return nil
		}
		command.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
			return fmt.Errorf("%w; it is written: %s, and see: %s --help", err, cmd.UseLine(), cmd.CommandPath())
		})
	}
	for _, sub := range command.Commands() {
		explainArguments(sub)
	}
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

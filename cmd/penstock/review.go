package main

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/roles"
	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// run prints what would be done and, with --execute, sends it.
func (a *act) run(cmd *cobra.Command, plan string, body ingest.OperationBody) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s, by %s: %s\n", plan, a.operator, a.reason)
	if !a.planned(out) {
		return nil
	}
	operation := a.operation(body)
	if err := a.send(cmd.Context(), operation); err != nil {
		return err
	}
	fmt.Fprintf(out, "sent as operation %s; a refusal would be on audit.rejection.v1\n", operation.ID)
	return nil
}

func newReview() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "review",
		GroupID: groupLook,
		Short:   "Release or refuse an instruction that is held for review",
		Long: `An instruction that invests or withdraws more than the policy's limit is held: its status is "held", and nothing is reserved. Released, it is decided as
if it had come now, and deals on the next day as of now. penstock pot show POT names what is held.`,
		Example: `  penstock review release p1 portal b-17 --operator anna --reason "called the member back" --execute`,
	}
	cmd.AddCommand(newReviewWord(true), newReviewWord(false))
	return cmd
}

func newReviewWord(release bool) *cobra.Command {
	var a act
	verb, short := "release", "Release a held instruction: it is decided as if it had come now"
	if !release {
		verb, short = "refuse", "Refuse a held instruction: it ends rejected"
	}
	cmd := &cobra.Command{
		Use:     verb + " POT SOURCE INSTRUCTION",
		Short:   short,
		Long:    "Prints what would happen, and acts only with --execute. What became of it is told on instruction.status.v1, and by penstock pot show.",
		Example: fmt.Sprintf("  penstock review %s p1 portal b-17 --operator anna --reason \"called the member back\" --execute", verb),
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			var pot roles.PotView
			if err := a.get(cmd.Context(), "/pots/"+url.PathEscape(args[0]), &pot); err != nil {
				return err
			}
			source, id := schemas.SourceID(args[1]), schemas.InstructionID(args[2])
			for i := range pot.Held {
				held := &pot.Held[i]
				if held.Source != source || held.Instruction != id {
					continue
				}
				plan := fmt.Sprintf("%s %s %s of %s, which pot %s holds since %s", verb, held.Kind, id, source, pot.Pot, held.ReceivedAt.Format("2006-01-02 15:04"))
				if release {
					return a.run(cmd, plan, &ingest.ReviewRelease{Pot: pot.Pot, Source: source, Instruction: id})
				}
				return a.run(cmd, plan, &ingest.ReviewRefusal{Pot: pot.Pot, Source: source, Instruction: id})
			}
			return fmt.Errorf("pot %s holds no instruction %s of %s; see: penstock pot show %s", args[0], id, source, args[0])
		},
	}
	a.flags(cmd)
	return cmd
}

func newRules() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "rules",
		GroupID: groupAdmin,
		Short:   "Start a version of a rule",
		Long: `A version of a rule starts at one point of the order in every shard. A batch whose day was closed before keeps the version that it was closed with, to its
last piece. Rules and versions: allocation floor-and-box/1, allocation floor-and-box/2.`,
		Example: `  penstock rules activate allocation floor-and-box/2 --operator anna --reason "resolved by the trustees" --execute`,
	}
	cmd.AddCommand(newRulesActivate())
	return cmd
}

func newRulesActivate() *cobra.Command {
	var a act
	cmd := &cobra.Command{
		Use:   "activate RULE VERSION",
		Short: "Start a version of a rule from here on",
		Long: `Prints what would happen, and acts only with --execute. A shard that runs an older program, which does not know the version, stops there and says so in
penstock status: install the release that knows it everywhere first.`,
		Example: `  penstock rules activate allocation floor-and-box/2 --operator anna --reason "resolved by the trustees" --execute`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "" || args[1] == "" {
				return errors.New("a rule and a version need names")
			}
			plan := fmt.Sprintf("start version %s of rule %s for every batch that is closed from here on", args[1], args[0])
			return a.run(cmd, plan, &ingest.RuleActivation{Rule: args[0], Version: args[1]})
		},
	}
	a.flags(cmd)
	return cmd
}

package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/schemas"
	"github.com/penstock-ledger/penstock/schemas/ingest"
)

// declaring is an operator's declaration on pots or assets.
type declaring struct {
	act
	id string
}

func newDeclare() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "declare",
		GroupID: groupLook,
		Short:   "Declare a charge on all pots, a re-balancing, or a distribution, a split or a merger of an asset",
		Long: `Prints what would be declared, and declares only with --execute. The same declaration again, under the same --operator and --id, changes
nothing. What is refused is on audit.rejection.v1.`,
		Example: `  penstock declare distribution GOOG 1250.00 2008-04-18 --id goog-2008-q1 --operator anna --reason "final dividend" --execute
  penstock declare split GOOG 2008-05-01 3 2 --id goog-split --operator anna --reason "three for two" --execute
  penstock declare fee 1.50 100.00 2008-04-30 --id fee-2008-04 --operator anna --reason "administration of April" --execute`,
	}
	cmd.AddCommand(newDeclareDistribution(), newDeclareSplit(), newDeclareMerger(), newDeclareFee(), newDeclareAccrual(), newDeclareCollection(), newDeclareRebalance())
	return cmd
}

// command makes a subcommand; words are an example of what is written behind its name.
func (d *declaring) command(use, words, short string, count int, read func(args []string) (ingest.OperationBody, error)) *cobra.Command {
	name, _, _ := strings.Cut(use, " ")
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: "  penstock declare " + name + " " + words + " --id d1 --operator anna --reason \"as announced\" --execute",
		Args:    cobra.ExactArgs(count),
		RunE: func(cmd *cobra.Command, args []string) error {
			body, err := read(args)
			if err != nil {
				return err
			}
			return d.run(cmd, args, body)
		},
	}
	d.flags(cmd)
	cmd.Flags().StringVar(&d.id, "id", "", "id of the declaration (required)")
	_ = cmd.MarkFlagRequired("id")
	return cmd
}

func newDeclareDistribution() *cobra.Command {
	var d declaring
	var reinvest bool
	cmd := d.command("distribution ASSET CASH DATE", "GOOG 1250.00 2008-04-18", "Give income that the custodian received to all who hold the asset", 3, func(args []string) (ingest.OperationBody, error) {
		cash, err := schemas.ParseMoney(args[1])
		if err != nil {
			return nil, fmt.Errorf("cash %q: %w; write it as 1250.00", args[1], err)
		}
		day, err := parseDay(args[2])
		if err != nil {
			return nil, err
		}
		return &ingest.Distribution{Asset: schemas.AssetCode(args[0]), Cash: cash, EffectiveOn: day, Reinvest: reinvest}, nil
	})
	cmd.Flags().BoolVar(&reinvest, "reinvest", false, "each pot buys the asset with its income")
	return cmd
}

// conversionTerms reads the day and the ratio of a split or a merger.
func conversionTerms(args []string) (day schemas.Date, numerator, denominator int64, err error) {
	if day, err = parseDay(args[0]); err != nil {
		return 0, 0, 0, err
	}
	if numerator, err = schemas.ParseQuanta(args[1], 0); err != nil {
		return 0, 0, 0, fmt.Errorf("new units %q: %w", args[1], err)
	}
	if denominator, err = schemas.ParseQuanta(args[2], 0); err != nil {
		return 0, 0, 0, fmt.Errorf("old units %q: %w", args[2], err)
	}
	return day, numerator, denominator, nil
}

func newDeclareSplit() *cobra.Command {
	var d declaring
	return d.command("split ASSET DATE NEW OLD", "GOOG 2008-05-01 3 2", "Make NEW units of every OLD ones, from the date on", 4, func(args []string) (ingest.OperationBody, error) {
		day, numerator, denominator, err := conversionTerms(args[1:])
		return &ingest.UnitSplit{Asset: schemas.AssetCode(args[0]), On: day, Numerator: numerator, Denominator: denominator}, err
	})
}

func newDeclareMerger() *cobra.Command {
	var d declaring
	return d.command("merger ASSET INTO DATE NEW OLD", "GOOG IBM 2008-05-01 15 4", "Exchange OLD units of the asset for NEW ones of another, and close the asset", 5, func(args []string) (ingest.OperationBody, error) {
		day, numerator, denominator, err := conversionTerms(args[2:])
		return &ingest.FundMerger{Asset: schemas.AssetCode(args[0]), Into: schemas.AssetCode(args[1]), On: day, Numerator: numerator, Denominator: denominator}, err
	})
}

// planOf names each word by what the command's usage calls it, and what else was said of the declaration: the order of dates and ratios is easily mistaken.
func planOf(cmd *cobra.Command, args []string) string {
	plan := "declare " + cmd.Name()
	for n, name := range strings.Fields(cmd.Use)[1:] {
		plan += fmt.Sprintf(" %s=%s", name, args[n])
	}
	for _, name := range []string{"reinvest", "by-units", "absolute", "relative", "minimum", "invest-cash", "while-unsettled"} {
		if term := cmd.Flags().Lookup(name); term != nil && term.Value.String() != "" && term.Value.String() != "false" {
			plan += fmt.Sprintf(" --%s=%s", name, term.Value)
		}
	}
	return plan
}

func (d *declaring) run(cmd *cobra.Command, args []string, body ingest.OperationBody) error {
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%s, by %s as %s: %s\n", planOf(cmd, args), d.operator, d.id, d.reason)
	if !d.planned(out) {
		return nil
	}
	operation := d.operation(body)
	operation.ID = d.id
	if err := d.send(cmd.Context(), operation); err != nil {
		return err
	}
	fmt.Fprintln(out, "declared; a refusal would be on audit.rejection.v1")
	return nil
}

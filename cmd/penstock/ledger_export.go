package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/penstock-ledger/penstock/ops/hledger"
	"github.com/penstock-ledger/penstock/sinks/postgres"
)

func newLedgerExport() *cobra.Command {
	var t target
	var format, output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write every journal for another program to add up",
		Long: `Writes the whole ledger, as it is at one moment, in the language of another accounting program, so that its sums can be had from a program
that shares nothing with this one. The format hledger (https://hledger.org) has a transaction for each journal and effective day; accounts of a
pot are named pot/ID:account, those of the outside world shard-N:account.`,
		Example: `  penstock ledger export --format hledger --output ledger.journal
  hledger -f ledger.journal balance --flat --end 2008-04-01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "hledger" {
				return fmt.Errorf("--format %q is not known; hledger is", format)
			}
			pool, err := t.auditor(cmd.Context())
			if err != nil {
				return err
			}
			defer pool.Close()
			if output == "" {
				return export(cmd, pool, cmd.OutOrStdout())
			}
			file, err := os.Create(output) //nolint:gosec // the user says where
			if err != nil {
				return fmt.Errorf("making the file: %w", err)
			}
			return errors.Join(export(cmd, pool, file), file.Close())
		},
	}
	t.flags(cmd)
	cmd.Flags().StringVar(&format, "format", "hledger", "the language to write")
	cmd.Flags().StringVar(&output, "output", "", "the file to write; the terminal if it is missing")
	return cmd
}

func export(cmd *cobra.Command, pool *pgxpool.Pool, to io.Writer) error {
	w := hledger.NewWriter(to)
	return errors.Join(postgres.Journals(cmd.Context(), pool, w.Add), w.Close())
}
